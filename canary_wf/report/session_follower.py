"""A session that is looked at again and again: only what changed since is read."""

import os
from pathlib import Path

import msgspec

from canary_wf.plan.store import load_plan
from canary_wf.report.session import SeenBatch, SessionState, read_batch, state_of
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.state.attempt import AttemptFile, is_alive
from canary_wf.state.journal import BatchState
from canary_wf.state.session_paths import BatchPaths, SessionPaths

_Stamp = tuple[int, int, int] | None


class _Seen(msgspec.Struct):
    """What was read of a batch, and the stamps of the files it was read from."""

    stamps: tuple[_Stamp, ...] | None = None
    batch: SeenBatch = SeenBatch(None, alive=False, state=BatchState())


class SessionFollower:
    """Reads the state of one session as `load_session` does; the plan once, each journal when it changed.

    With `only`, nothing but that batch is looked at.
    """

    def __init__(self, paths: SessionPaths, only: str | None = None) -> None:
        self.paths = paths
        self.plan = load_plan(paths.plan)
        self._jobs = {job.id: job for job in self.plan.jobs}
        self._seen = [(batch, _Seen()) for batch in self.plan.batches if only in {None, batch.id}]

    def look(self) -> SessionState:
        """Return the state now. Raises WorkspaceError as `load_session` does."""
        batches = ((batch, self._read(batch, seen)) for batch, seen in self._seen)
        return state_of(self.paths, self.plan, batches)

    def _read(self, batch: PlannedBatch, seen: _Seen) -> SeenBatch:
        """Return `batch`, read again when its files changed, or the runner that it was seen with has ended."""
        files = self.paths.batch(batch.id)
        # Signs of life only touch the attempt file; what it says comes with a new file.
        attempt_stamp = _stamp(files.attempt)
        stamps = (attempt_stamp and (*attempt_stamp[:2], 0), _stamp(files.journal), _stamp(files.result))
        attempt = seen.batch.attempt
        if stamps != seen.stamps or (attempt is not None and seen.batch.alive != _lives(files, attempt)):
            seen.batch, seen.stamps = read_batch(self.paths, batch, self._jobs), stamps
        return seen.batch


def _lives(files: BatchPaths, attempt: AttemptFile) -> bool:
    try:
        return is_alive(files.attempt, attempt)
    except OSError:
        return False


def _stamp(path: Path) -> _Stamp:
    """Return what tells one state of a file from the next, None when it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - once a batch and look
    except OSError:  # reading it tells why
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
