"""A limit for work that cannot be told to stop otherwise, such as a regular expression that backtracks for ever."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class TookTooLongError(Exception):
    """The work inside `time_limited` was stopped at its limit."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLongError


@contextlib.contextmanager
def time_limited(seconds: float) -> Iterator[None]:
    """Stop the work inside after `seconds` by raising TookTooLongError.

    The alarm of the process does it, which Python's expression engine heeds. Only the main thread can set it: in any
    other one there is no limit.
    """
    try:
        before = signal.signal(signal.SIGALRM, _stop)
    except ValueError:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
