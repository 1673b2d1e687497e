"""No test leaves a process behind: what a run of tests started and did not end makes the run fail.

Every process that a test starts inherits a variable with the run's name, by which the last one finds it.
"""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

VARIABLE = "CANARY_WF_TEST_RUN"
PATIENCE = 10.0
"""Seconds that a process may take to end after the last test."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the run, in the process that starts the workers."""
    if not hasattr(config, "workerinput"):
        os.environ[VARIABLE] = uuid.uuid4().hex


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report what still runs, end it, and fail the run."""
    if hasattr(session.config, "workerinput"):
        return
    end = time.monotonic() + PATIENCE
    while (left := dict(_left())) and time.monotonic() < end:
        time.sleep(0.1)
    for pid, command in left.items():
        print(f"\nleft behind by a test: process {pid}: {command}")  # noqa: T201 - the run's output
        os.kill(pid, signal.SIGKILL)
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _left() -> Iterator[tuple[int, str]]:
    """Yield pid and command line of each process of this run but this one and the workers, which are its children."""
    ours = f"{VARIABLE}={os.environ[VARIABLE]}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):
            continue
        if ours in environment and int(folder.name) != os.getpid() and parent != os.getpid():
            yield int(folder.name), command
