"""Batches through the real backend of this machine, with the real runner and real processes."""

import json
import multiprocessing
import os
import queue
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, shell, spec
from session_jobs import assert_gone, batch_in, ended, job_in

from canary_wf.api.batch.local_backend import LocalBackend
from canary_wf.batchspec import BatchSpec, Submission, TestBatch
from canary_wf.job import ExecutionSpace, Job, JobPhase, load_job_from_file
from canary_wf.plan.store import write_session
from canary_wf.report.session import load_session


def through(batch: TestBatch, workers: int | None = None) -> list[dict[str, Any]]:
    """Return the states that came out of running `batch` here."""
    results: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    batch.setup()
    batch.run(LocalBackend(workers), results)
    return [results.get() for _ in range(results.qsize())]


def test_a_batch_runs_and_tells_its_states(tmp_path: Path) -> None:
    """Submitted, running, done; the verdicts of the jobs are in their files and in the last state."""
    jobs = [job_in(tmp_path, shell(name, f"exit {code}")) for name, code in (("a", 0), ("b", 64), ("c", 3))]
    batch = batch_in(tmp_path, *jobs)
    states = through(batch)
    assert [state["phase"] for state in states] == ["SUBMITTED", "RUNNING", "DONE"]
    assert [job.status.outcome.name for job in jobs] == ["SUCCESS", "DIFFED", "FAILED"]
    assert (batch.status.outcome.name, batch.status.reason) == ("FAILED", "2 of 3 jobs failed")
    assert batch.jobid == states[0]["jobid"]
    assert all(seconds is not None for seconds in batch.times())
    assert load_job_from_file(jobs[2].lockfile).status.code == 3
    assert jobs[0].load_cached_runs() is not None
    fresh = batch_in(tmp_path, *(job_in(tmp_path, job.spec) for job in jobs))
    fresh.setstate(json.loads(json.dumps(states[-1])))
    assert fresh.getstate() == batch.getstate()


def test_the_ids_that_were_assigned_are_those_the_jobs_get(tmp_path: Path) -> None:
    """A pool's ids reach the jobs; an id with two slots is one id."""
    job = job_in(tmp_path, shell("a", 'echo "$CANARY_CPU_IDS $CANARY_GPU_IDS $X"', cpus=2, gpus=1))
    job.add_variables(X="y")
    batch = batch_in(tmp_path, job)
    batch.assign_resources(
        {"cpus": [{"id": "8", "slots": 1}, {"id": "8", "slots": 1}], "gpus": [{"id": "3", "slots": 1}]}
    )
    through(batch)
    assert job.read_output() == "8,8 3 y\n"
    assert (job.cpu_ids, job.gpu_ids) == (["8", "8"], ["3"])


def test_dependencies_hold_between_batches(tmp_path: Path) -> None:
    """Files of the upstream are there, a failure blocks, and `job.json` names the upstream's folder."""
    made, failed = job_in(tmp_path, shell("a", "echo x > made")), job_in(tmp_path, shell("b", "exit 1"))
    before = batch_in(tmp_path, made, failed)
    good = job_in(tmp_path, shell("c", "cat ../a/made", "a"), made)
    lost = job_in(tmp_path, shell("d", "true", "b"), failed)
    behind = batch_in(tmp_path, good, lost, after=(before,))
    through(before)
    behind.refresh_readiness()
    assert behind.is_ready()
    through(behind)
    assert (good.read_output(), lost.status.outcome.name) == ("x\n", "BLOCKED")
    assert load_job_from_file(good.lockfile).upstreams[0].workspace.dir == made.workspace.dir
    assert load_job_from_file(lost.lockfile).status.outcome.name == "BLOCKED"


def test_an_atomic_batch_keeps_its_own_order(tmp_path: Path) -> None:
    """Dependencies inside the batch are the runner's."""
    first = job_in(tmp_path, shell("a", "echo x > made"))
    second = job_in(tmp_path, shell("b", "cat ../a/made", "a"), first)
    batch = batch_in(tmp_path, second, first, layout="atomic")
    through(batch, workers=1)
    assert (batch.status.outcome.name, second.read_output()) == ("SUCCESS", "x\n")


def test_final_jobs_are_not_run_again(tmp_path: Path) -> None:
    """A batch that is run again runs what has no verdict; a batch with nothing left submits nothing."""
    done, left = job_in(tmp_path, shell("a", "touch ran")), job_in(tmp_path, shell("b", "touch ran"))
    ended(done, "SUCCESS")
    batch = batch_in(tmp_path, done, left)
    through(batch)
    assert (done.workspace.joinpath("ran").exists(), left.workspace.joinpath("ran").exists()) == (False, True)
    again = batch_in(tmp_path, done, left)
    assert [state["phase"] for state in through(again)] == ["DONE"]
    assert (again.jobid, again.status.outcome.name) == (None, "SUCCESS")


def test_a_batch_over_its_limit_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was running is interrupted, what had passed stays passed, no process is left."""
    quick = job_in(tmp_path, shell("a", "true", runtime=20.0))
    slow = job_in(tmp_path, shell("b", "echo $$ > pid; sleep 100", runtime=10.0))

    def limit(batch: TestBatch) -> float:
        while batch.state.is_running() and not slow.workspace.joinpath("pid").exists():
            time.sleep(0.05)  # a busy machine takes its time to start the runner
        return 1.0

    monkeypatch.setattr(TestBatch, "timeout", property(limit))
    batch = batch_in(tmp_path, quick, slow)
    through(batch)
    assert (quick.status.outcome.name, slow.status.outcome.name) == ("SUCCESS", "INTERRUPTED")
    assert (batch.status.outcome.name, batch.status.reason) == ("INTERRUPTED", "ran longer than its limit of 1 s")
    assert_gone(int(slow.workspace.joinpath("pid").read_text()))


def test_a_killed_runner_leaves_nothing_running(tmp_path: Path) -> None:
    """The job's process dies, the job is interrupted and can be run again, the batch says why."""
    job = job_in(tmp_path, shell("a", "echo $$ > pid; sleep 1; kill -9 $PPID; sleep 100"))
    batch = batch_in(tmp_path, job)
    through(batch)
    assert (job.state.phase, job.status.outcome.name) == (JobPhase.DONE, "INTERRUPTED")
    assert "exit code -9" in str(batch.status.reason)
    assert_gone(int(job.workspace.joinpath("pid").read_text()))


def test_a_batch_of_a_generated_workflow_uses_its_plan(tmp_path: Path) -> None:
    """The journal of the session is the truth: `status` sees what was run through the API."""
    plan = plan_of([shell("a", "exit 0"), shell("b", "exit 7")])
    paths = write_session(plan, tmp_path)
    jobs = [Job(one, ExecutionSpace(paths.jobs, Path(one.directory), plan.session)) for one in plan.jobs]
    folder = paths.batch(plan.batches[0].id).folder
    batch = TestBatch(BatchSpec("flat", jobs), ExecutionSpace(folder.parent, Path(folder.name), plan.session))
    through(batch)
    state = load_session(paths)
    assert [state.record(job).status.outcome.name for job in plan.jobs] == ["SUCCESS", "FAILED"]
    assert [job.status.code for job in jobs] == [0, 7]


def test_what_cannot_be_submitted_is_told(tmp_path: Path) -> None:
    """A variable that a batch cannot unset, an upstream that has not run: the batch says so, its jobs stay pending."""
    job = job_in(tmp_path, spec("a"))
    job.variables["X"] = None
    batch = batch_in(tmp_path, job)
    assert [state["phase"] for state in through(batch)] == ["DONE"]
    assert "variable X cannot be unset" in str(batch.status.reason)
    behind = batch_in(tmp_path, job_in(tmp_path, spec("b", "a"), job))
    through(behind)
    assert "needs a, which has not run" in str(behind.status.reason)
    assert behind.jobs[0].state.is_pending()


def test_batches_run_from_threads_and_processes(tmp_path: Path) -> None:
    """A queue's workers may be either; the parent learns the result from the queue alone."""
    in_thread = batch_in(tmp_path, job_in(tmp_path, shell("a", "exit 0")))
    thread = threading.Thread(target=through, args=(in_thread,))
    thread.start()
    thread.join(30)
    assert in_thread.status.outcome.name == "SUCCESS"
    batch = batch_in(tmp_path, job_in(tmp_path, shell("b", "exit 2")))
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    worker = context.Process(target=batch.run, args=(LocalBackend(), results))
    worker.start()
    while (state := results.get())["phase"] != "DONE":
        batch.setstate(state)
    worker.join(30)
    batch.setstate(state)
    batch.finish()
    assert (batch.status.outcome.name, batch.jobs[0].status.code) == ("FAILED", 2)


class Stuck:
    """A backend whose batches wait for ever; it notes that it was told to cancel."""

    def __init__(self, start: bool) -> None:
        self.start = start
        self.cancelled = False
        self.jobid = "stuck"

    def submit(self, batch: TestBatch) -> Submission:
        """Accept the batch."""
        assert batch.state.is_pending()
        return self

    def wait_for_start(self, timeout: float) -> bool:
        """Say whether it started."""
        assert timeout > 0
        return self.start

    def wait_for_end(self, timeout: float) -> bool:
        """Be interrupted."""
        raise KeyboardInterrupt(timeout)

    def cancel(self) -> None:
        """Note it."""
        self.cancelled = True

    def failure(self) -> str | None:
        """Return nothing: it was cancelled."""
        return None


def test_a_batch_that_never_starts_is_given_up(tmp_path: Path) -> None:
    """After the queue's patience it is cancelled, and its jobs can be run again."""
    batch = batch_in(tmp_path, job_in(tmp_path, spec("a")))
    backend, results = Stuck(start=False), queue.SimpleQueue[dict[str, Any]]()
    batch.run(backend, results)
    assert backend.cancelled
    assert (batch.status.outcome.name, batch.jobs[0].state.is_pending()) == ("INTERRUPTED", True)
    assert "to be started" in str(batch.status.reason)


def test_ctrl_c_cancels_the_batch(tmp_path: Path) -> None:
    """The caller gets the exception, the backend is told, the queue gets the last state, nothing is left running."""
    batch = batch_in(tmp_path, job_in(tmp_path, spec("a")))
    backend, results = Stuck(start=True), queue.SimpleQueue[dict[str, Any]]()
    with pytest.raises(KeyboardInterrupt):
        batch.run(backend, results)
    assert backend.cancelled
    assert [results.get()["phase"] for _ in range(3)] == ["SUBMITTED", "RUNNING", "DONE"]
    assert (batch.state.phase, batch.status.outcome.name) == (JobPhase.DONE, "INTERRUPTED")


def test_cancel_kills_a_runner_that_does_not_heed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a runner that is stopped goes, and its jobs with it."""
    monkeypatch.setattr("canary_wf.api.batch.local_backend.PATIENCE", 0.5)
    job = job_in(tmp_path, shell("a", "echo $$ > pid; sleep 100"))
    batch = batch_in(tmp_path, job)
    batch.setup()
    submission = LocalBackend().submit(batch)
    while not any("job_launched" in path.read_text() for path in batch.workspace.dir.rglob("journal.jsonl")):
        assert not submission.wait_for_end(0.05)
    while not job.workspace.joinpath("pid").exists():
        assert not submission.wait_for_end(0.05)
    os.kill(int(submission.jobid), signal.SIGSTOP)
    submission.cancel()
    assert submission.failure() is not None
    assert_gone(int(job.workspace.joinpath("pid").read_text()))


def test_a_job_outside_of_the_pool_is_told(tmp_path: Path) -> None:
    """The ids that were assigned are too few: the batch fails with the runner's own words."""
    job = job_in(tmp_path, spec("a", cpus=4))
    batch = batch_in(tmp_path, job)
    batch.assign_resources({"cpus": [{"id": "0", "slots": 1}]})
    through(batch)
    assert "cannot run with the resources of this batch" in str(batch.status.reason)
