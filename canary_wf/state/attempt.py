"""Who may write a batch's state: the token of the current attempt, its heartbeat, and the lock under which both change.

One runner at a time holds a batch. It says so in `attempt.json`; whoever comes later replaces the token, and a runner
that finds another's token there ends its jobs and writes nothing more. On one machine the newcomer waits until the
old runner is gone, which it ends when that bears the mark of its attempt; from another machine it waits two heartbeats.
If a new runner dies while it waits, its file still lists whom it waited for. Where the workflow is used twice, as
modules of a larger one, both runners are wanted: a runner that works for another result is waited for, not replaced.

Who that is, the kernel says: in the file anybody may have written.

Where locks work across machines (NFS) it holds there too, but nothing depends on that: what must be right is the token.
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
    may_bear_mark,
    set_mark,
    start_ticks,
    this_place,
)

_PAUSE = 0.01


@contextmanager
def attempt_lock(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock beside the attempt file `path` for a ``with`` block.

    A holder of this user's on this machine that keeps it for longer than `patience` seconds (it was stopped) is ended;
    any other is passed over after twice that time. Raises OSError.
    """
    descriptor = open_own(path.with_name("attempt.lock"), os.O_RDWR)
    try:
        with warn_when_slow(path, ELSEWHERE, 2 * patience + SLOW_AFTER):
            _wait_for(descriptor, patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, patience: float) -> None:
    """Return once the lock is ours, as it should be, or its holder does not let go."""
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
    """End the process of this user's that holds the lock; return whether there was one."""
    from canary_wf.files.locks import lock_holders

    def holds(pid: int) -> bool:
        return any(holder.pid == pid for holder in lock_holders(descriptor))

    for holder in lock_holders(descriptor):
        if holder.uid == os.geteuid() and holder.pid != os.getpid():
            process = ProcessIdentity(this_place(), holder.pid, start_ticks(holder.pid))
            return process.end(lambda pid=holder.pid: holds(pid))  # type: ignore[misc]
    return False


_HEARTBEATS = (0.1, 3600.0)
"""Below, a runner would do little else; above, it would take hours to see that one is dead."""


def heartbeat() -> float:
    """Return the seconds between two signs of life. Raises UsageError where the environment says nonsense."""
    return environment_seconds("CANARY_WF_HEARTBEAT", 5.0, *_HEARTBEATS)


MISSED = 3
"""After this many missed heartbeats a runner on another machine is taken for dead."""


_LONG_SILENCE = 24 * 3600.0
"""Seconds by which no clock is wrong."""


_watched: dict[Path, int] = {}
"""Attempt files that were watched without a change, and their modification times then: once is enough."""


class SupersededError(WorkspaceError):
    """Another runner took the batch."""

    def __init__(self, batch: str) -> None:
        super().__init__("another runner took this batch", where=batch)


_SIBLING_POLL = 0.2
"""Seconds between two looks at a runner that is waited for."""


class AttemptFile(ProcessIdentity, frozen=True, kw_only=True):
    """The content of `attempt.json`: the runner's process; the file's modification time is its last sign of life.

    `result` is the absolute path at which the runner's rule expects the result; "" when no rule started it. `after` are
    the runners before this one that were not known to be gone when it took the batch.
    """

    token: str
    ended: bool = False
    result: str = ""
    after: tuple["AttemptFile", ...] = ()

    @property
    def process(self) -> ProcessIdentity:
        """The runner's process alone."""
        return ProcessIdentity(self.place, self.pid, self.started_ticks)


class Attempt:
    """This process's hold on one batch."""

    def __init__(self, path: Path, content: AttemptFile) -> None:
        self.path = path
        self.content = content
        self._mark = set_mark(content.token, path.parent)
        self._interval = heartbeat()
        self._due = _clock() + self._interval

    @property
    def token(self) -> str:
        """The token of this attempt."""
        return self.content.token

    @property
    def next_beat(self) -> float:
        """When the next sign of life is due, as `time.monotonic` counts."""
        return time.monotonic() + self._due - _clock()

    def is_current(self) -> bool:
        """Return whether the batch is still ours."""
        newest = read_attempt(self.path)
        return newest is not None and newest.token == self.token

    def beat(self) -> bool:
        """Give a sign of life when one is due; return whether the batch is still ours."""
        now = _clock()
        if now < self._due:
            return True
        if not self.is_current():
            return False
        # Only now: who was frozen between the two asks again when it goes on.
        self._due = now + self._interval
        os.utime(self.path)
        return True

    def hold(self) -> None:
        """Raise SupersededError when this process gave no sign of life for a heartbeat and lost the batch meanwhile.

        Called before anything is written that counts: costs nothing but a look at the clock.
        """
        # What `_clock` says; asked six times a job.
        if time.clock_gettime(time.CLOCK_BOOTTIME) >= self._due and not self.beat():
            raise SupersededError(self.path.parent.name)

    def end(self) -> None:
        """Say that this attempt is over, unless the batch is another's by now."""
        with attempt_lock(self.path, self._interval):
            if self.is_current():
                write_json(self.path, msgspec.structs.replace(self.content, ended=True, after=()))
        self.forget()

    def forget(self) -> None:
        """Bear the mark of this attempt no longer, by which this process is known to work on it."""
        if self._mark >= 0:
            os.close(self._mark)
            self._mark = -1


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
        return AttemptFile("unknown", 0, 0, token="")
    return attempt


def is_alive(path: Path, attempt: AttemptFile) -> bool:
    """Return whether the runner of `attempt` still runs, as far as one look from here can tell.

    One here does when its process runs, unless that can be seen not to be a runner of this attempt: then only the file
    says so. One elsewhere does when its last sign of life is no older than some heartbeats, by the clock of the file
    system, nor that much in the future.
    """
    if attempt.ended:
        return False
    if attempt.is_here:
        return attempt.may_live and may_bear_mark(attempt.pid, attempt.token)
    return abs(age_of(path)) < MISSED * heartbeat()


def living(attempts: Iterable[tuple[Path, AttemptFile | None]]) -> frozenset[Path]:
    """Return those files of `attempts` whose runner lives, for who does harm where he takes a live one for dead.

    Clocks may differ or have jumped, so one elsewhere that looks dead is watched for two heartbeats, all at once: a
    live one gives a sign within. What is silent since yesterday, or for as long in the future, needs no watching.
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
        told = f"a runner elsewhere was silent lately; watching for {2 * heartbeat():g} s whether it lives"
        sys.stderr.write(f"canary-wf: {told}\n")
        sys.stderr.flush()
        time.sleep(2 * heartbeat())
    for path, stamp in silent.items():
        if path.exists() and path.stat().st_mtime_ns != stamp:
            found.add(path)
        else:
            _watched[path] = stamp
    return frozenset(found)


def take_batch(path: Path, result: str = "", *, to_run: bool = True, only_from: AttemptFile | None = None) -> Attempt:
    """Make this process the one that runs the batch of `path`, for a rule that expects `result`; then no other does.

    Who takes it only to write down that its runner died (`to_run` is False) does not wait for runners elsewhere: what
    they still write does not count. That one names the attempt that it saw die (`only_from`; None: there was none), and
    takes the batch from no other. Raises WorkspaceError when somebody else took the batch meanwhile, or when the
    folder cannot be written.
    """
    try:
        require_real_folder(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with attempt_lock(path, heartbeat()):
                # Newcomers on one machine do this one after the other: each then sees the one before it.
                if not to_run and _token(read_attempt(path)) != _token(only_from):
                    raise SupersededError(path.parent.name)
                attempt = None if _is_sibling(path, result) else _take(path, result)
            if attempt is not None:
                return _alone(attempt, to_run=to_run)
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


def _take(path: Path, result: str) -> Attempt:
    """Put our token into the file, with those who may still run the batch."""
    remove_half_written(path.parent, path.name)
    own = ProcessIdentity.own()
    left = tuple(runner for runner in _runners(read_attempt(path)) if runner.process != own)
    content = AttemptFile(own.place, own.pid, own.started_ticks, token=os.urandom(8).hex(), result=result, after=left)
    if path.is_dir() and not path.is_symlink():
        remove_anything(path)  # a folder in a file's place, which no file can replace
    attempt = Attempt(path, content)  # with its mark, before anybody can read who it is
    write_json(path, content)
    return attempt


def _alone(attempt: Attempt, *, to_run: bool) -> Attempt:
    """Return `attempt` once nobody before it runs the batch any more, and it is the newest still."""
    left = [runner for runner in attempt.content.after if not _end(runner, attempt.path.parent)]
    if to_run and left:
        # They look for their token once a heartbeat; the second one is for ending their jobs. Since when they are
        # silent does not matter: clocks may differ or jump.
        time.sleep(2 * heartbeat())
    if not attempt.is_current():
        attempt.forget()
        raise SupersededError(attempt.path.parent.name)
    return attempt


def _end(runner: AttemptFile, folder: Path) -> bool:
    """End a runner of the batch in `folder`; return whether it is known to be gone.

    One elsewhere is not, nor one of another user's, or a process that only the file takes for the runner.
    """
    return runner.is_here and runner.end(lambda: bears_mark(runner.pid, runner.token, folder))


def _runners(newest: AttemptFile | None) -> list[AttemptFile]:
    """Return who may still run the batch, given what its file says."""
    if newest is None or newest.ended:
        return []
    runners = [msgspec.structs.replace(newest, after=()), *newest.after]
    return [runner for runner in runners if runner.may_live]


def _clock() -> float:
    """Return seconds that count on while the machine sleeps, and never jump."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
