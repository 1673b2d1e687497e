"""Two users on one machine: workspaces that one of them prepared, and ids that the other one holds."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import JOBS
from other_users import OtherUser, needs_root, two_users

from canary_wf.state.session_paths import SessionPaths, session_names

pytestmark = needs_root

HOLD = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(file, fcntl.LOCK_EX)
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def users() -> Iterator[tuple[OtherUser, OtherUser]]:
    """Give two users."""
    with two_users() as found:
        yield found


def _prepared(user: OtherUser) -> SessionPaths:
    """Let `user` generate a workspace with three jobs, and run its first batch."""
    tree, out = user.home / "tests", user.home / "out"
    for folder in (tree, out):
        folder.mkdir()
        os.chown(folder, user.uid, user.uid)
    (tree / "a.jobs.yaml").write_text(JOBS)
    done = user.canary_wf(
        "generate", tree, "-d", out, "-b", "scheduler=local", "-b", "spec=layout:atomic,count:1", "-r", "cpus=1"
    )
    assert done.returncode == 0, done.stderr
    return SessionPaths(out, session_names(out)[-1])


def _batch(paths: SessionPaths) -> str:
    return next((paths.folder / "slices").iterdir()).stem


def test_a_workspace_that_another_user_prepared(users: tuple[OtherUser, OtherUser]) -> None:
    """Anybody may look at it; to act in it, also as root or where the folder is shared, takes a word."""
    one, two = users
    paths = _prepared(one)
    assert one.canary_wf("run-batch", _batch(paths), "--plan", paths.plan).returncode == 0
    assert two.canary_wf("status", "-d", paths.out).returncode == 1
    refused = two.canary_wf("rerun", "-d", paths.out)
    assert refused.returncode == 4
    assert f"belongs to user {one.uid}, not to you" in refused.stderr
    root = subprocess.run(
        [sys.executable, "-m", "canary_wf", "cancel", "-d", paths.out],
        env=os.environ | {"CANARY_WF_TRUST": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (root.returncode, root.stdout) == (4, "")
    assert f"export CANARY_WF_TRUST={paths.out}" in root.stderr
    for path in (one.home, paths.out, *paths.out.rglob("*")):  # what a group with umask 002 makes of a folder
        path.chmod(0o777 if path.is_dir() else 0o666, follow_symlinks=False) if not path.is_symlink() else None
    assert two.canary_wf("gc", "-d", paths.out).returncode == 4
    trusted = two.canary_wf("rerun", "-d", paths.out, CANARY_WF_TRUST=str(paths.out))
    assert (trusted.returncode, trusted.stderr) == (0, "")
    again = two.canary_wf("run-batch", _batch(paths), "--plan", paths.plan, CANARY_WF_TRUST=str(paths.out))
    assert again.returncode == 0, again.stderr
    assert json.loads(one.canary_wf("status", "--json", "-d", paths.out).stdout)["counts"]["NONE"] == 0


def test_who_waits_for_another_user_learns_for_whom(users: tuple[OtherUser, OtherUser], tmp_path: Path) -> None:
    """In `status` and in the log: the process and user whom the kernel names, since when, and what helps."""
    one, two = users
    leases = Path(one.environment["CANARY_WF_LEASE_DIR"])
    paths = _prepared(one)
    queue = leases / "queue.cpus.lock"
    queue.write_text("process 1 of root\x1b[2J")
    queue.chmod(0o666)
    log = tmp_path / "log.txt"
    with (
        subprocess.Popen(two.command([sys.executable, "-c", HOLD, queue]), stdin=-1, stdout=-1, text=True) as holder,
        log.open("w") as file,
    ):
        assert holder.stdin is not None
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        arguments: list[str | Path] = [sys.executable, "-m", "canary_wf", "run-batch", _batch(paths)]
        arguments += ["--plan", paths.plan]
        with subprocess.Popen(one.command(arguments), env=one.environment, stdout=file, stderr=file) as runner:
            end = time.monotonic() + 60
            while not paths.batch(_batch(paths)).waiting.exists() and time.monotonic() < end:
                time.sleep(0.05)
            told = one.canary_wf("status", "-d", paths.out).stdout
            holder.stdin.close()
            assert runner.wait(60) == 0
    for text in (told, log.read_text()):
        assert f"waiting for cpus behind process {pid} of user {two.uid}, since " in text
        assert f"ask user {two.uid}, or set CANARY_WF_LEASE_DIR to another folder than {leases}" in text
        assert "root" not in text
    assert not paths.batch(_batch(paths)).waiting.exists()


def test_something_of_another_users_in_the_lease_folder(users: tuple[OtherUser, OtherUser]) -> None:
    """What this user cannot remove is not for this user to remove: the one whose it is, or another folder, helps."""
    one, two = users
    leases = Path(one.environment["CANARY_WF_LEASE_DIR"])
    paths = _prepared(one)
    os.mkfifo(leases / "queue.cpus.lock", 0o666)
    os.chown(leases / "queue.cpus.lock", two.uid, two.uid)
    (leases / "queue.cpus.lock").chmod(0o666)
    done = one.canary_wf("run-batch", _batch(paths), "--plan", paths.plan)
    assert done.returncode == 4
    assert f"is not a regular file; ask user {two.uid}, whose it is, to remove it, or point CANARY_WF_LEASE_DIR" in (
        done.stderr
    )
