"""`canary-wf diff`: what changed from one session to another."""

import sys
from pathlib import Path

import click

from canary_wf.cli.completion import session_names_from
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import json_option, workspace_option
from canary_wf.cli.output import print_json
from canary_wf.durations import format_duration
from canary_wf.errors import ExitCode, UsageError, WorkspaceError, one_line
from canary_wf.history.run_times import load_history
from canary_wf.plan.store import LATEST, find_session
from canary_wf.report.columns import Column, table_lines
from canary_wf.report.comparison import Comparison, Difference, compare
from canary_wf.report.session import load_session
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.wording import count, some

_TWO = 2
_SHOWN = 30
_TITLES = {
    "newly_failing": "Newly failing",
    "fixed": "Fixed",
    "still_failing": "Still failing",
    "slower": "Slower",
    "faster": "Faster",
}

_COLUMNS = (Column("verdict"), Column("time"), Column("id"), Column("name", cut="middle"), Column("reason", cut="end"))
_BY_TIME = {"slower", "faster"}


def _no_options(context: click.Context, _argument: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return `texts`, which may be numbers such as -1; anything else with a dash is an option that does not exist."""
    for text in texts:
        if text.startswith("-") and not text[1:].isdecimal():
            raise click.NoSuchOption(text, ctx=context)
    return texts


@click.command("diff", cls=DocumentedCommand, context_settings={"ignore_unknown_options": True})
@click.argument(
    "sessions",
    nargs=-1,
    metavar="[SESSION [SESSION]]",
    callback=_no_options,
    shell_complete=session_names_from,
)
@workspace_option
@json_option
def command(*, sessions: tuple[str, ...], out: Path, as_json: bool) -> int:
    """Show what changed from one session to another: newly failing, fixed, slower, faster.

    SESSION is the name of a session, the start of it, or -1 for the one before the newest, -2, …. One SESSION is
    compared with the newest; without, the newest two are compared. The exit code is 1 if jobs fail that did not fail
    before.
    """
    before, after = map(load_session, _chosen(out, sessions))
    found = compare(before, after, load_history(out))
    if as_json:
        print_json(found)
    else:
        _print(found)
    return ExitCode.JOBS_FAILED if found.newly_failing else ExitCode.DONE


def _chosen(out: Path, given: tuple[str, ...]) -> list[SessionPaths]:
    """Return the two sessions to compare: the given ones in their order, else the newest two."""
    if len(given) > _TWO:
        raise UsageError(
            f"{len(given)} given", where="SESSION", hint="name two, one to compare with the newest, or none"
        )
    if given:
        return [find_session(out, text, where="SESSION") for text in (*given, LATEST)[:_TWO]]
    known = session_names(out)
    if len(known) < _TWO:
        hint = "make one with canary-wf run PATH"
        raise WorkspaceError(f"{count(len(known), 'session')} here, two are needed", where=out, hint=hint)
    return [SessionPaths(out, name) for name in known[-_TWO:]]


def _print(found: Comparison) -> None:
    sys.stdout.write(f"From session {one_line(found.before)} to {one_line(found.after)}\n")
    changed = False
    for change, title in _TITLES.items():
        differences: tuple[Difference, ...] = getattr(found, change)
        if differences:
            changed = True
            sys.stdout.write(f"\n{title}: {count(len(differences), 'job')}\n")
            rows = [_row(one, change) for one in differences[:_SHOWN]]
            lines = table_lines(_COLUMNS, rows, sys.stdout, heading=False, indent="  ")
            sys.stdout.writelines(f"{line}\n" for line in lines)
        if len(differences) > _SHOWN:
            sys.stdout.write(f"and {len(differences) - _SHOWN} more\n")
    for title, names in (("New", found.added), ("Gone", found.removed)):
        if names:
            changed = True
            sys.stdout.write(f"\n{title}: {one_line(some(names))}\n")
    if found.not_run:
        changed = True
        sys.stdout.write(f"\nNot run any more: {count(len(found.not_run), 'job')} ({one_line(some(found.not_run))})\n")
    if not changed:
        sys.stdout.write("Nothing changed.\n")


def _row(one: Difference, change: str) -> tuple[str, ...]:
    verdict = one.after if one.before == one.after else f"{one.before} → {one.after}"
    times = [format_duration(seconds) for seconds in (one.duration_before, one.duration_after) if seconds is not None]
    about = one_line(one.reason or "")
    if change in _BY_TIME and one.earlier_runs == 1:
        about = "on one earlier run"
    return verdict, " → ".join(times), one.id[:8], one_line(one.name), about
