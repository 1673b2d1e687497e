"""Who takes a batch from whom: frozen, killed and faraway runners, and processes that nobody wrote down."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from factories import shell
from fault_kinds import is_stopped
from fault_world import World, tools, wait_until, watchdogs

from canary_wf.process.process_identity import start_ticks
from canary_wf.recovery.reconcile import reconcile_batches
from canary_wf.state.journal import read_journal
from canary_wf.verdict.status import Outcome

pytestmark = pytest.mark.needs("gcc")


def _pids(world: World, name: str) -> list[int]:
    path = world.beside / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def _outcome(world: World) -> Outcome:
    return read_journal(world.files.journal).record(world.plan.jobs[0].id).status.outcome


def _world(tmp_path: Path, before: str = "") -> World:
    beside = tmp_path / "w" / "beside"
    text = f"{before} echo $$ >> {beside}/pids; while ! test -e {beside}/go; do sleep 0.05; done"
    return World(tmp_path / "w", tools(), [shell("a", text)])


def _alive(pid: int) -> bool:
    return start_ticks(pid) > 0


def test_a_frozen_runner_is_replaced_on_its_host(tmp_path: Path) -> None:
    """It is woken to end its jobs; only then are they started again."""
    world = _world(tmp_path)
    try:
        frozen = world.start()
        assert wait_until(lambda: bool(_pids(world, "pids")))
        frozen.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(frozen.pid))
        second = world.start()
        assert wait_until(lambda: len(_pids(world, "pids")) == 2)
        assert frozen.wait(60) == 4
        assert [_alive(pid) for pid in _pids(world, "pids")] == [False, True]
        (world.beside / "go").touch()
        assert second.wait(60) == 0
    finally:
        world.end_all()


def test_a_frozen_runner_whose_batch_is_done_elsewhere_writes_nothing(tmp_path: Path) -> None:
    """Woken up, it finds the other's token, kills its job and leaves journal, state and result as they are."""
    world = _world(tmp_path)
    try:
        frozen = world.start()
        assert wait_until(lambda: bool(_pids(world, "pids")))
        frozen.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: is_stopped(frozen.pid))
        (own,) = _pids(world, "pids")
        (world.beside / "go").touch()
        assert world.run({"HOST": "elsewhere"}) == 0
        files = [world.files.journal, world.files.result, world.files.attempt, world.paths.job("a") / "job.json"]
        before = [path.read_bytes() for path in files]
        frozen.send_signal(signal.SIGCONT)
        assert frozen.wait(60) == 4
        assert wait_until(lambda: not _alive(own))
        assert [path.read_bytes() for path in files] == before
        assert _outcome(world) is Outcome.SUCCESS
    finally:
        world.end_all()


def test_a_newcomer_that_dies_while_it_waits_hides_nobody(tmp_path: Path) -> None:
    """The third runner waits for the first, although the file names the second, which is dead."""
    world = _world(tmp_path, before="trap '' TERM;")
    try:
        first = world.start()
        assert wait_until(lambda: bool(_pids(world, "pids")))
        frozen = world.files.attempt.read_bytes()
        second = world.start()
        assert wait_until(lambda: world.files.attempt.read_bytes() != frozen)
        second.kill()
        second.wait()
        third = world.start()
        assert wait_until(lambda: len(_pids(world, "pids")) == 2)
        assert first.poll() is not None
        assert not _alive(_pids(world, "pids")[0])
        (world.beside / "go").touch()
        assert third.wait(60) == 0
    finally:
        world.end_all()


@pytest.mark.parametrize("way", ["run", "settle"])
def test_what_left_its_group_is_found_by_its_token(tmp_path: Path, way: str) -> None:
    """With runner and watchdog killed at once, whoever comes next ends what they left, daemons too."""
    world = _world(tmp_path, before=f"setsid sh -c 'echo $$ >> {tmp_path}/w/beside/daemon; sleep 100' &")
    try:
        runner = world.start()
        assert wait_until(lambda: bool(_pids(world, "pids")) and bool(_pids(world, "daemon")))
        (dog,) = watchdogs(runner.pid)
        os.kill(dog, signal.SIGKILL)
        runner.kill()
        runner.wait()
        pids = [*_pids(world, "pids"), *_pids(world, "daemon")]
        assert all(map(_alive, pids))
        if way == "run":
            (world.beside / "go").touch()
            assert world.run() == 0, world.log()
        else:
            reconcile_batches(world.paths, [world.batch])
            assert _outcome(world) is Outcome.INTERRUPTED
        assert not any(map(_alive, pids))
    finally:
        world.end_all()


def test_a_stopped_holder_of_the_lock_is_no_dead_end(tmp_path: Path) -> None:
    """Who was frozen in the moment in which it held the lock of the attempt is woken and replaced."""
    world = World(tmp_path / "w", tools(), [shell("a", "true")])
    again = World(tmp_path / "again", tools(), [shell("a", "true")])
    try:
        assert world.run() == 0
        calls = [line.split("\t") for line in world.calls.read_text().splitlines()]
        last = [call[0] for call in calls if call[1] == "rename" and call[3].endswith("attempt.json")][-1]
        frozen = again.start({"AT": last, "ACTION": "stop"})
        assert wait_until(lambda: is_stopped(frozen.pid))
        assert again.run() == 0, again.log()
        assert frozen.wait(60) in {0, 143}
    finally:
        world.end_all()
        again.end_all()


RECLAIM = """
import os, sys
from pathlib import Path
from canary_wf.resources.leases.lease import HostLeases
os.umask(0o077)
with HostLeases(Path(sys.argv[1])).acquire({"gpus": 2}, {"gpus": ["0", "1"]}, on_wait=print):
    pass
"""


def test_a_kill_at_any_call_leaves_the_leases_usable_for_all(tmp_path: Path) -> None:
    """Whoever is killed while making the folder, its files, or while holding them, blocks no other user."""
    shim = tools().shim
    assert _lease(shim, tmp_path / "whole", "0", "") == 0
    last = int((tmp_path / "whole" / "log").read_text().splitlines()[-1].split("\t")[0])
    assert last > 8
    for number in range(1, last + 1):
        for action in ("before", "after"):
            folder = tmp_path / f"{action}-{number}"
            assert _lease(shim, folder, str(number), action) == -signal.SIGKILL
            leases = folder / "leases"
            if not leases.exists():
                continue
            assert leases.stat().st_mode & 0o7777 == 0o1777
            locks = [path for path in leases.iterdir() if not path.name.startswith(".")]
            assert {path.stat().st_mode & 0o7777 for path in locks} <= {0o666}
            assert _lease(shim, folder, "0", "") == 0


def _lease(shim: Path, folder: Path, at: str, action: str) -> int:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "LD_PRELOAD": str(shim), "FAULTS_ROOT": str(folder), "FAULTS_LOG": f"{folder}/log"}
    environment |= {"FAULTS_AT": at, "FAULTS_ACTION": action}
    line = [sys.executable, "-c", RECLAIM, str(folder / "leases")]
    return subprocess.run(line, env=environment, check=False).returncode
