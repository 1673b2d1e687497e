"""Sleeping until a child ends: with descriptors, with a signal, and where neither is to be had."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from canary_wf.api.scheduler import exit_watch
from canary_wf.api.scheduler.exit_watch import ExitWatch, one_ended


def test_an_end_is_seen_and_the_process_not_reaped() -> None:
    """Of any of several; without one the seconds pass."""
    with subprocess.Popen(["sleep", "60"]) as long, subprocess.Popen(["true"]) as short:
        assert one_ended([long.pid, short.pid], 60)
        assert not one_ended([long.pid], 0.01)
        assert os.waitid(os.P_PID, short.pid, os.WEXITED) is not None
        long.kill()


def test_a_process_that_is_gone_cannot_be_watched() -> None:
    """No descriptor is left open by the attempt."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(OSError, match="process"):
            one_ended([os.getpid(), process.pid], 60)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        with ExitWatch() as exits:
            assert not exits.wait([process.pid], 60)


@pytest.fixture
def no_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no pidfd."""
    monkeypatch.setattr(exit_watch, "has_pidfd", lambda: False)


@pytest.mark.usefixtures("no_pidfd")
def test_a_signal_wakes_through_a_pipe() -> None:
    """The caller's own handler of SIGCHLD hears of it too, and is there again in the end."""
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGCHLD, hear)
    try:
        with ExitWatch() as exits, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert exits.wait([process.pid], 0.01)
            assert heard == []
            process.stdin.close()
            while not heard:
                assert exits.wait([process.pid], 60)
            assert exits.wait([process.pid], 60)  # it has ended already
            process.wait()
            assert not exits.wait([process.pid], 60)  # no child any more: not to be watched
        assert signal.getsignal(signal.SIGCHLD) is hear
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.usefixtures("no_pidfd")
def test_who_is_woken_by_signals_already_is_left_alone() -> None:
    """An event loop in this thread keeps its pipe; the caller polls."""
    reading, writing = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(writing)
    try:
        with ExitWatch() as exits:
            assert not exits.wait([os.getpid()], 60)
    finally:
        assert signal.set_wakeup_fd(-1) == writing
        os.close(reading)
        os.close(writing)


@pytest.mark.usefixtures("no_pidfd")
def test_another_thread_polls() -> None:
    """Signals are for the main thread."""
    seen: list[bool] = []

    def wait() -> None:
        with ExitWatch() as exits:
            seen.append(exits.wait([os.getpid()], 60))

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert seen == [False]
