"""What a job's verdict depends on besides its id: a digest that changes when the job would do something else."""

import glob
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from canary_wf.files.json_files import encode
from canary_wf.spec.job_spec import JobSpec


class InputDigests:
    """The digests of one plan's jobs; a file that many jobs share is looked at once."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[str, int, int]]] = {}

    def of(self, job: JobSpec) -> str:
        """Return a digest of how `job` is run and of its files' sizes and modification times.

        Paths must be absolute, as discovery makes them.
        """
        files = [(asset.action, asset.source, asset.target, self._fingerprint(asset.source)) for asset in job.assets]
        needs = (job.limit, job.cpus, job.gpus, job.nodes, job.resources, job.resource_groups)
        edges = [(edge.job, edge.when) for edge in job.dependencies]
        script = self._fingerprint(job.file) if job.kind == "pyt" else self._ctest_files(job)
        how = (job.kind, job.command, job.environment, job.preparation, job.xstatus, job.working_directory, job.ctest)
        content = encode([*how, needs, files, edges, script])
        return hashlib.sha256(content).hexdigest()[:20]

    def _ctest_files(self, job: JobSpec) -> list[list[tuple[str, int, int]]] | None:
        """Return the fingerprints of the program and the required files of a test of CTest, which stay in place."""
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
    """Yield name, size and modification time (ns) of each file that `source`, maybe a glob, names."""
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
