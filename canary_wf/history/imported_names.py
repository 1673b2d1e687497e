"""Whose durations another program's names are: those of the jobs that have the name, or that run what it names."""

import posixpath
from collections.abc import Mapping, Sequence

from canary_wf.durations import LONGEST
from canary_wf.spec.batch_slice import PlannedJob

_NODE = "::"
"""What stands between file and test in a name of pytest."""


def durations_by_job(seconds: Mapping[str, float], jobs: Sequence[PlannedJob]) -> tuple[dict[str, float], int]:
    """Return the seconds of each of `jobs` that `seconds` knows by name, and how many of its names named no job.

    A name is a job's name or id, what CTest calls the job's test, or a pytest node id: a job whose command names the
    node, or its file, takes the sum of all that it names. Files are named from the top of the tree, or as seen from the
    job's own file.
    """
    names: dict[str, list[str]] = {}
    for job in jobs:
        for name in {job.name, job.id, job.attributes.get("test", job.name) if job.kind == "ctest" else job.name}:
            names.setdefault(name, []).append(job.id)
    runners: dict[str, list[str]] = {}
    for job in jobs:
        for word in _spellings(job):
            runners.setdefault(word, []).append(job.id)
    found: dict[str, float] = {}
    unused = 0
    for name, duration in seconds.items():
        owners = names.get(name)
        if owners is None:
            owners = list(dict.fromkeys(owner for word in _words(name) for owner in runners.get(word, ())))
        unused += not owners
        for owner in owners:
            found[owner] = min(found.get(owner, 0.0) + duration, LONGEST)
    return found, unused


def _spellings(job: PlannedJob) -> set[str]:
    """Return the words of the job's command, also with what its file's folder would put before them."""
    folder = posixpath.dirname(job.path)
    return {*job.command, *(posixpath.normpath(posixpath.join(folder, word)) for word in job.command)}


def _words(name: str) -> list[str]:
    """Return what a command may call the node `name`: itself, its class, its file."""
    parts = name.split(_NODE)
    return [_NODE.join(parts[:count]) for count in range(len(parts), 0, -1)] if len(parts) > 1 else []
