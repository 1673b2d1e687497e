"""Digests of the inputs of jobs: a digest changes if the job would do something different."""

import glob
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from canary_wf.files.json_files import encode
from canary_wf.spec.job_spec import JobSpec


class InputDigests:
    """Computes the digests of one plan's jobs. A file that many jobs share is examined once."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[str, int, int]]] = {}

    def of(self, job: JobSpec) -> str:
        """Return a digest of how `job` is run and of the sizes and modification times of its files.

        Paths must be absolute, as discovery returns them.
        """
        files = [(asset.action, asset.source, asset.target, self._fingerprint(asset.source)) for asset in job.assets]
        needs = (job.limit, job.cpus, job.gpus, job.nodes, job.resources, job.resource_groups)
        edges = [(edge.job, edge.when) for edge in job.dependencies]
        script = self._fingerprint(job.file) if job.kind == "pyt" else self._ctest_files(job)
        how = (job.kind, job.command, job.environment, job.preparation, job.xstatus, job.working_directory, job.ctest)
        content = encode([*how, needs, files, edges, script])
        return hashlib.sha256(content).hexdigest()[:20]

    def _ctest_files(self, job: JobSpec) -> list[list[tuple[str, int, int]]] | None:
        """Return the fingerprints of the program and of the required files of a CTest test, which are not copied."""
        if job.ctest is None:
            return None
        folder = job.working_directory or "/"
        required = (os.path.join(folder, name) for name in job.ctest.required_files)  # noqa: PTH118 - many jobs
        return [self._fingerprint(glob.escape(file)) for file in (*job.command[:1], *required)]

    def _fingerprint(self, source: str) -> list[tuple[str, int, int]]:
        if source not in self._known:
            self._known[source] = list(_fingerprint(source))
        return self._known[source]


def _fingerprint(source: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and modification time (ns) of each file that matches `source`, a path or a glob."""
    paths = [source] if os.path.lexists(source) else sorted(glob.glob(source))  # noqa: PTH207 - absolute patterns
    for path in paths:
        yield from _entries(Path(path))


def _entries(path: Path) -> list[tuple[str, int, int]]:
    if path.is_dir() and not path.is_symlink():
        return [entry for inner in sorted(path.rglob("*")) if not inner.is_dir() for entry in _entries(inner)]
    try:
        found = path.stat()
    except OSError:
        return [(str(path), -1, -1)]
    return [(str(path), found.st_size, found.st_mtime_ns)]
