"""Finds the jobs that a user means by an id prefix, a name or a pattern."""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase

from canary_wf.errors import UsageError
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.wording import some

SHORTEST_PREFIX = 4
_PATTERN = frozenset("*?[")

MOST_COMPARED = 5000
"""Largest number of names among which a similar one is searched, which takes a tenth of a millisecond for each."""


def find_job(jobs: Iterable[PlannedJob], name: str, lister: str = "canary-wf status -r all") -> PlannedJob:
    """Return the job with this `name`, with a CTest test of this name, or with an id that starts with it.

    A pattern (``*``, ``?``, ``[``) will do that only one job's name matches.

    Raises UsageError for none or several; it names `lister`, the command that lists the jobs.
    """
    jobs = list(jobs)
    found = _called(jobs, name)
    if not found:
        found = [job for job in jobs if has_prefix(job.id, name)]
    matching = [] if found else _matching(jobs, name)
    if len(found or matching) == 1:
        return (found or matching)[0]
    if matching:
        what = f"{name!r} names {len(matching)} jobs ({some([job.name for job in matching])})"
        raise UsageError(what, where="JOB", hint="name one of them")
    if found:
        ids = ", ".join(job.id[:12] for job in found[:4])
        raise UsageError(f"{name!r} names {len(found)} jobs ({ids})", where="JOB", hint="give more of the id")
    hint = what_was_meant(name, [job.name for job in jobs], lister)
    raise UsageError(f"there is no job {name!r}", where="JOB", hint=hint)


def _called(jobs: Iterable[PlannedJob], name: str) -> list[PlannedJob]:
    """Return the jobs with this name, or else the jobs whose CTest test has it. CTest allows names that jobs do not."""
    jobs = list(jobs)
    found = [job for job in jobs if job.name == name]
    return found or [job for job in jobs if job.kind == "ctest" and name in {job.family, job.attributes.get("test")}]


def has_prefix(job: str, text: str) -> bool:
    """Return whether `text` is long enough for the beginning of an id, and the id `job` begins so."""
    return len(text) >= SHORTEST_PREFIX and job.startswith(text.lower())


def what_was_meant(name: str, names: list[str], lister: str) -> str:
    """Return a hint with those of `names` that contain `name` or are similar to it, and `lister`, a command."""
    found = [each for each in names if name and name.lower() in each.lower()]
    if not found and len(names) <= MOST_COMPARED:
        from difflib import get_close_matches

        found = get_close_matches(name, names)
    list_command = f"{lister} lists them"
    return f"did you mean {some(found)}? {list_command}" if found else list_command


def similar_paths(word: str) -> list[str]:
    """Return the paths that `word` may mean when it is not a path: those of a similar name in its folder."""
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
    if not _PATTERN.intersection(name) or _called(jobs, name):
        return [find_job(jobs, name)]
    found = _matching(jobs, name)
    if not found:
        raise UsageError(f"no job is called {name!r}", where="JOB", hint="canary-wf status -r all lists them")
    return found


def _matching(jobs: Iterable[PlannedJob], name: str) -> list[PlannedJob]:
    """Return the jobs that match `name` if it is a pattern."""
    if not _PATTERN.intersection(name):
        return []
    return [job for job in jobs if fnmatchcase(job.name, name) or _is_called_like(job, name)]


def _is_called_like(job: PlannedJob, pattern: str) -> bool:
    return job.kind == "ctest" and fnmatchcase(job.family, pattern)
