"""Who may write a batch's state: the token of the current attempt, its heartbeat, and the lock under which both change.

One runner at a time owns a batch; `attempt.json` names it. A later runner replaces the token. A runner that finds a
foreign token there ends its jobs and writes nothing more. On one machine the new runner waits until the old one is
gone, and ends it if it carries the mark of its attempt; for a runner on another machine it waits two heartbeats. If the
new runner dies while waiting, its attempt file still lists the runners it was waiting for. If a workflow is used twice,
as modules of a parent workflow, both runners are needed: a runner that works for another result is awaited, not
replaced.

The kernel names the holder of the lock; the content of the file could be anybody's.

Where locks work across machines (NFS) the lock holds there, too, but nothing depends on that: the token decides.
"""

import fcntl
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from canary_wf.durations import environment_seconds
from canary_wf.errors import WorkspaceError
from canary_wf.files.file_clock import age_of
from canary_wf.files.folder_removal import remove_anything
from canary_wf.files.json_files import not_writable, read_json, remove_half_written, write_json
from canary_wf.files.locks import ELSEWHERE, SLOW_AFTER, warn_when_slow
from canary_wf.files.plain_files import open_own, require_real_folder
from canary_wf.process.process_identity import (
    ProcessIdentity,
    bears_mark,
    host_id,
    may_bear_mark,
    set_mark,
    start_ticks,
)

_PAUSE = 0.01


@contextmanager
def attempt_lock(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock beside the attempt file `path` for a ``with`` block.

    A holder on this machine, of this user, that keeps the lock for longer than `patience` seconds (it was stopped) is
    ended. Any other holder is ignored after twice that time. Raises OSError.
    """
    descriptor = open_own(path.with_name("attempt.lock"), os.O_RDWR)
    try:
        with warn_when_slow(path, ELSEWHERE, 2 * patience + SLOW_AFTER):
            _wait_for(descriptor, patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, patience: float) -> None:
    """Return once the lock is held, or once its holder has been waited for long enough."""
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
        else:
            return
        if waited > patience and _end_holder(descriptor):
            continue
        if waited > 2 * patience:
            return
        time.sleep(_PAUSE)


def _end_holder(descriptor: int) -> bool:
    """End the process of this user that holds the lock; return whether there was one."""
    from canary_wf.files.locks import lock_holders

    def holds(pid: int) -> bool:
        return any(holder.pid == pid for holder in lock_holders(descriptor))

    for holder in lock_holders(descriptor):
        if holder.uid == os.geteuid() and holder.pid != os.getpid():
            process = ProcessIdentity(host_id(), holder.pid, start_ticks(holder.pid))
            return process.end(lambda pid=holder.pid: holds(pid))  # type: ignore[misc]
    return False


_HEARTBEATS = (0.1, 3600.0)
"""Bounds in seconds. Below, a runner would do little else; above, it would take hours to notice that one is dead."""


def heartbeat() -> float:
    """Return the seconds between two heartbeats. Raises UsageError for an invalid value in the environment."""
    return environment_seconds("CANARY_WF_HEARTBEAT", 5.0, *_HEARTBEATS)


MISSED = 3
"""After this many missed heartbeats a runner on another machine counts as dead."""


_LONG_SILENCE = 24 * 3600.0
"""Seconds by which no clock is wrong."""


_watched: dict[Path, int] = {}
"""Attempt files that did not change while they were watched, with their modification times: watching once is enough."""


class SupersededError(WorkspaceError):
    """Another runner took the batch."""

    def __init__(self, batch: str) -> None:
        super().__init__("another runner took this batch", where=batch)


_SIBLING_POLL = 0.2
"""Seconds between two checks of a runner that is waited for."""


class AttemptFile(ProcessIdentity, frozen=True, kw_only=True):
    """The content of `attempt.json`: the runner's process. The file's modification time is its last heartbeat.

    `result` is the absolute path at which the runner's rule expects the result; "" when no rule started it. `after` are
    earlier runners that were not known to be gone when this one claimed the batch.
    """

    token: str
    ended: bool = False
    result: str = ""
    after: tuple["AttemptFile", ...] = ()

    @property
    def process(self) -> ProcessIdentity:
        """The runner's process alone."""
        return ProcessIdentity(self.host_id, self.pid, self.started_ticks)


class Attempt:
    """This process's claim on one batch."""

    def __init__(self, path: Path, content: AttemptFile) -> None:
        self.path = path
        self.content = content
        self._mark = set_mark(content.token, path.parent)
        self._interval = heartbeat()
        self._next_beat = _clock() + self._interval

    @property
    def token(self) -> str:
        """The token of this attempt."""
        return self.content.token

    @property
    def next_beat(self) -> float:
        """When the next heartbeat is due, on the clock of `time.monotonic`."""
        return time.monotonic() + self._next_beat - _clock()

    def is_current(self) -> bool:
        """Return whether this process still owns the batch."""
        newest = read_attempt(self.path)
        return newest is not None and newest.token == self.token

    def beat(self) -> bool:
        """Write a heartbeat when one is due; return whether this process still owns the batch."""
        now = _clock()
        if now < self._next_beat:
            return True
        if not self.is_current():
            return False
        # Set only after the check: a process that was frozen between the two checks again when it continues.
        self._next_beat = now + self._interval
        os.utime(self.path)
        return True

    def require_current(self) -> None:
        """Raise SupersededError if this process missed a heartbeat and lost the batch meanwhile.

        To be called before anything important is written. Usually costs no more than reading a clock.
        """
        # The clock of `_clock`, inlined: this runs six times per job.
        if time.clock_gettime(time.CLOCK_BOOTTIME) >= self._next_beat and not self.beat():
            raise SupersededError(self.path.parent.name)

    def end(self) -> None:
        """Mark this attempt as ended, unless the batch belongs to another runner by now."""
        with attempt_lock(self.path, self._interval):
            if self.is_current():
                write_json(self.path, msgspec.structs.replace(self.content, ended=True, after=()))
        self.drop_mark()

    def drop_mark(self) -> None:
        """Drop the mark by which this process is known to work on the batch."""
        if self._mark >= 0:
            os.close(self._mark)
            self._mark = -1


def read_attempt(path: Path) -> AttemptFile | None:
    """Return the newest attempt in `path`, or None when there was none.

    A damaged file counts as a runner on another machine, which lives as long as the heartbeat continues.
    """
    if not path.exists():
        return None
    try:
        attempt: AttemptFile = read_json(path, AttemptFile)
    except WorkspaceError:
        if not os.access(path, os.R_OK):
            raise
        return AttemptFile("unknown", 0, 0, token="")
    return attempt


def is_alive(path: Path, attempt: AttemptFile) -> bool:
    """Return whether the runner of `attempt` still runs, as far as a single check can tell.

    A runner on this machine lives if its process does, unless that process is visibly not a runner of this attempt.
    A runner elsewhere lives if its last heartbeat is only a few heartbeats old, by the clock of the file system, and
    not further in the future than that.
    """
    if attempt.ended:
        return False
    if attempt.is_here:
        return attempt.may_live and may_bear_mark(attempt.pid, attempt.token)
    return abs(age_of(path)) < MISSED * heartbeat()


def living(attempts: Iterable[tuple[Path, AttemptFile | None]]) -> frozenset[Path]:
    """Return the files in `attempts` whose runner lives; for callers that do harm if they mistake a live one for dead.

    Clocks may differ or have jumped. So runners elsewhere that look dead are watched for two heartbeats, all at once: a
    live one beats within that time. A runner that has been silent for a day, past or future, is not watched.
    """
    found, silent = set(), {}
    for path, attempt in attempts:
        if attempt is None or attempt.ended:
            continue
        if is_alive(path, attempt):
            found.add(path)
        elif not attempt.is_here and abs(age_of(path)) < _LONG_SILENCE:
            silent[path] = path.stat().st_mtime_ns
    if silent.items() - _watched.items():
        message = f"a runner elsewhere was silent lately; watching for {2 * heartbeat():g} s whether it lives"
        sys.stderr.write(f"canary-wf: {message}\n")
        sys.stderr.flush()
        time.sleep(2 * heartbeat())
    for path, stamp in silent.items():
        if path.exists() and path.stat().st_mtime_ns != stamp:
            found.add(path)
        else:
            _watched[path] = stamp
    return frozenset(found)


def claim_batch(path: Path, result: str = "", *, to_run: bool = True, only_from: AttemptFile | None = None) -> Attempt:
    """Claim the batch of `path` for this process, for a rule that expects `result`; any earlier runner is superseded.

    With `to_run` False, the caller only records that the runner died. It does not wait for runners elsewhere, whose
    writes no longer count, and it claims the batch only from the attempt that it saw die (`only_from`; None: there was
    none). Raises WorkspaceError when another process claimed the batch meanwhile, or when the folder is not writable.
    """
    try:
        require_real_folder(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with attempt_lock(path, heartbeat()):
                # New runners on one machine take turns here, so each one sees its predecessor.
                if not to_run and _token(read_attempt(path)) != _token(only_from):
                    raise SupersededError(path.parent.name)
                attempt = None if _is_sibling(path, result) else _claim(path, result)
            if attempt is not None:
                return _await_predecessors(attempt, to_run=to_run)
            time.sleep(_SIBLING_POLL)
    except OSError as error:
        raise not_writable(path, error) from error


def _token(attempt: AttemptFile | None) -> str | None:
    return None if attempt is None else attempt.token


def _is_sibling(path: Path, result: str) -> bool:
    """Return whether a live runner works on the batch for another rule than the one that expects `result`."""
    attempt = read_attempt(path)
    if attempt is None or not result or not attempt.result or attempt.result == result:
        return False
    return is_alive(path, attempt)


def _claim(path: Path, result: str) -> Attempt:
    """Write a new token into the file, together with the runners that may still be alive."""
    remove_half_written(path.parent, path.name)
    own = ProcessIdentity.own()
    predecessors = tuple(runner for runner in _runners(read_attempt(path)) if runner.process != own)
    content = AttemptFile(
        own.host_id, own.pid, own.started_ticks, token=os.urandom(8).hex(), result=result, after=predecessors
    )
    if path.is_dir() and not path.is_symlink():
        remove_anything(path)  # a folder in its place, which no file can replace
    attempt = Attempt(path, content)  # with its mark, before anybody can read the token
    write_json(path, content)
    return attempt


def _await_predecessors(attempt: Attempt, *, to_run: bool) -> Attempt:
    """Return `attempt` once every earlier runner has ended. Raises SupersededError if a newer attempt exists then."""
    predecessors = [runner for runner in attempt.content.after if not _end(runner, attempt.path.parent)]
    if to_run and predecessors:
        # They read the token once per heartbeat; the second heartbeat is for ending their jobs. How long they have been
        # silent does not matter, because clocks may differ or jump.
        time.sleep(2 * heartbeat())
    if not attempt.is_current():
        attempt.drop_mark()
        raise SupersededError(attempt.path.parent.name)
    return attempt


def _end(runner: AttemptFile, folder: Path) -> bool:
    """End a runner of the batch in `folder`; return whether it is known to be gone.

    A runner elsewhere or of another user is not ended, and neither is a process that only the file calls the runner.
    """
    return runner.is_here and runner.end(lambda: bears_mark(runner.pid, runner.token, folder))


def _runners(newest: AttemptFile | None) -> list[AttemptFile]:
    """Return the runners that may still run the batch, according to its file."""
    if newest is None or newest.ended:
        return []
    runners = [msgspec.structs.replace(newest, after=()), *newest.after]
    return [runner for runner in runners if runner.may_live]


def _clock() -> float:
    """Return seconds on a clock that keeps counting while the machine sleeps, and never jumps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
