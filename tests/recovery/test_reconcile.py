"""What the dead left behind gets its verdict, and what lives or has ended is left alone."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.files.json_files import write_json
from canary_wf.process.process_identity import start_ticks
from canary_wf.recovery.closing_verdicts import running_jobs
from canary_wf.recovery.reconcile import reconcile_batches, was_abandoned
from canary_wf.state.attempt import AttemptFile, read_attempt
from canary_wf.state.events import JobLaunched
from canary_wf.state.journal import JournalWriter, read_journal
from canary_wf.state.session_paths import BatchPaths, SessionPaths
from canary_wf.verdict.status import Outcome


def _batch(out: Path, *, running: bool, alive: bool = False) -> BatchPaths:
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(out, plan, {"b": Outcome.SUCCESS}, running=["a"] if running else [], alive=alive)
    return paths.batch(plan.batches[0].id)


def test_jobs_of_a_dead_runner_are_interrupted(tmp_path: Path) -> None:
    """The verdict says why, the attempt is closed, and final jobs stay what they are."""
    files = _batch(tmp_path, running=True)
    assert was_abandoned(files, read_attempt(files.attempt))
    reconcile_batches(SessionPaths.of_plan(files.folder.parent.parent / "plan.json"), [files.folder.name])
    state = read_journal(files.journal)
    found = {job: (record.status.outcome, record.status.reason) for job, record in state.jobs.items()}
    assert found[spec("a").id] == (Outcome.INTERRUPTED, "its runner died")
    assert found[spec("b").id] == (Outcome.SUCCESS, None)
    assert running_jobs(state) == []
    assert not state.is_open
    attempt = read_attempt(files.attempt)
    assert attempt is not None
    assert attempt.ended


@pytest.mark.parametrize(("running", "alive"), [(True, True), (False, False)])
def test_a_living_or_ended_runner_is_left_alone(tmp_path: Path, running: bool, alive: bool) -> None:
    """Not a byte of its state changes."""
    files = _batch(tmp_path, running=running, alive=alive)
    before = (files.journal.read_bytes(), files.attempt.read_bytes())
    assert not was_abandoned(files, read_attempt(files.attempt))
    reconcile_batches(SessionPaths.of_plan(files.folder.parent.parent / "plan.json"), [files.folder.name])
    assert (files.journal.read_bytes(), files.attempt.read_bytes()) == before


def test_settling_twice_changes_nothing_more(tmp_path: Path) -> None:
    """The report and the error handler may both settle."""
    files = _batch(tmp_path, running=True)
    reconcile_batches(SessionPaths.of_plan(files.folder.parent.parent / "plan.json"), [files.folder.name])
    before = files.journal.read_bytes()
    reconcile_batches(SessionPaths.of_plan(files.folder.parent.parent / "plan.json"), [files.folder.name])
    assert files.journal.read_bytes() == before


def test_a_batch_that_never_began_needs_no_settling(tmp_path: Path) -> None:
    """There is nothing to say, and nothing is written."""
    paths = SessionPaths(tmp_path, "s")
    files = paths.batch("b")
    assert not was_abandoned(files, read_attempt(files.attempt))
    reconcile_batches(paths, ["b"])
    assert not files.folder.exists()


def test_what_the_dead_left_running_is_killed(tmp_path: Path) -> None:
    """A job that outlived its runner must not go on writing beside the one that takes its place."""
    files = _batch(tmp_path, running=True)
    environment = {**os.environ, "CANARY_WF_ATTEMPT": "t"}
    with subprocess.Popen(["sleep", "60"], start_new_session=True, env=environment) as process:
        writer = JournalWriter(files.journal)
        writer.append(JobLaunched(time=1.0, job=spec("a").id, pid=process.pid, started_ticks=start_ticks(process.pid)))
        writer.close()
        reconcile_batches(SessionPaths.of_plan(files.folder.parent.parent / "plan.json"), [files.folder.name])
        assert process.wait(20) == -signal.SIGKILL


def test_who_got_the_number_of_a_dead_job_is_spared(tmp_path: Path) -> None:
    """The kernel gives process ids out again; whoever started at another time is none of ours."""
    files = _batch(tmp_path, running=True)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        earlier = start_ticks(process.pid) - 1000
        writer = JournalWriter(files.journal)
        writer.append(JobLaunched(time=1.0, job=spec("a").id, pid=process.pid, started_ticks=earlier))
        writer.close()
        reconcile_batches(SessionPaths.of_plan(files.folder.parent.parent / "plan.json"), [files.folder.name])
        assert process.poll() is None
        process.kill()
        assert process.wait(20) == -signal.SIGKILL


def test_a_runner_on_another_machine_is_believed_for_some_heartbeats(tmp_path: Path) -> None:
    """From here nobody sees its process, only how old its last sign of life is."""
    files = _batch(tmp_path, running=True)
    write_json(files.attempt, AttemptFile("elsewhere/boot/pid", 1, 1, token="t"))
    assert not was_abandoned(files, read_attempt(files.attempt))
    os.utime(files.attempt, (1.0, 1.0))
    assert was_abandoned(files, read_attempt(files.attempt))
