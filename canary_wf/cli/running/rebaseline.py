"""`canary-wf rebaseline`: make the results of jobs the new references, as their `baseline` directives say."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from canary_wf.cli.completion import job_names
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_job
from canary_wf.cli.options import workspace_option
from canary_wf.errors import UsageError, WorkspaceError, one_line
from canary_wf.files.plain_files import require_no_links
from canary_wf.plan.store import newest_session
from canary_wf.report.session import SessionState, load_session
from canary_wf.run.job.baseline import OUTPUT, rebaseline
from canary_wf.run.job.standalone import exit_code, standalone_environment, standalone_process
from canary_wf.snakemake.in_use import check_free
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.job_spec import JobSpec, absolute_spec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.session_paths import SessionPaths, relative_to_out
from canary_wf.state.trust import require_trusted
from canary_wf.verdict.status import JobPhase, Outcome
from canary_wf.wording import count


@click.command("rebaseline", cls=DocumentedCommand)
@click.argument("jobs", nargs=-1, metavar="[JOB]...", shell_complete=job_names)
@workspace_option
def command(*, jobs: tuple[str, ...], out: Path) -> None:
    """Copy results over the references beside the test files, or run scripts with their flag, as JOBs declare.

    Without JOB: all jobs that ended with differences (DIFFED).
    """
    paths = newest_session(out)
    require_trusted(out, [paths.session])
    check_free(out)
    state = load_session(paths)
    chosen = [_named(state, name) for name in jobs] if jobs else _diffed(state)
    chosen = list({job.id: job for job in chosen}.values())
    for planned in chosen:
        _require_own_folder(paths, planned)
        job = absolute_spec(planned, paths.out)
        folder = paths.job(job.directory)
        rebaseline(job, folder, partial(_run_script, job, folder, state.record(planned).resources))
        sys.stdout.write(f"{one_line(job.name)}: {one_line(_summary(job))}\n")
    sys.stdout.write(f"Made the results of {count(len(chosen), 'job')} the reference{_why_none(state, chosen)}.\n")


def _why_none(state: SessionState, chosen: Sequence[PlannedJob]) -> str:
    """Return in words why no job was chosen; nothing if one was."""
    if chosen:
        return ""
    different = sum(state.record(job).status.outcome is Outcome.DIFFED for job in state.plan.jobs)
    if not different:
        return ": no job ended with differences"
    declares = "it declares no baseline" if different == 1 else "none of them declares a baseline"
    return f": {count(different, 'job')} ended with differences, but {declares}"


def _require_own_folder(paths: SessionPaths, job: PlannedJob) -> None:
    """Refuse a results folder behind a link, which the job or somebody after it may have put in its place."""
    directory = Path(job.directory)
    if directory.is_absolute() or ".." in directory.parts:
        raise WorkspaceError(f"its directory {job.directory!r} leads out of the session", where=f"job {job.name}")
    try:
        require_no_links(str(paths.jobs), f"{paths.job_folder(job.directory)}/")
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=f"job {job.name}") from error


def _diffed(state: SessionState) -> list[PlannedJob]:
    return [job for job in state.plan.jobs if job.baselines and state.record(job).status.outcome is Outcome.DIFFED]


def _named(state: SessionState, name: str) -> PlannedJob:
    job = find_job(state.plan.jobs, name)
    record = state.record(job)
    if record.phase is not JobPhase.DONE or record.started is None:
        raise UsageError("has not run, so there are no results", where=f"job {job.name}")
    if not job.baselines:
        raise UsageError("declares no baseline", where=f"job {job.name}", hint="its test file needs baseline(…)")
    return job


def _run_script(job: JobSpec, folder: Path, resources: Resources, arguments: Sequence[str]) -> int:
    """Run the command of `job` with further arguments, as it ran in its batch; return its exit code."""
    environment = standalone_environment(os.environ, job, resources, folder)
    process = standalone_process(job, folder, environment, resources, arguments=arguments, output=OUTPUT)
    with process:
        in_time = process.wait(job.limit)
    return exit_code(job, process, job.limit, in_time=in_time)


def _summary(job: JobSpec) -> str:
    done = [relative_to_out(each.target, Path.cwd()) for each in job.baselines if each.target is not None]
    return ", ".join([*done, *(f"ran it with {' '.join(each.arguments)}" for each in job.baselines if each.arguments)])
