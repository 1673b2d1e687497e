"""Nothing that ended because its whole batch was ended has a verdict, whatever its exit code; it runs again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, shell
from msgspec.structs import replace

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.report.session import load_session
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import SessionPaths

IN_SLURM = {"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "8", "SLURM_SUBMIT_DIR": ""}

UP = "echo $$ >> ../../up; test -e ../../go && exit 0;"
"""What each job does first: it says that it runs, and needs no time once it may go."""

JOBS = {
    "exits": f"trap 'exit 1' TERM; {UP} sleep 60 & wait; exit 1",
    "passes": f"trap 'exit 0' TERM; {UP} sleep 60 & wait",
    "own_code": f"trap 'exit 64' TERM; {UP} sleep 60 & wait; exit 64",
    "skips": f"trap 'exit 80' TERM; {UP} sleep 60 & wait",
    "goes_on": f"{UP} sleep 60; echo the end",
    "ignores": f"trap '' TERM; {UP} sleep 60 & wait $!; exit 3",
    "killed": f"{UP} exec sleep 60",
    "other_signal": f"trap 'kill -KILL $$' TERM; {UP} sleep 60 & wait",
}


def _wide(jobs: list[JobSpec], **fields: Any) -> Plan:  # noqa: ANN401
    """Return the plan of a batch that runs all of its jobs at once."""
    plan = plan_of(jobs, cpus=8, **fields)
    return replace(plan, batches=tuple(replace(batch, cpus=8) for batch in plan.batches))


@contextmanager
def _runner(paths: SessionPaths, plan: Plan, slurm: bool) -> Iterator["subprocess.Popen[str]"]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    line = [sys.executable, "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    environment |= IN_SLURM if slurm else {}
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(paths: SessionPaths, number: int) -> None:
    end = time.monotonic() + 30
    while not (paths.folder / "up").exists() or len((paths.folder / "up").read_text().split()) < number:
        assert time.monotonic() < end
        time.sleep(0.01)


def _below(pid: int) -> list[int]:
    """Return the processes below `pid`, children before their parents."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    ]
    return [found for child in children for found in (*_below(child), child)]


def _signal_all(runner: int, number: int, pause: float = 0.01) -> None:
    """Signal every process of the batch, the runner last and a moment later, as Slurm does on a busy node."""
    for pid in _below(runner):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    time.sleep(pause)
    os.kill(runner, number)


def _outcomes(paths: SessionPaths) -> dict[str, str]:
    return {job["name"]: job["outcome"] for job in load_session(paths).as_dict()["jobs"]}


@pytest.mark.long  # two runs, the first of which waits for the grace after SIGTERM
@pytest.mark.parametrize("slurm", [True, False])
def test_all_processes_are_signalled(tmp_path: Path, slurm: bool) -> None:
    """Each job is INTERRUPTED, in the journal and in its state file, and the next run does all of them anew."""
    plan = _wide([shell(name, text) for name, text in JOBS.items()])
    paths = write_session(plan, tmp_path)
    with _runner(paths, plan, slurm) as runner:
        _wait_for(paths, len(JOBS))
        _signal_all(runner.pid, signal.SIGTERM, pause=0.01 if slurm else 0)
        assert runner.wait(30) == 128 + signal.SIGTERM
    assert _outcomes(paths) == dict.fromkeys(JOBS, "INTERRUPTED")
    journal = paths.batch(plan.batches[0].id).journal.read_text()
    assert journal.count("job_finished") == journal.count('"INTERRUPTED"') == len(JOBS)
    for name in JOBS:
        assert '"outcome":"INTERRUPTED"' in (paths.jobs / name / "job.json").read_text().replace(" ", "")
    (paths.folder / "go").touch()
    with _runner(paths, plan, slurm) as runner:
        assert runner.wait(30) == 0
    assert _outcomes(paths) == dict.fromkeys(JOBS, "SUCCESS")


def test_what_the_end_let_start_is_undone_too(tmp_path: Path) -> None:
    """A job that went on, one that was blocked and one that was to be run again, because of such an end."""
    jobs = [
        shell("first", f"trap : TERM; {UP} sleep 60; echo the end"),
        shell("behind_first", f"{UP} sleep 60", "first"),
        shell("again", f"trap 'exit 1' TERM; {UP} sleep 60 & wait; exit 1"),
        shell("blocked", "exit 0", "again2"),
        shell("again2", f"trap 'exit 64' TERM; {UP} sleep 60 & wait; exit 64"),
    ]
    plan = _wide(jobs, retry={"failed": 2})
    paths = write_session(plan, tmp_path)
    with _runner(paths, plan, slurm=True) as runner:
        _wait_for(paths, 3)
        _signal_all(runner.pid, signal.SIGTERM, pause=0.1)
        assert runner.wait(30) == 128 + signal.SIGTERM
    assert _outcomes(paths) == {**dict.fromkeys((job.name for job in jobs), "INTERRUPTED"), "blocked": "NONE"}
    records = read_journal(paths.batch(plan.batches[0].id).journal).jobs.values()
    assert not any(record.earlier for record in records)


def test_the_runner_is_killed_before_it_can_say_so(tmp_path: Path) -> None:
    """What was cut short a moment before has no verdict on the disk, and runs again."""
    plan = _wide([shell("goes_on", JOBS["goes_on"]), shell("exits", JOBS["exits"])])
    paths = write_session(plan, tmp_path)
    with _runner(paths, plan, slurm=True) as runner:
        _wait_for(paths, 2)
        for pid in _below(runner.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(0.05)
        runner.kill()
        runner.wait(30)
    assert _outcomes(paths) == {"goes_on": "INTERRUPTED", "exits": "INTERRUPTED"}
    (paths.folder / "go").touch()
    with _runner(paths, plan, slurm=True) as runner:
        assert runner.wait(30) == 0
    assert (paths.folder / "up").read_text().count("\n") == 4  # both ran twice


def test_what_ended_long_before_stands(tmp_path: Path) -> None:
    """A verdict from before that moment is recorded while other jobs run, and is kept."""
    jobs = [shell("quick", "exit 3"), shell("slow", f"{UP} sleep 60")]
    plan = plan_of(jobs)
    paths = write_session(plan, tmp_path)
    with _runner(paths, plan, slurm=True) as runner:
        _wait_for(paths, 1)
        end = time.monotonic() + 20
        while _outcomes(paths)["quick"] == "NONE" and time.monotonic() < end:
            time.sleep(0.02)
        _signal_all(runner.pid, signal.SIGTERM)
        assert runner.wait(30) == 128 + signal.SIGTERM
    assert _outcomes(paths) == {"quick": "FAILED", "slow": "INTERRUPTED"}
