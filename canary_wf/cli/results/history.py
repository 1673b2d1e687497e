"""`canary-wf history`: show, export, import and forget run times."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.help_page import DocumentedGroup
from canary_wf.cli.options import json_option, workspace_option
from canary_wf.cli.output import print_columns, print_json
from canary_wf.durations import format_duration
from canary_wf.errors import InputError, UsageError, one_line
from canary_wf.files.json_files import encode, write_for_user
from canary_wf.generation import known_runtimes, update_runtimes
from canary_wf.history.import_sources import SECONDS, NamedDurations, durations_by_job, read_durations
from canary_wf.history.run_times import History
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.session_paths import session_names
from canary_wf.state.trust import require_trusted
from canary_wf.wording import count, some

_SHOWN = 3
_FILE = click.Path(path_type=Path)


@click.group("history", cls=DocumentedGroup, invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def command(context: click.Context, *, out: Path, as_json: bool) -> None:
    """Show the run times on which estimates are based."""
    if context.invoked_subcommand is not None:
        return
    history, jobs = _known(out), _newest_jobs(out)
    if as_json:
        print_json({"jobs": [_entry(history, job) for job in sorted(history.runtimes)]})
    else:
        _print(history, jobs)


@command.command("export")
@click.argument("file", type=_FILE)
@workspace_option
@click.pass_context
def export(context: click.Context, *, file: Path, out: Path) -> None:
    """Write the run times into FILE, which another workspace can import."""
    history = _known(_chosen_out(context, out))
    content = encode(History(runtimes=history.runtimes, names=history.names)) + b"\n"
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
    newest = _newest(out)
    chosen: list[str] = []

    def forget_chosen(history: History) -> None:
        chosen.extend(_find(history, name) for name in jobs)
        for job in chosen:
            history.forget(job, newest or "")

    update_runtimes(out, newest, forget_chosen)
    sys.stdout.write(f"Forgot the run times of {count(len(set(chosen)), 'job')}.\n")


def _known(out: Path) -> History:
    """Return the run times known in `out`. Raises WorkspaceError if that is no workspace."""
    history = known_runtimes(out)
    if not history.runtimes:
        newest_session(out)
    return history


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
    shortest = 4
    known = history.runtimes
    found = [job for job in known if _name(history, job) == name]
    if not found and len(name) >= shortest:
        found = [job for job in known if job.startswith(name.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        message = some([f"{job[:8]} of {history.names[job][1] if job in history.names else '?'}" for job in found])
        raise UsageError(f"{name!r} names {len(found)} jobs ({message})", where="JOB", hint="give more of the id")
    raise UsageError(f"there is no history of {name!r}", where="JOB", hint="canary-wf history lists the jobs")


def _entry(history: History, job: str) -> dict[str, Any]:
    known = history.statistics(job)
    if known is None:
        raise AssertionError(job)
    return {
        "id": job,
        "name": _name(history, job),
        "file": history.names[job][1] if job in history.names else None,
        "median": known.median,
        "mean": known.mean,
        "spread": known.spread,
        "odd": known.odd,
        "runs": [{"session": session, "duration": seconds} for session, seconds in history.runtimes[job]],
    }


def _name(history: History, job: str) -> str | None:
    return history.names[job][0] if job in history.names else None


def _print(history: History, newest: Sequence[PlannedJob]) -> None:
    rows: list[tuple[str, ...]] = [("id", "name", "runs", "median", "mean", "spread", "last runs")]
    for job in sorted(history.runtimes, key=lambda job: (_name(history, job) or "~", job)):
        known = history.statistics(job)
        if known is not None:
            runs = [seconds for _, seconds in history.runtimes[job]]
            numbers = map(format_duration, (known.median, known.mean, known.spread))
            last = " ".join(map(format_duration, runs[-_SHOWN:]))
            rows.append((one_line(job[:8]), one_line(_name(history, job) or "-"), str(len(runs)), *numbers, last))
    if len(rows) > 1:
        print_columns(rows, {"name": "middle"})
    without = sum(job.id not in history.runtimes for job in newest)
    message = f"; {count(without, 'job')} of the newest session without" if without else ""
    sys.stdout.write(f"Run times of {count(len(history.runtimes), 'job')} are known{message}.\n")
