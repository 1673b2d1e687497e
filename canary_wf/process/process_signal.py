"""Sending a signal to the process that is meant, and to no other that has come to its number meanwhile.

The process is held by a pidfd (`pidfd_open(2)`), then it is made sure that it is the one, then it gets the signal.
Where the kernel has no pidfd, or does not let this process have one, a moment stays between the last two.
"""

import os
import select
import signal
import time
from collections.abc import Callable

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
