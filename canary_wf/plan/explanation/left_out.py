"""Jobs that are not part of a run, in words: grouped by reason, with what would let them run."""

import posixpath
from collections.abc import Iterable
from pathlib import Path

import msgspec

from canary_wf.errors import one_line
from canary_wf.plan.model import LeftOut
from canary_wf.spec.ctest_rules import DISABLED
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.session_paths import relative_to_out
from canary_wf.wording import count, some

MOST_GROUPS = 10


def with_origin(left_out: LeftOut, job: JobSpec, out: Path) -> LeftOut:
    """Return `left_out` with what reports say of the `job` it is; its file is relative to `out`."""
    ran_in = job.working_directory
    return msgspec.structs.replace(
        left_out,
        path=job.path,
        file=relative_to_out(job.file, out),
        command=job.command,
        keywords=job.keywords,
        test=job.attributes.get("test") if job.kind == "ctest" else None,
        folder=None if ran_in is None else posixpath.relpath(ran_in, posixpath.dirname(job.file)),
        cpus=job.cpus,
        disabled=job.mask == DISABLED,
    )


def grouped(jobs: Iterable[LeftOut]) -> dict[tuple[str, str | None], list[LeftOut]]:
    """Return `jobs` by reason and hint, the largest group first."""
    groups: dict[tuple[str, str | None], list[LeftOut]] = {}
    for job in jobs:
        groups.setdefault((job.reason, job.hint), []).append(job)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def left_out_lines(jobs: Iterable[LeftOut]) -> list[str]:
    """Return a line for each reason why `jobs` are left out: how many, which, and what would let them run."""
    groups = grouped(jobs)
    lines = [_line(reason, hint, members) for (reason, hint), members in groups.items()]
    more = sum(len(members) for members in list(groups.values())[MOST_GROUPS:])
    rest = [f"{count(more, 'more job')} left out for other reasons"] if more else []
    return [*lines[:MOST_GROUPS], *rest]


def _line(reason: str, hint: str | None, jobs: list[LeftOut]) -> str:
    names = some([job.name for job in jobs])
    told = f"{count(len(jobs), 'job')} left out, {reason}: {names}"
    how = "" if hint is None else f"; generate with {hint} to run {'it' if len(jobs) == 1 else 'them'}"
    return one_line(f"{told}{how}")
