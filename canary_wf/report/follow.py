"""A session that is looked at again and again: only what changed since is read."""

import os
from pathlib import Path

import msgspec

from canary_wf.job.attempt import AttemptFile, is_alive, read_attempt
from canary_wf.job.journal import BatchState, read_journal
from canary_wf.plan.batch_slice import PlannedBatch
from canary_wf.plan.store import load_plan
from canary_wf.report.batch_runs import runs_of
from canary_wf.report.session import SessionState, batch_records, is_being_run
from canary_wf.session_paths import BatchPaths, SessionPaths

_Stamp = tuple[int, int, int] | None


class _Seen(msgspec.Struct):
    """What was read of a batch, and the stamps of the files it was read from."""

    attempt_stamp: _Stamp = None
    journal_stamp: _Stamp = None
    attempt: AttemptFile | None = None
    state: BatchState = msgspec.field(default_factory=BatchState)


class SessionFollower:
    """Reads the state of one session as `load_session` does; the plan once, each journal when it changed.

    With `only`, nothing but that batch is looked at.
    """

    def __init__(self, paths: SessionPaths, only: str | None = None) -> None:
        self.paths = paths
        self.plan = load_plan(paths.plan)
        self._seen = [(batch, _Seen()) for batch in self.plan.batches if only in {None, batch.id}]

    def look(self) -> SessionState:
        """Return the state now. Raises WorkspaceError as `load_session` does."""
        live = is_being_run(self.paths.out)
        state = SessionState(self.paths, self.plan, {}, live=live, begun=False, runs={})
        begun = False
        for batch, seen in self._seen:
            alive = self._look_at(batch, seen, state)
            waits = seen.attempt is None and batch.jobs[0] in state.records
            live, begun = live or alive, begun or seen.state.was_run or waits
        return msgspec.structs.replace(state, live=live, begun=begun)

    def _look_at(self, batch: PlannedBatch, seen: _Seen, state: SessionState) -> bool:
        """Put what is known of `batch` into `state`; return whether its runner lives."""
        files = self.paths.batch(batch.id)
        self._read(files, seen)
        alive = seen.attempt is not None and not seen.attempt.ended and is_alive(files.attempt, seen.attempt)
        state.records.update(batch_records(files, batch.jobs, seen.state, alive=alive))
        if seen.attempt is not None:
            state.runs[batch.id] = runs_of(seen.state, alive=alive)
        return alive

    @staticmethod
    def _read(files: BatchPaths, seen: _Seen) -> None:
        stamp = _stamp(files.attempt)
        if stamp != seen.attempt_stamp:
            seen.attempt, seen.attempt_stamp = read_attempt(files.attempt), stamp
        stamp = _stamp(files.journal)
        if stamp != seen.journal_stamp:
            seen.state, seen.journal_stamp = read_journal(files.journal), stamp


def _stamp(path: Path) -> _Stamp:
    """Return what tells one state of a file from the next, None when it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - once a batch and look
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
