"""What a job's verdict depends on besides its id: a digest that changes when the job would do something else."""

import glob
import hashlib
import os
from functools import lru_cache
from pathlib import Path

from canary_wf.job.spec import JobSpec
from canary_wf.json_files import encode


def inputs_digest(job: JobSpec) -> str:
    """Return a digest of how `job` is run and of its files' sizes and modification times.

    Paths must be absolute, as discovery makes them.
    """
    files = [(asset.action, asset.target, _fingerprint(asset.source)) for asset in job.assets]
    declared = (job.command, job.environment, job.xstatus, job.timeout, job.cpus, job.gpus, job.nodes, job.resources)
    edges = [(edge.job, edge.when) for edge in job.dependencies]
    content = encode([job.kind, declared, files, edges, _fingerprint(job.file) if job.kind == "pyt" else None])
    return hashlib.sha256(content).hexdigest()[:20]


@lru_cache(maxsize=200_000)
def _fingerprint(source: str) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and modification time (ns) of each file that `source`, maybe a glob, names."""
    paths = [source] if os.path.lexists(source) else sorted(glob.glob(source))  # noqa: PTH207 - absolute patterns
    return tuple(entry for path in paths for entry in _entries(Path(path)))


def _entries(path: Path) -> list[tuple[str, int, int]]:
    if path.is_dir() and not path.is_symlink():
        return [entry for inner in sorted(path.rglob("*")) if not inner.is_dir() for entry in _entries(inner)]
    try:
        found = path.stat()
    except OSError:
        return [(str(path), -1, -1)]
    return [(str(path), found.st_size, found.st_mtime_ns)]
