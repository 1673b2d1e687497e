"""The verdict on a process, from its exit code and the exit code that its job expects.

Source: docs/reference/peers.md, "Verdicts". `xstatus` is 0 (success is expected), -1 (any failure is expected), 64 (a
difference is expected) or the exact exit code that is expected. Signal N is -N; signal 1 cannot be expected.
"""

import signal

from canary_wf.verdict.status import Outcome, Status

DIFFED = 64
SKIPPED = 80
ANY_FAILURE = -1


def status_of_exit(code: int, xstatus: int = 0) -> Status:
    """Return the verdict on a process that ended with `code` (killed by signal N: -N)."""
    if xstatus:
        return _expected(code, xstatus)
    if code == 0:
        return Status.of(Outcome.SUCCESS)
    if code == DIFFED:
        return Status.of(Outcome.DIFFED, "the test found differences")
    if code == SKIPPED:
        return Status.of(Outcome.SKIPPED, "the test skipped itself")
    return Status(Outcome.FAILED, describe_exit(code), code)


def _expected(code: int, xstatus: int) -> Status:
    if xstatus == DIFFED:
        if code == DIFFED:
            return Status.of(Outcome.XDIFF)
        return Status(Outcome.FAILED, f"expected a difference (exit code {DIFFED}), but it {_ended(code)}", code)
    if xstatus == ANY_FAILURE:
        if code != 0:
            return Status.of(Outcome.XFAIL)
        return Status(Outcome.FAILED, "expected a non-zero exit code, but it ended with exit code 0", code)
    if code == xstatus:
        return Status.of(Outcome.XFAIL)
    expected_end = f"to be killed by signal {-xstatus}" if xstatus < 0 else f"exit code {xstatus}"
    return Status(Outcome.FAILED, f"expected {expected_end}, but it {_ended(code)}", code)


def _ended(code: int) -> str:
    return f"was {describe_exit(code)}" if code < 0 else f"ended with exit code {code}"


def describe_exit(code: int) -> str:
    """Return in words how a process with this exit code ended (killed by signal N: -N)."""
    return f"killed by signal {_signal(-code)}" if code < 0 else f"exit code {code}"


def _signal(number: int) -> str:
    """Return the number of a signal with its name, if it has one."""
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
