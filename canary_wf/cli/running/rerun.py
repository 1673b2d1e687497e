"""`canary-wf rerun`: reset jobs by outcome, keyword or name, so that the next `snakemake` runs just those."""

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import click

from canary_wf.cli.completion import job_names, statuses
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_jobs
from canary_wf.cli.options import workspace_option
from canary_wf.ctest.undone_fixtures import with_fixtures
from canary_wf.errors import WorkspaceError, one_line, raise_last
from canary_wf.graph import downstream
from canary_wf.plan.store import newest_session
from canary_wf.recovery.reset import reset_jobs, with_blocked
from canary_wf.report.closing import from_here
from canary_wf.report.selection import select, with_keywords
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.in_use import check_free
from canary_wf.snakemake.lock import workspace_lock
from canary_wf.snakemake.parent_workflows import last_parent_workflow
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import PENDING
from canary_wf.state.trust import require_trusted
from canary_wf.verdict.status import Outcome
from canary_wf.wording import count, run_command

only_option = click.option(
    "--only",
    multiple=True,
    metavar="OUTCOME",
    shell_complete=statuses,
    help="Run the jobs of this outcome, category or class again; repeatable.",
)


@click.command("rerun", cls=DocumentedCommand)
@click.argument("jobs", nargs=-1, metavar="[JOB]...", shell_complete=job_names)
@workspace_option
@click.option("--failed", is_flag=True, help="All jobs that count as failed (the default).")
@only_option
@click.option("-k", "keywords", metavar="EXPR", help="Of these, only jobs whose keywords or names satisfy EXPR.")
def command(*, jobs: tuple[str, ...], out: Path, failed: bool, only: tuple[str, ...], keywords: str | None) -> None:
    """Reset jobs, and the jobs that they blocked, so that the next run runs them, and all else that is left.

    CTest tests bring along the fixtures that a clean-up has undone.

    JOB is an id prefix, a name, or a pattern such as 'mesh.*'.
    """
    done = reset(out, jobs, only, keywords, failed=failed)
    sys.stdout.write(f"{done}\n")
    if done.batches:
        parent = last_parent_workflow(out, since=done.state.plan.created)
        command_line = f"snakemake, in {one_line(from_here(parent))}" if parent else run_command(out)
        sys.stdout.write(f"Next: {command_line}\n")


class Reset(NamedTuple):
    """The session before the reset, the ids of the jobs and the number of batches; `what` was asked for."""

    state: SessionState
    jobs: frozenset[str]
    batches: int
    what: str

    def __str__(self) -> str:
        if not self.jobs:
            return f"{self.what}; nothing to reset."
        if not self.batches:
            return f"{count(len(self.jobs), 'job')} to run for the first time."
        return f"Reset {count(len(self.jobs), 'job')} in {count(self.batches, 'batch', 'batches')}."


def reset(
    out: Path,
    jobs: tuple[str, ...],
    only: tuple[str, ...],
    keywords: str | None,
    *,
    failed: bool,
    may_be_new: bool = False,
) -> Reset:
    """Reset jobs of the newest session in `out`, as the options of `rerun` say.

    With `may_be_new`, jobs that have not run may be among those named; there is nothing to reset for them. Raises
    WorkspaceError, also while the session is being run, and UsageError for a job that is not known.
    """
    paths = newest_session(out)
    require_trusted(out, [paths.session])
    check_free(out)
    with workspace_lock(out):
        check_free(out)  # a run may have started or ended meanwhile
        state = load_session(paths)
        resetting = _to_reset(state, _chosen(state, jobs, only, keywords, failed=failed))
        if may_be_new:
            by_batch = _by_batch(job for job in state.plan.jobs if job.id in resetting and job.id in state.records)
        else:
            _require_begun(state, resetting)
            by_batch = _by_batch(job for job in state.plan.jobs if job.id in resetting)
        errors = reset_jobs(paths, by_batch)
    raise_last(errors)
    what = "No job matches" if jobs or only or keywords is not None else "No job has failed"
    return Reset(state, frozenset(resetting), len(by_batch), what)


def _to_reset(state: SessionState, chosen: Iterable[PlannedJob]) -> set[str]:
    """Return the ids of the jobs to reset: those `chosen`, those that they blocked, and fixtures that are undone."""
    blocked = [job for job in state.plan.jobs if state.record(job).status.outcome is Outcome.BLOCKED]
    done = {job.id for job in state.plan.jobs if state.record(job).status.is_final}
    return with_fixtures(with_blocked({job.id for job in chosen}, blocked), state.plan.jobs, done)


def _by_batch(jobs: Iterable[PlannedJob]) -> dict[str, list[PlannedJob]]:
    by_batch: dict[str, list[PlannedJob]] = {}
    for job in jobs:
        by_batch.setdefault(job.batch, []).append(job)
    return by_batch


def _require_begun(state: SessionState, jobs: Collection[str]) -> None:
    """Raise WorkspaceError if nothing has run, and none of `jobs` has a verdict that was taken over."""
    if jobs and not (state.begun or any(job in state.records for job in jobs)):
        hint = f"run it: {run_command(state.paths.out)}"
        raise WorkspaceError("has not run yet", where=f"session {state.plan.session}", hint=hint)


def with_needed(state: SessionState, chosen: Collection[str]) -> set[str]:
    """Return the job ids `chosen`, and those of the jobs without which these cannot run.

    These are the jobs that they depend on and that have no verdict yet, and what is left of the batches for which
    their batches wait.
    """
    jobs = {job.id: job for job in state.plan.jobs}
    batches = {batch.id: batch.dependencies for batch in state.plan.batches}
    found = {*chosen, *downstream(chosen, lambda job: [each for each in jobs[job].upstreams if _is_open(state, each)])}
    direct = {upstream for job in found for upstream in batches[jobs[job].batch]}
    waited_for = direct.union(downstream(direct, batches.get))
    return found.union(job.id for job in state.unfinished if job.batch in waited_for)


def _is_open(state: SessionState, job: str) -> bool:
    status = state.records.get(job, PENDING).status
    return not status.is_final or status.outcome is Outcome.BLOCKED


def _chosen(
    state: SessionState, names: tuple[str, ...], only: tuple[str, ...], keywords: str | None, *, failed: bool
) -> list[PlannedJob]:
    """Return the jobs to reset: those with the chosen outcomes that match the keywords, and those by name.

    A job that is chosen twice is in the list twice.
    """
    words = [word for text in only for word in text.split(",") if word]
    if only:
        # `--only TIMEOUT FAILED`: other outcomes may follow without their own option.
        words += [name for name in names if name.upper() in Outcome.__members__]
        names = tuple(name for name in names if name.upper() not in Outcome.__members__)
    found = _with_outcomes(state, words)
    if failed or not (only or names):
        found += state.failed
    if keywords is not None:
        found = with_keywords(found, keywords)
    return found + [job for name in names for job in find_jobs(state.plan.jobs, name)]


def _with_outcomes(state: SessionState, words: list[str]) -> list[PlannedJob]:
    """Return the jobs with one of the outcomes or in one of the groups. FAILED means the outcome of that name here."""
    outcomes = {word.upper() for word in words} & set(Outcome.__members__)
    groups = [word for word in words if word.upper() not in outcomes]
    chosen = {job.id for job in select(state, ",".join(groups), where="--only")} if groups else set()
    return [job for job in state.plan.jobs if job.id in chosen or state.record(job).status.outcome.name in outcomes]
