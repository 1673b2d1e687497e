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
from canary_wf.durations import LONGEST, format_duration
from canary_wf.errors import WorkspaceError, one_line
from canary_wf.files.json_files import read_json
from canary_wf.plan.model import Origin
from canary_wf.plan.store import newest_session
from canary_wf.recovery.session_removal import created_at, size_on_disk
from canary_wf.report.closing import counted_as, counts_in_words, in_words, seconds_run
from canary_wf.report.columns import Column, table_lines
from canary_wf.report.session import load_session
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.verdict.status import Category, JobPhase, Outcome
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


class _Header(msgspec.Struct, frozen=True):
    """The fields of a plan that are listed."""

    created: float
    origin: Origin = Origin()


class _ReportedJob(msgspec.Struct, frozen=True):
    outcome: str
    attempts: int = 0


class _Report(msgspec.Struct, frozen=True):
    """The fields of a JSON report that are listed."""

    seconds: float
    jobs: tuple[_ReportedJob, ...]


def _from_report(paths: SessionPaths) -> _Session | None:
    """Return the counts in the report that an earlier session's run wrote at its end; None without a sound report.

    `reset` removes the report, so it is as true as the journals, of which there may be thousands.
    """
    try:
        report: _Report = read_json(paths.report / "report.json", _Report)
        header: _Header = read_json(paths.plan, _Header)
        found = Counter((Outcome[job.outcome], job.attempts > 1) for job in report.jobs)
    except (WorkspaceError, KeyError):
        return None
    if not 0 <= report.seconds <= LONGEST:
        return None
    counts = dict.fromkeys((category.value for category in Category), 0)
    words: Counter[str] = Counter()
    for (outcome, _), number in found.items():
        counts[outcome.category.value] += number
        words[counted_as(JobPhase.DONE, outcome, is_live=False)] += number
    blocked = sum(number for (outcome, _), number in found.items() if outcome is Outcome.BLOCKED)
    flaky = sum(number for (outcome, again), number in found.items() if again and outcome.category is Category.PASS)
    return _Session(
        session=paths.session,
        index=0,
        created=header.created,
        origin=header.origin,
        counts=counts,
        result=in_words(words, f" ({flaky} flaky)" if flaky else "", blocked),
        seconds=report.seconds,
    )


def _read(paths: SessionPaths, index: int, *, with_size: bool) -> _Session:
    """Return what is known of a session. One that is damaged is listed, too, with what is wrong."""
    created, used = created_at(paths), size_on_disk(paths.folder) if with_size else None
    if index and (counted := _from_report(paths)) is not None:  # the newest one may be running
        return msgspec.structs.replace(counted, index=index, size=used)
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
