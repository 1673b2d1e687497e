"""Ending what a dead runner's jobs left: what bears their mark, and nothing that somebody only wrote down."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from canary_wf.process.orphans import end_left_behind
from canary_wf.process.process_identity import start_ticks

TOKEN = "0123456789abcdef"


@pytest.fixture
def bystander() -> "Iterator[subprocess.Popen[bytes]]":
    """Give a process of this user's that is no job's."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        assert process.poll() is None, "it was ended"
        process.kill()


def _job(script: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "CANARY_WF_ATTEMPT": TOKEN}
    return subprocess.Popen(
        ["sh", "-c", script], start_new_session=True, env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("token", ["", TOKEN, "another"])
def test_a_group_that_is_only_written_down_stays(bystander: "subprocess.Popen[bytes]", token: str) -> None:
    """Its pid and start are no secret, and no token is borne by all who bear none."""
    assert end_left_behind([(bystander.pid, start_ticks(bystander.pid))], [token]) == []


def test_a_group_goes_whole_when_one_in_it_bears_the_token() -> None:
    """Also those that cleared their environment, which is no proof against the group."""
    with _job("env -i sleep 600 & echo $!; exec sleep 600") as job:
        assert job.stdout is not None
        child = int(job.stdout.readline())
        assert end_left_behind([(job.pid, start_ticks(job.pid))], [TOKEN]) == []
        assert start_ticks(child) == 0
        assert job.wait(5) == -9


def test_what_left_its_group_goes_by_the_token(bystander: "subprocess.Popen[bytes]") -> None:
    """And nothing else does."""
    with _job("setsid sleep 600 & echo $!; wait") as job:
        assert job.stdout is not None
        child = int(job.stdout.readline())
        assert end_left_behind([], [TOKEN]) == []
        assert start_ticks(child) == start_ticks(job.pid) == 0
        job.wait(5)
    assert bystander.poll() is None
