"""`canary-wf sessions`: which sessions there are, what each was for, and what came of it."""

import shlex
import sys
import time
from collections import Counter
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
from canary_wf.report.closing import seconds_run
from canary_wf.report.columns import Column, table_lines
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.wording import count, size

_SHOWN = 20
_COLUMNS = (
    *(Column("#", right=True), Column("session"), Column("made"), Column("took", right=True)),
    *(Column("size", right=True), Column("result", cut="end"), Column("command", cut="end")),
)
_SECONDS = len("20261130T060139")


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is listed; `back` is its number for `--session`, `counts` are None if it cannot be read."""

    session: str
    back: int
    created: float
    origin: Origin = Origin()
    counts: dict[str, int] | None = None
    result: str
    running: bool = False
    seconds: float | None = None
    size: int


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
def command(*, out: Path, as_json: bool, lines: int) -> None:
    """List the sessions, the newest last: when, how long and by which command they ran, and what came of them.

    --session of other commands takes what stands under # or the session's name.
    """
    newest_session(out)
    names = session_names(out)
    shown = names[-lines:] if lines else names
    found = [_read(SessionPaths(out, name), number - len(shown) + 1) for number, name in enumerate(shown)]
    if as_json:
        print_json({"sessions": [_fields(each) for each in found]})
        return
    rows = [_row(each, names) for each in found]
    sys.stdout.writelines(f"{line}\n" for line in table_lines(_COLUMNS, rows, sys.stdout))
    older = len(names) - len(shown)
    if older:
        sys.stdout.write(f"and {count(older, 'older session')}; canary-wf sessions -n 0 lists all\n")


def _read(paths: SessionPaths, back: int) -> _Session:
    """Return what is known of a session. One that is damaged is listed, too, with what is wrong."""
    created, used = created_at(paths), size_on_disk(paths.folder)
    try:
        state = load_session(paths)
    except WorkspaceError as error:
        return _Session(session=paths.session, back=back, created=created, result=error.what, size=used)
    return _Session(
        session=paths.session,
        back=back,
        created=state.plan.created,
        origin=state.plan.origin,
        counts=state.counts(),
        result=_in_words(state),
        running=state.live,
        seconds=seconds_run(state, time.time()) if state.runs else None,
        size=used,
    )


_WORDS = {"FAIL": "failed", "PASS": "passed", "SKIP": "skipped", "NONE": "not run"}
_ORDER = ("failed", "cancelled", "interrupted", "passed", "flaky", "skipped", "not run")
"""Failures come first, because a narrow terminal cuts the end."""


def _in_words(state: SessionState) -> str:
    """Return how many jobs ended how, and whether the session runs."""
    found: Counter[str] = Counter()
    for record in map(state.record, state.plan.jobs):
        found[_WORDS.get(record.status.category.value, record.status.outcome.name.lower())] += 1
        found["flaky"] += record.is_flaky
    words = [f"{found[word]} {word}" for word in _ORDER if found[word]]
    return ", ".join(["running", *words] if state.live else words)


def _fields(one: _Session) -> dict[str, Any]:
    fields = {name: value for name, value in msgspec.structs.asdict(one).items() if name not in {"origin", "result"}}
    return fields | msgspec.structs.asdict(one.origin)


def _row(one: _Session, names: list[str]) -> tuple[str, ...]:
    short = one.session[:_SECONDS]
    unique = sum(name.startswith(short) for name in names) == 1
    made = time.localtime(one.created)
    clock = "%m-%d %H:%M" if made.tm_year == time.localtime().tm_year else "%Y-%m-%d"
    return (
        str(one.back),
        one_line(short if unique else one.session),
        time.strftime(clock, made),
        "" if one.seconds is None else format_duration(one.seconds),
        size(one.size),
        one_line(one.result),
        one_line(shlex.join(one.origin.command[1:])),
    )
