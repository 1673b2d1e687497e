"""`canary-wf gc`: remove old sessions, and report the space that this frees."""

import sys
import time
from pathlib import Path

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import WholeNumber, json_option, workspace_option
from canary_wf.cli.output import print_columns, print_json
from canary_wf.durations import parse_duration
from canary_wf.errors import InputError, UsageError
from canary_wf.plan.store import newest_session
from canary_wf.recovery.session_removal import (
    OldSession,
    old_artifacts,
    old_sessions,
    remove_artifacts,
    remove_sessions,
    total_freed,
)
from canary_wf.snakemake.lock import workspace_lock
from canary_wf.state.session_paths import artifacts_folder, relative_to_out
from canary_wf.state.trust import require_trusted
from canary_wf.wording import count, moment, size

_KEPT = 5


@click.command("gc", cls=DocumentedCommand)
@workspace_option
@json_option
@click.option("--keep", type=WholeNumber(1), metavar="N", help=f"Keep the newest N sessions (default: {_KEPT}).")
@click.option("--older-than", metavar="AGE", help="Only sessions older than this, such as 30d or 12h.")
@click.option("--artifacts", is_flag=True, help="Remove artifacts, too: also those of sessions that are gone already.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
def command(
    *, out: Path, as_json: bool, keep: int | None, older_than: str | None, artifacts: bool, dry_run: bool
) -> None:
    """Remove old sessions with their state, outputs and reports. The newest session and running sessions are kept.

    With --older-than alone, only age decides. Run times are kept, as they are stored elsewhere, and so are artifacts,
    which move to .canary-wf/artifacts/SESSION.
    """
    require_trusted(out)
    newest_session(out)
    before = None if older_than is None else time.time() - _age(older_than)
    kept = _KEPT if keep is None and before is None else keep
    with workspace_lock(out):
        chosen = old_sessions(out, keep=kept, before=before, artifacts=artifacts)
        orphaned = old_artifacts(out, before=before) if artifacts else []
        stay = 0
        if not dry_run:
            stay = remove_sessions(chosen, artifacts=artifacts)
            remove_artifacts(orphaned)
    if as_json:
        print_json(_as_dict(chosen, orphaned, dry_run=dry_run))
    else:
        _print(chosen, orphaned, dry_run=dry_run)
        if stay:
            place = relative_to_out(artifacts_folder(out), out)
            sys.stdout.write(f"The artifacts of {count(stay, 'job')} stay in {place}; --artifacts removes them.\n")


def _age(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except InputError as error:
        raise UsageError(error.what, where="--older-than", hint=error.hint) from None
    if seconds < 0:
        raise UsageError(f"{text!r} is negative", where="--older-than")
    return seconds


def _as_dict(chosen: list[OldSession], orphaned: list[OldSession], *, dry_run: bool) -> dict[str, object]:
    sessions, artifacts = (
        [{"session": one.paths.session, "created": one.created, "freed": one.freed} for one in each]
        for each in (chosen, orphaned)
    )
    freed = total_freed([*chosen, *orphaned])
    return {"removed": not dry_run, "freed": freed, "sessions": sessions, "artifacts": artifacts}


def _print(chosen: list[OldSession], orphaned: list[OldSession], *, dry_run: bool) -> None:
    rows = [("session", "made", "size")]
    for each, what in ((chosen, ""), (orphaned, " (artifacts)")):
        rows += [(f"{one.paths.session}{what}", moment(one.created), size(one.freed)) for one in each]
    if len(rows) > 1:
        print_columns(rows)
    verb = "Would remove" if dry_run else "Removed"
    sys.stdout.write(f"{verb} {count(len(chosen), 'session')}, {size(total_freed([*chosen, *orphaned]))}.\n")
