"""The watchdog: what is marked as running when its runner goes is killed, and nothing else."""

import subprocess
from collections.abc import Iterator

import pytest

from canary_wf.process.watchdog import Watchdog


@pytest.fixture
def sleepers() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Give two processes that lead groups of their own."""
    both = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2)]
    yield both
    for process in both:
        process.kill()
        process.wait()


def test_a_group_that_is_marked_is_killed_and_one_that_ended_is_not(
    sleepers: list["subprocess.Popen[bytes]"],
) -> None:
    """A runner that leaves without a word leaves nothing running; the id of what ended may be another's by now."""
    running, ended = sleepers
    with Watchdog("a-token-that-nothing-bears") as watchdog:
        watchdog.started(running.pid)
        watchdog.started(ended.pid)
        watchdog.ended(ended.pid)
    assert running.wait() == -9
    assert ended.poll() is None


def test_a_watchdog_that_was_killed_does_not_stop_its_runner() -> None:
    """The batch goes on without it."""
    with Watchdog("a-token-that-nothing-bears") as watchdog:
        watchdog.started(1 << 21)
        watchdog.ended(1 << 21)
        subprocess.run(["kill", "-KILL", str(watchdog.pid)], check=True)
