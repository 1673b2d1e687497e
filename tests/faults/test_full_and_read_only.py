"""Real disks that are full or cannot be written: a file system in memory, mounted small or read-only."""

import errno
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import shell
from fault_world import PATIENCE, World, tools

from canary_wf.state.journal import read_journal
from canary_wf.verdict.status import Outcome

pytestmark = pytest.mark.needs("gcc")

PAGES = 80
"""Of 4 KiB: room for the session and some of its jobs."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system; where that is not allowed, say so and skip (the shim's faults are tested anyway)."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={PAGES * 4}k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        warnings.warn("mounting is not allowed here: real full disks are NOT tested", stacklevel=1)
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def _world(disk: Path, tmp_path: Path) -> World:
    jobs = [shell(f"j{number}", "head -c 9000 /dev/zero; true") for number in range(40)]
    return World(tmp_path / "w", tools(), jobs, root=disk / "world")


@pytest.mark.filterwarnings("default:mounting is not allowed")
def test_a_full_disk_is_no_verdict_and_costs_none(disk: Path, tmp_path: Path) -> None:
    """The runner stops with exit code 4; with room again the rest runs, and what had a verdict does not."""
    world = _world(disk, tmp_path)
    assert world.run() == 4, world.log()
    before = read_journal(world.files.journal).jobs
    done = {job: record.finished for job, record in before.items() if record.status.is_final}
    assert 0 < len(done) < len(world.plan.jobs)
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    assert world.run() == 0, world.log()
    after = read_journal(world.files.journal).jobs
    assert {after[job.id].status.outcome for job in world.plan.jobs} == {Outcome.SUCCESS}
    assert {job: after[job].finished for job in done} == done


@pytest.mark.filterwarnings("default:mounting is not allowed")
def test_a_read_only_disk_is_told_and_waited_out(disk: Path, tmp_path: Path) -> None:
    """Nothing runs where nothing can be written down."""
    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    world = _world(disk, tmp_path)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    done = subprocess.run(world.command(), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 4
    assert os.strerror(errno.EROFS) in done.stderr
    assert done.stderr.count("\n") == 1
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert not world.files.journal.exists()
    assert world.run() == 0, world.log()


def test_a_job_that_cannot_be_started_by_the_machine_is_not_broken(tmp_path: Path) -> None:
    """No memory for one more process says nothing of the job; the batch ends with its jobs to be run again."""
    world = World(tmp_path / "w", tools(), [shell("a", "true"), shell("b", "true", "a")])
    assert world.run() == 0
    number = next(line.split("\t")[0] for line in world.calls.read_text().splitlines() if "\tposix_spawn\t" in line)
    again = World(tmp_path / "again", tools(), [shell("a", "true"), shell("b", "true", "a")])
    assert again.run({"AT": number, "ACTION": "error", "ERRNO": str(errno.ENOMEM), "FOR": "1"}) == 1
    outcomes = {record.status.outcome for record in read_journal(again.files.journal).jobs.values()}
    assert outcomes == {Outcome.INTERRUPTED}
    assert again.run() == 0


def test_plans_are_on_the_disk_before_their_session_is_there(tmp_path: Path) -> None:
    """Plan and slices are synced before the session gets its name, and the name after that."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\nfrom factories import plan_of, spec\n"
        "from canary_wf.plan.store import write_session\n"
        "write_session(plan_of([spec('a')], [spec('b', 'a')]), Path(sys.argv[2]))\n"
    )
    out = tmp_path / "out"
    environment = {
        **os.environ,
        "LD_PRELOAD": str(tools().shim),
        "FAULTS_ROOT": str(tmp_path),
        "FAULTS_LOG": str(tmp_path / "log"),
    }
    line = [sys.executable, "-c", code, str(Path(__file__).parent.parent / "support"), str(out)]
    subprocess.run(line, env=environment, check=True)
    calls = [call.split("\t") for call in (tmp_path / "log").read_text().splitlines()]
    (named,) = [place for place, call in enumerate(calls) if call[1] == "rename" and call[3].endswith(".000000")]
    written = [place for place, call in enumerate(calls) if call[1] == "write"]
    synced = [call[3] for place, call in enumerate(calls) if call[1] == "fsync" and max(written) < place < named]
    assert len(written) == 3
    assert max(Path(path).name for path in synced if path.endswith(".json")) == "plan.json"
    assert len([path for path in synced if path.endswith(".json")]) == 3
    assert {Path(path).name for path in synced if not path.endswith(".json")} >= {"slices", "batches", "jobs"}
    assert [call[3] for call in calls[named:] if call[1] == "fsync"] == [str(out / ".canary-wf" / "sessions")]
