"""Who may write a batch's state: the token of the current attempt, and its heartbeat.

One runner at a time holds a batch. It says so in `attempt.json`; whoever comes later replaces the token, and a runner
that finds another's token there ends its jobs and writes nothing more. On one machine the newcomer waits until the
old runner is gone; from another machine it waits two heartbeats. Only where the workflow is used twice, as modules of
a larger one, both runners are wanted: a runner that works for another result is waited for, not replaced.
"""

import fcntl
import os
import signal
import time
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.job.processes import is_running, start_ticks, this_place
from canary_wf.json_files import not_writable, read_json, write_json

HEARTBEAT = float(os.environ.get("CANARY_WF_HEARTBEAT", "5"))
"""Seconds between two signs of life."""

MISSED = 3
"""After this many missed heartbeats a runner on another machine is taken for dead."""

_PATIENCE = 60.0
"""Seconds the old runner on this machine is given to end its jobs before it is killed."""


_SIBLING_POLL = 0.2
"""Seconds between two looks at a runner that is waited for."""


class AttemptFile(msgspec.Struct, frozen=True):
    """The content of `attempt.json`; the file's modification time is the last sign of life.

    `result` is the absolute path at which the runner's rule expects the result; "" when no rule started it.
    """

    token: str
    place: str
    pid: int
    started_ticks: int
    ended: bool = False
    result: str = ""


class Attempt:
    """This process's hold on one batch."""

    def __init__(self, path: Path, content: AttemptFile) -> None:
        self.path = path
        self.content = content
        self._beaten = time.monotonic()

    @property
    def token(self) -> str:
        """The token of this attempt."""
        return self.content.token

    @property
    def next_beat(self) -> float:
        """When the next sign of life is due, as `time.monotonic` counts."""
        return self._beaten + HEARTBEAT

    def is_current(self) -> bool:
        """Return whether the batch is still ours."""
        newest = read_attempt(self.path)
        return newest is not None and newest.token == self.token

    def beat(self) -> bool:
        """Give a sign of life when one is due; return whether the batch is still ours."""
        if time.monotonic() - self._beaten < HEARTBEAT:
            return True
        self._beaten = time.monotonic()
        if not self.is_current():
            return False
        os.utime(self.path)
        return True

    def end(self) -> None:
        """Say that this attempt is over, unless the batch is another's by now."""
        if self.is_current():
            write_json(self.path, msgspec.structs.replace(self.content, ended=True), sync=True)


def read_attempt(path: Path) -> AttemptFile | None:
    """Return the newest attempt that `path` names, or None when there was none.

    A file that a crash or a disk damaged names nobody: it counts as a runner elsewhere, alive by its heartbeat only.
    """
    if not path.exists():
        return None
    try:
        attempt: AttemptFile = read_json(path, AttemptFile)
    except WorkspaceError:
        if not os.access(path, os.R_OK):
            raise
        return AttemptFile(token="", place="unknown", pid=0, started_ticks=0)
    return attempt


def is_alive(path: Path, attempt: AttemptFile) -> bool:
    """Return whether the runner of `attempt` still runs, as far as it can be known from here."""
    if attempt.ended:
        return False
    if attempt.place == this_place():
        return is_running(attempt.pid, attempt.started_ticks)
    return time.time() - path.stat().st_mtime < MISSED * HEARTBEAT


def take_batch(path: Path, result: str = "") -> Attempt:
    """Make this process the one that runs the batch of `path`, for a rule that expects `result`; then no other does.

    Raises WorkspaceError when somebody else took the batch meanwhile, or when the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with path.with_name("attempt.lock").open("a") as lock:
                # Newcomers on one machine take the batch one after the other: each then sees the one before it.
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not _is_sibling(path, result):
                    return _take(path, result)
            time.sleep(_SIBLING_POLL)
    except OSError as error:
        raise not_writable(path, error) from error


def _is_sibling(path: Path, result: str) -> bool:
    """Return whether a live runner works on the batch for another rule than the one that expects `result`."""
    attempt = read_attempt(path)
    if attempt is None or not result or not attempt.result or attempt.result == result:
        return False
    return is_alive(path, attempt)


def _take(path: Path, result: str) -> Attempt:
    before = read_attempt(path)
    pid = os.getpid()
    attempt = Attempt(path, AttemptFile(os.urandom(8).hex(), this_place(), pid, start_ticks(pid), result=result))
    heard = path.stat().st_mtime if before else 0.0
    write_json(path, attempt.content, sync=True)
    if before is not None and not before.ended and before.pid != pid:
        # What is written now has the time of the file system's own clock, so skewed clocks do no harm.
        _wait_for_end(before, path.stat().st_mtime - heard)
    if not attempt.is_current():
        raise WorkspaceError("another runner took this batch", where=path.parent.name)
    return attempt


def _wait_for_end(before: AttemptFile, silence: float) -> None:
    """Wait until the runner `before`, last heard of `silence` seconds ago, no longer runs the batch."""
    if before.place != this_place():
        if silence < MISSED * HEARTBEAT:
            # It looks for its token once a heartbeat; the second one is for ending its jobs.
            time.sleep(2 * HEARTBEAT)
        return
    if not is_running(before.pid, before.started_ticks):
        return
    _send(before.pid, signal.SIGTERM)
    end = time.monotonic() + _PATIENCE
    while is_running(before.pid, before.started_ticks):
        if time.monotonic() > end:
            _send(before.pid, signal.SIGKILL)
            end += _PATIENCE
        time.sleep(0.05)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise WorkspaceError(f"process {pid} of another user still runs this batch") from error
