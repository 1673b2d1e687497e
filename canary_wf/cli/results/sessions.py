"""`canary-wf sessions`: which sessions there are, what each was for, and what came of it."""

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import WholeNumber, json_option, workspace_option
from canary_wf.cli.output import print_json
from canary_wf.durations import format_duration
from canary_wf.errors import WorkspaceError, one_line
from canary_wf.plan.model import Origin
from canary_wf.plan.store import newest_session
from canary_wf.recovery.session_removal import created_at, size_on_disk
from canary_wf.report.closing import counts_in_words, seconds_run
from canary_wf.report.columns import Column, table_lines
from canary_wf.report.session import load_session
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.wording import count, moment, size

_SHOWN = 20
_COLUMNS = (
    *(Column("#", right=True), Column("session"), Column("made", spare=3), Column("took", right=True, spare=1)),
    *(Column("size", right=True, spare=4), Column("result", cut="end"), Column("command", cut="end", spare=2)),
)
_SECONDS = len("20261130T060139")


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is listed; `index` is its number for `--session`, `counts` are None if it cannot be read."""

    session: str
    index: int
    created: float
    origin: Origin = Origin()
    counts: dict[str, int] | None = None
    result: str
    running: bool = False
    seconds: float | None = None
    size: int | None = None


@click.command("sessions", cls=DocumentedCommand)
@workspace_option
@json_option
@click.option(
    "-n",
    "--lines",
    type=WholeNumber(0),
    metavar="N",
    default=_SHOWN,
    help=f"Only the newest N sessions ({_SHOWN}; 0: all).",
)
@click.option("-v", "--verbose", is_flag=True, help="Measure the sessions' size on disk, file by file.")
def command(*, out: Path, as_json: bool, lines: int, verbose: bool) -> None:
    """List the sessions, the newest last: when, how long and by which command they ran, and what came of them.

    --session of other commands takes what stands under # or the session's name.
    """
    newest_session(out)
    names = session_names(out)
    shown = names[-lines:] if lines else names
    found = [
        _read(SessionPaths(out, name), number - len(shown) + 1, with_size=as_json or verbose)
        for number, name in enumerate(shown)
    ]
    if as_json:
        print_json({"sessions": [_fields(each) for each in found]})
        return
    rows = [_row(each, names) for each in found]
    sys.stdout.writelines(f"{line}\n" for line in table_lines(_COLUMNS, rows, sys.stdout))
    older = len(names) - len(shown)
    if older:
        sys.stdout.write(f"and {count(older, 'older session')}; canary-wf sessions -n 0 lists all\n")


def _read(paths: SessionPaths, index: int, *, with_size: bool) -> _Session:
    """Return what is known of a session. One that is damaged is listed, too, with what is wrong."""
    created, used = created_at(paths), size_on_disk(paths.folder) if with_size else None
    try:
        state = load_session(paths)
    except WorkspaceError as error:
        return _Session(session=paths.session, index=index, created=created, result=error.what, size=used)
    return _Session(
        session=paths.session,
        index=index,
        created=state.plan.created,
        origin=state.plan.origin,
        counts=state.counts(),
        result=("running: " if state.live else "") + counts_in_words(state, with_names=False),
        running=state.live,
        seconds=seconds_run(state, time.time()) if state.runs else None,
        size=used,
    )


def _fields(one: _Session) -> dict[str, Any]:
    fields = {name: value for name, value in msgspec.structs.asdict(one).items() if name not in {"origin", "result"}}
    return fields | msgspec.structs.asdict(one.origin)


def _row(one: _Session, names: list[str]) -> tuple[str, ...]:
    short = one.session[:_SECONDS]
    unique = sum(name.startswith(short) for name in names) == 1
    return (
        str(one.index),
        one_line(short if unique else one.session),
        moment(one.created),
        "" if one.seconds is None else format_duration(one.seconds),
        "" if one.size is None else size(one.size),
        one_line(one.result),
        one_line(shlex.join(one.origin.command[1:])),
    )
