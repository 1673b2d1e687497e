"""`canary-wf history`: show, export, import and forget run times."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.help_page import DocumentedGroup
from canary_wf.cli.jobs import has_prefix, what_was_meant
from canary_wf.cli.options import WholeNumber, json_option, workspace_option
from canary_wf.cli.output import print_json
from canary_wf.durations import format_duration
from canary_wf.errors import InputError, UsageError, one_line
from canary_wf.files.json_files import encode, write_for_user
from canary_wf.generation import known_runtimes, update_runtimes
from canary_wf.history.import_sources import SECONDS, NamedDurations, durations_by_job, read_durations
from canary_wf.history.run_times import WINDOW, History, history_file
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.report.columns import Column, table_lines
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.session_paths import session_names
from canary_wf.state.trust import require_trusted
from canary_wf.wording import count, some

_SHOWN = 3
_SLOWEST = "10"
_COLUMNS = (
    *(Column("id", spare=1), Column("name", cut="middle"), Column("runs", right=True), Column("failed", right=True)),
    *(Column("retried", right=True), Column("median", right=True), Column("mean", right=True, spare=4)),
    *(Column("spread", right=True, spare=2), Column("last runs", spare=3)),
)
_FILE = click.Path(path_type=Path)


@click.group("history", cls=DocumentedGroup, invoke_without_command=True)
@workspace_option
@json_option
@click.option(
    "--slowest",
    type=WholeNumber(1),
    is_flag=False,
    flag_value=_SLOWEST,
    metavar="[N]",
    help=f"Only the N jobs that take longest ({_SLOWEST}).",
)
@click.option("--flaky", is_flag=True, help="Only jobs that now pass and now fail, or pass only when they run again.")
@click.pass_context
def command(context: click.Context, *, out: Path, as_json: bool, slowest: int | None, flaky: bool) -> None:
    """Show the run times on which estimates are based, and in how many of the last sessions jobs failed."""
    if context.invoked_subcommand is not None:
        return
    _require_history(out)
    history = known_runtimes(out)
    chosen = _chosen(history, slowest, flaky=flaky)
    if as_json:
        print_json({"jobs": [_entry(history, job) for job in chosen]})
        return
    sys.stdout.writelines(f"{line}\n" for line in table_lines(_COLUMNS, _rows(history, chosen), sys.stdout))
    sys.stdout.write(f"{_sum(history, chosen, _newest_jobs(out), flaky=flaky)}\n")


def _require_history(out: Path) -> None:
    """Raise WorkspaceError if there is neither a session nor a history."""
    if not history_file(out).exists():
        newest_session(out)


def _chosen(history: History, slowest: int | None, *, flaky: bool) -> list[str]:
    """Return the ids of the jobs to show, in their order: by name, or the longest or most often failing ones first."""
    jobs = sorted(history.jobs, key=lambda job: (_name(history, job) or "~", job))
    if flaky:
        jobs = sorted(filter(history.is_flaky, jobs), key=lambda job: -_failed(history, job)[0])
    if slowest is not None:
        jobs = sorted(jobs, key=lambda job: -(history.estimate(job) or 0.0))[:slowest]
    return jobs


def _failed(history: History, job: str) -> tuple[int, int]:
    """Return in how many of the last sessions `job` failed, and how many these are."""
    last = history.verdicts(job)
    return sum(outcome is not None for _, outcome in last), len(last)


@command.command("export")
@click.argument("file", type=_FILE)
@workspace_option
@click.pass_context
def export(context: click.Context, *, file: Path, out: Path) -> None:
    """Write the run times into FILE, which another workspace can import."""
    out = _chosen_out(context, out)
    _require_history(out)
    history = known_runtimes(out)
    known = History(runtimes=history.runtimes, names=history.names, failures=history.failures, retries=history.retries)
    content = encode(known) + b"\n"
    write_for_user(file, content, "write the export to another folder")
    sys.stdout.write(f"Exported the run times of {count(len(history.runtimes), 'job')} to {file}.\n")


@command.command("import")
@click.argument("file", type=_FILE)
@workspace_option
@click.pass_context
def import_(context: click.Context, *, file: Path, out: Path) -> None:
    """Import run times from FILE: an export, pytest-split's .test_durations, or CTest's CTestCostData.txt.

    The last two contain names only, which are matched to the jobs of the newest session.
    """
    out = _chosen_out(context, out)
    require_trusted(out)
    durations = read_durations(file)
    found = durations.known
    unused = 0
    names: Mapping[str, tuple[str, str]] = {}
    if isinstance(found, NamedDurations):
        by_job, unused = _by_job(found, out, file)
        runs = {job: [(found.source, seconds)] for job, seconds in by_job.items()}
        names = {job.id: (job.name, job.path) for job in _newest_jobs(out) if job.id in by_job}
    else:
        runs, names = found.runtimes, found.names

    def import_runs(history: History) -> None:
        for job, pairs in runs.items():
            history.add_older(job, pairs)
        if isinstance(found, History):
            history.add_older_failures(found)
        history.names = {**names, **history.names}

    update_runtimes(out, _newest(out), import_runs)
    if durations.skipped:
        message = f"{file}: {some(durations.skipped)} skipped, not {SECONDS}"
        sys.stderr.write(f"canary-wf: warning: {one_line(message)}\n")
    left = f"; {count(unused, 'name')} in it named no job" if unused else ""
    sys.stdout.write(f"Imported run times of {count(len(runs), 'job')} from {file}{left}.\n")


@command.command("forget")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@workspace_option
@click.pass_context
def forget(context: click.Context, *, jobs: tuple[str, ...], out: Path) -> None:
    """Forget the earlier runs of each JOB, an id prefix or a name."""
    out = _chosen_out(context, out)
    require_trusted(out)
    _require_history(out)
    newest = _newest(out)
    chosen: list[str] = []

    def forget_chosen(history: History) -> None:
        chosen.extend(_find(history, name) for name in jobs)
        for job in chosen:
            history.forget(job, newest or "")

    update_runtimes(out, newest, forget_chosen)
    sys.stdout.write(f"Forgot the run times of {count(len(set(chosen)), 'job')}.\n")


def _chosen_out(context: click.Context, out: Path) -> Path:
    """Return the workspace: that of this command's option, else that of the option before the command's name."""
    given = context.get_parameter_source("out") is not click.core.ParameterSource.DEFAULT
    chosen: Path = out if given or context.parent is None else context.parent.params["out"]
    return chosen


def _newest_jobs(out: Path) -> tuple[PlannedJob, ...]:
    return load_plan(newest_session(out).plan).jobs if session_names(out) else ()


def _newest(out: Path) -> str | None:
    return session_names(out)[-1] if session_names(out) else None


def _by_job(found: NamedDurations, out: Path, file: Path) -> tuple[dict[str, float], int]:
    by_job, unused = durations_by_job(found.seconds, load_plan(newest_session(out).plan).jobs)
    if not by_job:
        hint = "run generate for the tree that these tests are in"
        raise InputError("none of its names is a job of the newest session", where=file, hint=hint)
    return by_job, unused


def _find(history: History, name: str) -> str:
    known = history.jobs
    found = [job for job in known if _name(history, job) == name]
    if not found:
        found = [job for job in known if has_prefix(job, name)]
    if len(found) == 1:
        return found[0]
    if found:
        message = some([f"{job[:8]} of {history.names[job][1] if job in history.names else '?'}" for job in found])
        raise UsageError(f"{name!r} names {len(found)} jobs ({message})", where="JOB", hint="give more of the id")
    names = sorted(filter(None, (_name(history, job) for job in known)))
    hint = what_was_meant(name, names, "canary-wf history")
    raise UsageError(f"there is no history of {name!r}", where="JOB", hint=hint)


def _entry(history: History, job: str) -> dict[str, Any]:
    known = history.statistics(job)
    failed, verdicts = _failed(history, job)
    return {
        "id": job,
        "name": _name(history, job),
        "file": history.names[job][1] if job in history.names else None,
        "median": None if known is None else known.median,
        "mean": None if known is None else known.mean,
        "spread": None if known is None else known.spread,
        "outliers": 0 if known is None else known.outliers,
        "flaky": history.is_flaky(job),
        "failed": failed,
        "sessions": verdicts,
        "runs": [{"session": session, "duration": seconds} for session, seconds in history.runtimes.get(job, ())],
        "failures": [{"session": session, "outcome": outcome} for session, outcome in history.failures.get(job, ())],
        "retries": history.retries.get(job, []),
    }


def _name(history: History, job: str) -> str | None:
    return history.names[job][0] if job in history.names else None


def _rows(history: History, jobs: Sequence[str]) -> list[tuple[str, ...]]:
    rows = []
    for job in jobs:
        known = history.statistics(job)
        runs = [seconds for _, seconds in history.runtimes.get(job, ())]
        numbers = ("", "", "") if known is None else map(format_duration, (known.median, known.mean, known.spread))
        last = " ".join(map(format_duration, runs[-_SHOWN:]))
        failed, verdicts = _failed(history, job)
        again = {session for session, _ in history.verdicts(job)}.intersection(history.retries.get(job, ()))
        bad = (f"{failed} of {verdicts}" if failed else "", f"{len(again)} of {verdicts}" if again else "")
        name = one_line(_name(history, job) or "-")
        rows.append((one_line(job[:8]), name, str(len(runs)), *bad, *numbers, last))
    return rows


def _sum(history: History, shown: Sequence[str], newest: Sequence[PlannedJob], *, flaky: bool) -> str:
    """Return the last line: how many jobs are known, and how many of them are flaky."""
    if flaky:
        return f"{count(len(shown), 'job')} passed and failed, or ran again, in the last {WINDOW} sessions."
    without = sum(job.id not in history.runtimes for job in newest)
    message = f"; {count(without, 'job')} of the newest session without" if without else ""
    unsteady = sum(map(history.is_flaky, history.jobs))
    more = f" Flaky: {count(unsteady, 'job')}, see canary-wf history --flaky." if unsteady else ""
    return f"Run times of {count(len(history.runtimes), 'job')} are known{message}.{more}"
