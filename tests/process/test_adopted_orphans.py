"""Jobs that let go of their processes: what the runner does about it, and says."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from factories import plan_of, shell, spec
from session_jobs import assert_gone

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.process.orphans import end_left_behind, inherited
from canary_wf.process.process_identity import start_ticks
from canary_wf.recovery.reconcile import reconcile_batches
from canary_wf.report.session import load_session
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], 'w').write(str(os.getpid()))
        time.sleep(100)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
"""


def _daemon(name: str, file: Path, then: str = "exit 0", before: str = "", **fields: object) -> JobSpec:
    script = file.with_name("daemon.py")
    script.write_text(DAEMON)
    # What holds the output of a test of CTest holds up the test.
    return shell(name, f"{before} {sys.executable} {script} {file} >/dev/null 2>&1; {then}", **fields)


def _run(paths: SessionPaths, plan: Plan) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def _records(paths: SessionPaths) -> dict[str, JobRecord]:
    state = load_session(paths)
    return {job.name: state.record(job) for job in state.plan.jobs}


def test_what_dies_with_its_group_is_not_told(tmp_path: Path) -> None:
    """A job may leave processes in its own group: they end with it, as they always do."""
    jobs = [shell(f"a{number}", "sleep 100 & sleep 100 & exit 0") for number in range(10)]
    jobs.append(shell("late", "sleep 100 & sleep 100", timeout=0.5))
    plan = plan_of(jobs, workers=2)
    paths = write_session(plan, tmp_path / "out")
    done = _run(paths, plan)
    assert "left running" not in done.stdout
    for name, record in _records(paths).items():
        assert "left_behind" not in record.measurements, name
        assert "outside" not in (record.status.reason or ""), name


def test_a_daemon_ends_with_its_job_and_is_told(tmp_path: Path) -> None:
    """It has a session of its own and no parent; the verdict stays what it was."""
    jobs = [_daemon("good", tmp_path / "1"), _daemon("bad", tmp_path / "2", "exit 3")]
    plan = plan_of(jobs, workers=1)
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    for name in "12":
        assert_gone(int((tmp_path / name).read_text()))
    records = _records(paths)
    assert records["good"].status.outcome.name == "SUCCESS"
    assert records["good"].status.reason == "left 1 process running outside of its group, which was killed"
    assert (records["bad"].status.reason or "").startswith("exit code 3; left 1 process")
    assert records["bad"].measurements["left_behind"] == 1


def test_a_daemon_of_a_job_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    """Other jobs end beside it."""
    pid = tmp_path / "pid"
    watch = f"until [ -e {tmp_path}/done ]; do sleep 0.02; done; kill -0 $(cat {pid}) && echo alive"
    after = f"until [ -s {pid} ]; do sleep 0.02; done"
    jobs = [_daemon("a", pid, watch), shell("b", after), shell("c", f"touch {tmp_path}/done", "b")]
    plan = plan_of(jobs, cpus=2)
    batch = plan.batches[0]
    plan = plan_of(
        jobs, cpus=2, batches=(type(batch)(**{**{f: getattr(batch, f) for f in batch.__struct_fields__}, "cpus": 2}),)
    )
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    assert (paths.job("a") / "canary-out.txt").read_text() == "alive\n"
    assert_gone(int(pid.read_text()))


def test_who_hides_ends_with_the_batch(tmp_path: Path) -> None:
    """Nobody knows whose it is when it has lost its environment too; CTest's tests may serve later ones."""
    jobs = [
        _daemon("a", tmp_path / "1", before="env -i"),
        _daemon("b", tmp_path / "2", ctest=CTestRules()),
        shell("c", f"kill -0 $(cat {tmp_path}/2)", "b"),
    ]
    plan = plan_of(jobs, workers=1)
    paths = write_session(plan, tmp_path / "out")
    done = _run(paths, plan)
    assert "killed 2 processes that jobs had left running" in done.stdout
    for name in "12":
        assert_gone(int((tmp_path / name).read_text()))
    assert {name: record.status.reason for name, record in _records(paths).items()} == dict.fromkeys("abc")


def test_a_job_that_forks_without_end_is_ended_at_its_limit(tmp_path: Path) -> None:
    """Each process makes a session of its own, makes the next one, and ends."""
    script = tmp_path / "fork.py"
    script.write_text(
        "import os, time\nwhile True:\n    os.setsid() if os.getsid(0) != os.getpid() else None\n"
        "    os._exit(0) if os.fork() else time.sleep(0.002)\n"
    )
    job = shell("a", f"{sys.executable} {script}; sleep 100", timeout=0.5)
    plan = plan_of([job, spec("b")], workers=1)
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    assert {name: record.status.outcome.name for name, record in _records(paths).items()} == {
        "a": "TIMEOUT",
        "b": "SUCCESS",
    }
    left = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    left = [pid for pid in left if str(paths.out) in (inherited(pid, "CANARY_WF_JOB") or "")]
    for pid in left:
        assert_gone(pid)


def test_daemons_do_not_outlive_a_runner_that_is_killed(tmp_path: Path) -> None:
    """The watchdog finds them by the attempt that they inherited, or else who settles the batch."""
    plan = plan_of([_daemon("a", tmp_path / "1", "sleep 100")])
    paths = write_session(plan, tmp_path / "out")
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    runner = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    pid = _pid(tmp_path / "1")
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    assert_gone(pid)


def test_whoever_settles_finds_what_runner_and_watchdog_left(tmp_path: Path) -> None:
    """When both were killed."""
    plan = plan_of([_daemon("a", tmp_path / "1", "sleep 100")])
    paths = write_session(plan, tmp_path / "out")
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    runner = subprocess.Popen(line, stdout=subprocess.DEVNULL, start_new_session=True)
    pid = _pid(tmp_path / "1")
    (watchdog,) = [child for child in _children(runner.pid) if inherited(child, "CANARY_WF_JOB") is None]
    for one in (watchdog, runner.pid):
        os.kill(one, signal.SIGKILL)
    runner.wait()
    assert start_ticks(pid)
    reconcile_batches(paths, [plan.batches[0].id])
    assert_gone(pid)
    job = json.loads((paths.job("a") / "job.json").read_text())
    assert job["outcome"] == "INTERRUPTED"


def test_marks_are_found_behind_those_of_outer_runners() -> None:
    """And nothing else is."""
    process = subprocess.Popen(["sleep", "100"], env={"CANARY_WF_ATTEMPT": "outer:inner", "PATH": os.environ["PATH"]})
    try:
        end = time.monotonic() + 30
        while (marks := inherited(process.pid, "CANARY_WF_ATTEMPT")) is None:  # not while it is being started
            assert time.monotonic() < end
        assert marks == "outer:inner"
        assert end_left_behind((), ("out",)) == []
        assert process.poll() is None
        assert end_left_behind((), ("outer",)) == []
        assert process.wait() == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def _pid(file: Path) -> int:
    end = time.monotonic() + 30
    while not file.exists() or not file.read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    return int(file.read_text())


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
