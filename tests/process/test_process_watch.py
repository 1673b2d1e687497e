"""The monitor that the runner waits with: long waits, systems without pidfds, output that outlives its process."""

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from canary_wf.process.output import PipedOutput
from canary_wf.process.process_watch import ProcessMonitor, has_pidfd, reap

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
