"""Waiting for children: long waits, with pidfds, with a signal, with neither; output that outlives its process."""

import errno
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from canary_wf.process import process_watch
from canary_wf.process.output import PipedOutput
from canary_wf.process.process_watch import ProcessMonitor, ProcessWatch, has_pidfd, reap

YEARS = 10 * 365 * 86400.0


def _refused(_pid: int) -> int:
    raise OSError(errno.ENOSYS, "Function not implemented")


@pytest.mark.parametrize("fault", [None, errno.ENOSYS, errno.EPERM])
def test_an_end_is_seen_whatever_the_system_offers(fault: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old kernels know no pidfds, sandboxes may forbid them; a wait of years is one of hours, again and again."""
    if fault is not None:
        monkeypatch.setattr(os, "pidfd_open", _refused)
        assert not has_pidfd()
    with ProcessMonitor() as monitor:
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", "sleep 0.1; exit 3"], {})
        monitor.watch(pid)
        over: list[int] = []
        while not over:
            over = monitor.wait(YEARS)
    assert over == [pid]
    assert reap(pid).code == 3


@pytest.mark.parametrize("use_pidfd", [True, False])
def test_a_process_is_over_with_its_output(tmp_path: Path, use_pidfd: bool) -> None:
    """In either order of the two ends; who is let go of is over with its process."""
    monitor = ProcessMonitor(use_pidfd=use_pidfd)
    with monitor:
        over: dict[int, str] = {}
        names: dict[int, str] = {}
        outputs = []
        for name, text in {"later": "(sleep 0.3; echo late) & exit 0", "sooner": "exec >&- 2>&-; sleep 0.2"}.items():
            output = PipedOutput(str(tmp_path / name), 1e6)
            actions = [(os.POSIX_SPAWN_DUP2, output.write_end, 1), (os.POSIX_SPAWN_DUP2, output.write_end, 2)]
            pid = os.posix_spawn("/bin/sh", ["sh", "-c", text], dict(os.environ), file_actions=actions)
            output.started()
            monitor.watch(pid, output)
            names[pid] = name
            outputs.append(output)
        end = time.monotonic() + 20
        while len(over) < 2 and time.monotonic() < end:
            over |= {pid: names[pid] for pid in monitor.wait(1.0)}
        assert set(over.values()) == {"later", "sooner"}
        assert (tmp_path / "later").read_text() == "late\n"
        for pid in over:
            reap(pid)
        for output in outputs:
            output.close()


def test_who_is_forgotten_is_not_told_of(tmp_path: Path) -> None:
    """Neither the end of the process nor that of its output; letting go of an output tells of an end before it."""
    with ProcessMonitor() as monitor:
        sleepers = []
        for name in "ab":
            output = PipedOutput(str(tmp_path / name), 1e6)
            process = subprocess.Popen(
                ["sh", "-c", "sleep 60 & exit 0"], stdout=output.write_end, start_new_session=True
            )
            output.started()
            monitor.watch(process.pid, output)
            sleepers.append((process, output))
        (first, _), (second, _) = sleepers
        monitor.forget(first.pid)
        first.wait()
        assert os.waitid(os.P_PID, second.pid, os.WEXITED | os.WNOWAIT) is not None
        assert monitor.wait(0.2) == []
        monitor.let_go(second.pid)
        assert monitor.wait(YEARS) == [second.pid]
        for process, output in sleepers:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.close()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _next(watch: ProcessWatch) -> list[int]:
    """Return who is over, once there is someone."""
    while not (over := watch.wait(60)):
        continue
    return over


@pytest.mark.parametrize("use_pidfd", [True, False])
def test_an_end_is_seen_once_and_the_process_not_reaped(*, use_pidfd: bool) -> None:
    """Of any of several; without one the seconds pass. No descriptor is left open."""
    before = _descriptors()
    with (
        subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL) as long,
        subprocess.Popen(["true"], stdin=subprocess.DEVNULL) as short,
    ):
        with ProcessWatch(use_pidfd=use_pidfd) as watch:
            watch.watch(long.pid)
            watch.watch(short.pid)
            assert _next(watch) == [short.pid]
            assert watch.wait(0.01) == []
        assert os.waitid(os.P_PID, short.pid, os.WEXITED) is not None
        long.kill()
    assert _descriptors() == before


@pytest.mark.parametrize("use_pidfd", [True, False])
def test_a_process_that_is_gone_cannot_be_watched(*, use_pidfd: bool) -> None:
    """No descriptor is left open by the attempt, and others are watched all the same."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
        before = _descriptors()
        with ProcessWatch(use_pidfd=use_pidfd) as watch, subprocess.Popen(["true"]) as other:
            with pytest.raises(OSError, match="process"):
                watch.watch(process.pid)
            watch.watch(other.pid)
            assert _next(watch) == [other.pid]
        assert _descriptors() == before


@pytest.fixture
def no_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no pidfd."""
    monkeypatch.setattr(process_watch, "has_pidfd", lambda: False)


@pytest.mark.usefixtures("no_pidfd")
def test_a_signal_wakes_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's own handler of SIGCHLD hears of it too, and is there again in the end."""
    monkeypatch.setattr(process_watch, "_PAUSE", 3600.0)  # nobody looks by himself
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGCHLD, hear)
    try:
        with ProcessWatch() as watch, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            watch.watch(process.pid)
            assert watch.wait(0.01) == []
            assert heard == []
            process.stdin.close()
            assert _next(watch) == [process.pid]
            assert heard == [signal.SIGCHLD]
        assert signal.getsignal(signal.SIGCHLD) is hear
        with subprocess.Popen(["true"]) as process:
            assert os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is not None
            with ProcessWatch() as watch:  # it has ended already
                watch.watch(process.pid)
                assert watch.wait(3600) == [process.pid]
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.usefixtures("no_pidfd")
def test_one_that_is_reaped_by_others_is_over() -> None:
    """Nobody waits for it any longer."""
    with ProcessWatch() as watch, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        watch.watch(process.pid)
        process.communicate()
        assert _next(watch) == [process.pid]


@pytest.mark.usefixtures("no_pidfd")
def test_who_is_woken_by_signals_already_is_left_alone() -> None:
    """An event loop in this thread keeps its pipe; the end is seen by looking."""
    reading, writing = os.pipe2(os.O_NONBLOCK)
    before = signal.getsignal(signal.SIGCHLD)
    signal.set_wakeup_fd(writing)
    try:
        with ProcessWatch() as watch, subprocess.Popen(["sleep", "0.1"]) as process:
            assert signal.getsignal(signal.SIGCHLD) == before
            watch.watch(process.pid)
            assert _next(watch) == [process.pid]
    finally:
        assert signal.set_wakeup_fd(-1) == writing
        os.close(reading)
        os.close(writing)


@pytest.mark.usefixtures("no_pidfd")
def test_another_thread_looks() -> None:
    """Signals are for the main thread; the end is seen all the same."""
    seen: list[object] = []
    before = signal.getsignal(signal.SIGCHLD)

    def wait() -> None:
        with ProcessWatch() as watch, subprocess.Popen(["sleep", "0.1"]) as process:
            watch.watch(process.pid)
            seen.append(signal.getsignal(signal.SIGCHLD))
            seen.append(_next(watch) == [process.pid])

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert seen == [before, True]
