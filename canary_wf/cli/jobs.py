"""Finds the jobs that a user means by an id prefix, a name or a pattern."""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase

from canary_wf.errors import UsageError
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.wording import some

SHORTEST_PREFIX = 4

MOST_COMPARED = 5000
"""Largest number of names among which a similar one is searched, which takes a tenth of a millisecond for each."""


def find_job(jobs: Iterable[PlannedJob], name: str, lister: str = "canary-wf status -r all") -> PlannedJob:
    """Return the job with this `name`, with a CTest test of this name, or with an id that starts with it.

    Raises UsageError for none or several; it names `lister`, the command that lists the jobs.
    """
    jobs = list(jobs)
    found = _called(jobs, name)
    if not found and len(name) >= SHORTEST_PREFIX:
        found = [job for job in jobs if job.id.startswith(name.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(job.id[:12] for job in found[:4])
        raise UsageError(f"{name!r} names {len(found)} jobs ({ids})", where="JOB", hint="give more of the id")
    raise UsageError(f"there is no job {name!r}", where="JOB", hint=_hint(name, [job.name for job in jobs], lister))


def _called(jobs: Iterable[PlannedJob], name: str) -> list[PlannedJob]:
    """Return the jobs with this name, or else the jobs whose CTest test has it. CTest allows names that jobs do not."""
    jobs = list(jobs)
    found = [job for job in jobs if job.name == name]
    return found or [job for job in jobs if job.kind == "ctest" and name in {job.family, job.attributes.get("test")}]


def _hint(name: str, names: list[str], lister: str) -> str:
    """Return a hint with names that contain `name` or are similar to it."""
    found = [each for each in names if name and name.lower() in each.lower()]
    if not found and len(names) <= MOST_COMPARED:
        from difflib import get_close_matches

        found = get_close_matches(name, names)
    list_command = f"{lister} lists them"
    return f"did you mean {some(found)}? {list_command}" if found else list_command


def similar_paths(word: str) -> list[str]:
    """Return the files and folders that `word`, which is no path, may mean: those of a similar name in its folder."""
    folder, name = os.path.split(word.rstrip("/"))
    try:
        names = [each for each in os.listdir(folder or ".") if not each.startswith(".")]  # noqa: PTH208 - names
    except OSError:
        return []
    if not name or len(names) > MOST_COMPARED:
        return []
    from difflib import get_close_matches

    return [os.path.join(folder, each) for each in get_close_matches(name, names)]  # noqa: PTH118 - as it was typed


def find_jobs(jobs: Iterable[PlannedJob], name: str) -> list[PlannedJob]:
    """Return the jobs that match `name`: as in `find_job`, or a pattern (``*``, ``?``, ``[``) over their names."""
    jobs = list(jobs)
    if not set("*?[").intersection(name) or _called(jobs, name):
        return [find_job(jobs, name)]
    found = [job for job in jobs if fnmatchcase(job.name, name) or _is_called_like(job, name)]
    if not found:
        raise UsageError(f"no job is called {name!r}", where="JOB", hint="canary-wf status -r all lists them")
    return found


def _is_called_like(job: PlannedJob, pattern: str) -> bool:
    return job.kind == "ctest" and fnmatchcase(job.family, pattern)
