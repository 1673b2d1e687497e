"""Which job a user means by an id prefix or a name."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from canary_wf.errors import UsageError
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.wording import some

SHORTEST_PREFIX = 4

MOST_COMPARED = 5000
"""Names up to which one that looks alike is searched for, which takes a tenth of a millisecond each."""


def find_job(jobs: Iterable[PlannedJob], wanted: str) -> PlannedJob:
    """Return the job that `wanted` names: its name, that of the test in CTest, or the start of its id.

    Raises UsageError for none or several.
    """
    jobs = list(jobs)
    found = _called(jobs, wanted)
    if not found and len(wanted) >= SHORTEST_PREFIX:
        found = [job for job in jobs if job.id.startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(job.id[:12] for job in found[:4])
        raise UsageError(f"{wanted!r} names {len(found)} jobs ({told})", where="JOB", hint="give more of the id")
    raise UsageError(f"there is no job {wanted!r}", where="JOB", hint=_hint(wanted, [job.name for job in jobs]))


def _called(jobs: Iterable[PlannedJob], name: str) -> list[PlannedJob]:
    """Return the jobs with this name, or else those that CTest calls so, where it takes names that jobs cannot have."""
    jobs = list(jobs)
    found = [job for job in jobs if job.name == name]
    return found or [job for job in jobs if job.kind == "ctest" and name in {job.family, job.attributes.get("test")}]


def _hint(wanted: str, names: list[str]) -> str:
    """Return what the user may have meant: names that `wanted` is a part of, or that look like it."""
    found = [name for name in names if wanted and wanted.lower() in name.lower()]
    if not found and len(names) <= MOST_COMPARED:
        from difflib import get_close_matches

        found = get_close_matches(wanted, names)
    listed = "canary-wf status -r all lists them"
    return f"did you mean {some(found)}? {listed}" if found else listed


def find_jobs(jobs: Iterable[PlannedJob], wanted: str) -> list[PlannedJob]:
    """Return the jobs that `wanted` names: as `find_job`, or by a pattern (``*``, ``?``, ``[``) over their names."""
    jobs = list(jobs)
    if not set("*?[").intersection(wanted) or _called(jobs, wanted):
        return [find_job(jobs, wanted)]
    found = [job for job in jobs if fnmatchcase(job.name, wanted) or _is_called_like(job, wanted)]
    if not found:
        raise UsageError(f"no job is called {wanted!r}", where="JOB", hint="canary-wf status -r all lists them")
    return found


def _is_called_like(job: PlannedJob, pattern: str) -> bool:
    return job.kind == "ctest" and fnmatchcase(job.family, pattern)
