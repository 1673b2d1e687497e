"""Deadlines of processes, and the signals that end what others have started."""

import signal
import subprocess
import time
from typing import Any

import pytest

from canary_wf.process import ending
from canary_wf.process.ending import Deadline, end_processes, pid_of, send_signal


def test_a_process_is_asked_first_and_killed_a_moment_later() -> None:
    """Each step moves the deadline by the grace; a limit that is not set is never over."""
    sent: list[signal.Signals] = []

    def send(number: signal.Signals) -> bool:
        sent.append(number)
        return True

    deadline = Deadline()
    assert (deadline.at, deadline.asked, deadline.killed) == (float("inf"), False, False)
    before = time.monotonic()
    deadline.ask(send)
    assert (deadline.asked, deadline.killed) == (True, False)
    assert before + ending.GRACE <= deadline.at <= time.monotonic() + ending.GRACE
    deadline.kill(send)
    assert (deadline.asked, deadline.killed, sent) == (True, True, [signal.SIGTERM, signal.SIGKILL])


def test_one_that_no_signal_reaches_counts_as_killed() -> None:
    """A second signal would reach it as little."""
    deadline = Deadline()
    deadline.ask(lambda _: False)
    assert (deadline.asked, deadline.killed) == (True, True)


def test_the_group_of_a_process_gets_the_signal_also_when_its_leader_has_ended() -> None:
    """What is left of it is reached; where nobody is, nothing is sent."""
    text = "sleep 60 & echo; exit 0"
    with subprocess.Popen(["sh", "-c", text], start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.wait()
        assert send_signal(process, signal.SIGKILL)
        assert process.stdout.read() == b""  # its last process is gone
    end = time.monotonic() + 20
    while send_signal(process, signal.SIGKILL):  # it is a zombie for a moment
        assert time.monotonic() < end


class Methods:
    """A process of a library's own: without a number, it is ended by its methods."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def poll(self) -> int | None:
        """Run until it is killed."""
        return 0 if "kill" in self.asked else None

    def terminate(self) -> None:
        """Take note."""
        self.asked.append("terminate")

    def kill(self) -> None:
        """Take note."""
        self.asked.append("kill")


@pytest.mark.parametrize("grace", [0.0, 3600.0])
def test_methods_end_what_has_no_number(monkeypatch: pytest.MonkeyPatch, grace: float) -> None:
    """In the same order; who is in a hurry does not wait for the grace."""
    monkeypatch.setattr(ending, "GRACE", grace)
    process: Any = Methods()
    assert pid_of(process) is None
    end_processes([process], lambda: bool(grace))
    assert process.asked == ["terminate", "kill"]
