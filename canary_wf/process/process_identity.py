"""Which process is meant: its pid with its start time, the machine it runs on, its mark, and signals for it alone.

The process is held by a pidfd (`pidfd_open(2)`), then it is made sure that it is the one, then it gets the signal.
Where the kernel has no pidfd, or does not let this process have one, a moment stays between the last two.

Anybody may have written `attempt.json`: a job, or another user. Its word alone must not end a process, so the runner
itself proves that it is the one: it holds an anonymous file (`memfd_create(2)`) whose name has the token of
the attempt and the batch's folder, which the kernel shows in `/proc/PID/fd`. Nobody can put one into another process.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError, valid_text

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_SLACK = _TICKS_A_SECOND // 2
"""How far the noted start of a job's process may be from the kernel's own; pids do not come round that fast."""


def host_id() -> str:
    """Return an id of this machine, its boot and its process namespace, distinct from all others."""
    return "/".join(
        (valid_text(os.uname().nodename), _line("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid"))
    )


def start_ticks(pid: int) -> int:
    """Return when `pid` was started (clock ticks since boot), or 0 when there is no such process (or only a zombie)."""
    return _stat(pid, 19)


def group_of(pid: int) -> int:
    """Return the process group of `pid`, or 0 when there is no such process (or only a zombie)."""
    return _stat(pid, 2)


def _stat(pid: int, field: int) -> int:
    """Return a number of the kernel's line about `pid`, counted from its state, or 0 when it does not run."""
    try:
        # The command name stands in parentheses and may hold anything, so count from the last one.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in {b"Z", b"X"} else int(fields[field])


def ticks_now() -> int:
    """Return the present moment as `start_ticks` counts; for a process just started it is right to a few ticks."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * _TICKS_A_SECOND)


def is_running(pid: int, ticks: int) -> bool:
    """Return whether the process `pid` that was started at `ticks` still runs on this machine."""
    return pid > 0 and ticks > 0 and start_ticks(pid) == ticks


def signal_group(pid: int, number: signal.Signals) -> bool:
    """Send `number` to the process group led by `pid`; return whether anyone was there to get it."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def may_be_group(pid: int, ticks: int) -> bool:
    """Return whether the process group `pid`, if there is one, is that of the job whose process started at `ticks`."""
    now = start_ticks(pid)
    return pid > 1 and not (now and abs(now - ticks) > _SLACK)


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "-"


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - not a file path
    except OSError:
        return "-"


_POLL = 0.02


def send_signals(pid: int, is_meant: Callable[[], bool], *numbers: signal.Signals) -> bool:
    """Send the signals `numbers` to `pid` when `is_meant` says that it is the one; return whether that was done.

    Raises PermissionError for a process of another user's.
    """
    held = _hold(pid)
    try:
        if not is_meant():
            return False
        for number in numbers:
            if held is None:
                os.kill(pid, number)
            else:
                signal.pidfd_send_signal(held, number)
    except ProcessLookupError:
        return False
    finally:
        if held is not None:
            os.close(held)
    return True


def has_ended_within(pid: int, is_meant: Callable[[], bool], seconds: float) -> bool:
    """Return whether the process that is meant ends within `seconds`; it need not be a child."""
    held = _hold(pid)
    end = time.monotonic() + seconds
    try:
        if held is not None and is_meant():
            poll = select.poll()
            poll.register(held, select.POLLIN)
            return bool(poll.poll(max(0, int(1000 * seconds))))
        while is_meant():
            if time.monotonic() > end:
                return False
            time.sleep(_POLL)
        return True
    finally:
        if held is not None:
            os.close(held)


def _hold(pid: int) -> int | None:
    """Return a pidfd of the process, None where there is no such process or there are no pidfds."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):  # Python may be built without
        return None


def set_mark(token: str, folder: Path) -> int:
    """Bear the mark of the attempt `token` at the batch in `folder` until the descriptor that is returned is closed.

    Raises OSError.
    """
    return os.memfd_create(_name(token, folder), os.MFD_CLOEXEC)


def bears_mark(pid: int, token: str, folder: Path) -> bool:
    """Return whether the process bears that mark; of another user's process that is not known, and False."""
    try:
        wanted = f"/memfd:{_name(token, folder)} (deleted)"
        return any(_link_target(f"/proc/{pid}/fd/{name}") == wanted for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return False


def may_bear_mark(pid: int, token: str) -> bool:
    """Return whether the process may bear a mark of the attempt `token`: it does, or is not for us to look into.

    The folder is left out: not all file systems number folders for good, and a live runner is not to be taken for dead.
    """
    try:
        wanted = f"/memfd:canary-wf:{token[:40]}:"
        return any(_link_target(f"/proc/{pid}/fd/{name}").startswith(wanted) for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return True


def _name(token: str, folder: Path) -> str:
    return f"canary-wf:{token[:40]}:{folder.stat().st_ino}"


def _link_target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - not a file path
    except OSError:
        return ""  # closed just now


PATIENCE = 60.0
"""Seconds a runner on this machine is given to end its jobs before it is killed."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """Which process is meant: its pid on a machine, and its start (clock ticks since boot), as pids are used again.

    Notes about a process (`attempt.json`, the owner of a lock) are derived from it.
    """

    host_id: str = msgspec.field(name="place")
    pid: int
    started_ticks: int

    @classmethod
    def own(cls) -> "ProcessIdentity":
        """Return this process."""
        return cls(host_id(), os.getpid(), start_ticks(os.getpid()))

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine, since its last start."""
        return self.host_id == host_id()

    @property
    def may_live(self) -> bool:
        """Whether it may still run; of one elsewhere that is not known from here."""
        return not self.is_here or is_running(self.pid, self.started_ticks)

    def end(self, is_ours: Callable[[], bool]) -> bool:
        """End the process, which is on this machine, in order if it can, and wait until it is gone.

        `is_ours` proves that it is what it is said to be. One that is not proved to be, or that another user started,
        is left alone. Return whether it is gone. Raises WorkspaceError for one that does not even end by SIGKILL.
        """

        def is_meant() -> bool:
            return is_running(self.pid, self.started_ticks) and is_ours()

        if not self.may_live:
            return True
        # One that was stopped could not heed SIGTERM without the other. Later it is killed.
        for signals in ((signal.SIGTERM, signal.SIGCONT), (signal.SIGKILL,)):
            try:
                if not send_signals(self.pid, is_meant, *signals):
                    return not self.may_live
            except PermissionError:
                return False
            if has_ended_within(self.pid, lambda: self.may_live, PATIENCE):
                return True
        raise WorkspaceError(f"process {self.pid} of an earlier run does not end", hint="see what keeps it, and end it")
