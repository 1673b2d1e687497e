"""One process from start to end, on real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from session_jobs import assert_gone

from canary_wf.process import ending, process_watch
from canary_wf.process.process_identity import start_ticks
from canary_wf.process.spawn import LaunchError, launch
from canary_wf.process.supervised import SupervisedProcess


def _shell(text: str, folder: Path, *, kept: float | None = None) -> SupervisedProcess:
    return SupervisedProcess(["sh", "-c", text], folder, os.environ, folder / "out.txt", kept=kept)


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def _children() -> set[str]:
    own = Path("/proc/self/task")
    return {pid for task in own.iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize("kept", [None, 1e6])
def test_a_process_runs_in_its_folder_and_says_how_it_ended(tmp_path: Path, kept: float | None) -> None:
    """This program stays where it is, and nothing is left open."""
    before, here = _descriptors(), Path.cwd()
    process = _shell("pwd; exit 3", tmp_path, kept=kept)
    with process:
        assert process.wait(60)
    assert (process.code, process.fault) == (3, None)
    assert (tmp_path / "out.txt").read_text() == f"{tmp_path}\n"
    assert set(process.measured) == {"duration", "cpu_user", "cpu_system", "max_rss"}
    assert (Path.cwd(), _descriptors()) == (here, before)


@pytest.mark.parametrize("pidfd", [True, False])
@pytest.mark.parametrize("kept", [None, 1e6])
def test_one_over_its_time_is_asked_then_killed_with_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: float | None, *, pidfd: bool
) -> None:
    """In a thread, too, where no signal wakes."""
    monkeypatch.setattr(ending, "GRACE", 0.3)
    monkeypatch.setattr(process_watch, "has_pidfd", lambda: pidfd)
    text = "trap 'echo asked' TERM; sleep 100 & echo $! > child; while :; do wait; done"
    process = _shell(text, tmp_path, kept=kept)
    seen: list[bool] = []

    def run() -> None:
        with process:
            while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
                time.sleep(0.01)
            seen.append(process.wait(0.1))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert (seen, process.code, process.measured["signal"]) == ([False], -signal.SIGKILL, signal.SIGKILL)
    assert (tmp_path / "out.txt").read_text() == "asked\n"
    assert_gone(int((tmp_path / "child").read_text()))


def test_what_holds_the_pipe_keeps_it_from_being_over(tmp_path: Path) -> None:
    """Of the output only so much is kept."""
    process = _shell("(sleep 0.2; echo late) & echo soon; exit 0", tmp_path, kept=7)
    with process:
        assert process.wait(60)
    assert (process.code, (tmp_path / "out.txt").read_text()) == (0, "soon\nla")


def test_one_that_is_not_waited_for_is_killed(tmp_path: Path) -> None:
    """By an exception, say."""
    process = _shell("sleep 100", tmp_path)
    with pytest.raises(RuntimeError, match="ours"), process:
        raise RuntimeError("ours")
    assert process.code == -signal.SIGKILL
    assert_gone(process.pid)


@pytest.mark.parametrize("kept", [None, 10.0])
def test_one_that_cannot_start_leaves_nothing(tmp_path: Path, kept: float | None) -> None:
    """Neither a descriptor nor a watchdog; the reason is in words."""
    before, children = _descriptors(), _children()
    process = SupervisedProcess(["no-such-program"], tmp_path, os.environ, tmp_path / "out.txt", kept=kept)
    with pytest.raises(LaunchError, match="'no-such-program' is not found"), process:
        pass
    assert (_descriptors(), _children(), process.measured) == (before, children, {})


def test_output_is_not_written_through_a_link(tmp_path: Path) -> None:
    """It could lead to a file of the user's."""
    (tmp_path / "out.txt").symlink_to(tmp_path / "other")
    with pytest.raises(LaunchError, match="could not be started"), _shell("true", tmp_path):
        pass
    assert not (tmp_path / "other").exists()


def test_one_may_be_bound_to_a_cpu(tmp_path: Path) -> None:
    """This program keeps its own."""
    mine = os.sched_getaffinity(0)
    one = min(mine)
    command = ["grep", "Cpus_allowed_list", "/proc/self/status"]
    process = SupervisedProcess(command, tmp_path, os.environ, tmp_path / "out.txt", cpus=frozenset({one}))
    with process:
        assert process.wait(60)
    assert (tmp_path / "out.txt").read_text().split()[-1] == str(one)
    assert os.sched_getaffinity(0) == mine


_PROGRAM = """
import os, sys
from canary_wf.process.supervised import SupervisedProcess
with SupervisedProcess(["sleep", "100"], sys.argv[1], os.environ, sys.argv[1] + "/out.txt") as process:
    print(process.pid, flush=True)
    process.wait(100)
"""


def test_one_dies_with_the_program(tmp_path: Path) -> None:
    """Also when that is killed."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(tmp_path)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.kill()
    assert_gone(pid)


def test_an_interrupt_right_after_the_start_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C that comes before the new process is noted is raised once it is, and ends it."""
    started: list[int] = []

    def launch_and_interrupt(*arguments: Any, **options: Any) -> int:  # noqa: ANN401 - what `launch` takes
        started.append(launch(*arguments, **options))
        os.kill(os.getpid(), signal.SIGINT)
        return started[0]

    monkeypatch.setattr("canary_wf.process.supervised.launch", launch_and_interrupt)
    process = SupervisedProcess(["sleep", "100"], tmp_path, dict(os.environ), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt), process:
        pytest.fail("the body ran")
    assert start_ticks(started[0]) == 0
