"""What the batches of a run wait for: Slurm, ids that others hold, other batches, or their start."""

import threading
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import end_job, recorded

from canary_wf.report.live import queue
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.resources.slurm.jobs import QueueEntry
from canary_wf.spec.identity import batch_id
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_ended, note_submitted
from canary_wf.state.waiting import SUBMISSION, note_waiting
from canary_wf.verdict.status import Outcome

OK = Outcome.SUCCESS


def _waits(paths: SessionPaths) -> list[str]:
    return [str(wait) for wait in Snapshots(paths, patient=True).take().waits]


def test_batches_wait_for_others_or_for_their_start(tmp_path: Path) -> None:
    """For one batch by name, for several together; a batch that runs waits for nothing."""
    plan = plan_of(
        [spec("a"), spec("b")], [spec("c", "a")], [spec("d", "a", "c"), spec("e")], [spec("f")], [spec("g"), spec("h")]
    )
    first = plan.batches[0].id
    paths = recorded(tmp_path, plan, {"b": OK}, running=["a"], alive=True)
    assert _waits(paths) == [
        f"batch {plan.batches[1].id} (1 job): waiting for batch {first}",
        f"batch {plan.batches[2].id} (2 jobs): waiting for other batches",
        "2 batches (3 jobs): not started yet",
    ]
    end_job(paths, "a")
    assert _waits(paths) == [
        f"batch {plan.batches[2].id} (2 jobs): waiting for batch {plan.batches[1].id}",
        "3 batches (4 jobs): not started yet",
    ]


def test_a_runner_waits_for_ids_that_others_hold(tmp_path: Path) -> None:
    """It says itself whose they are; what it says cannot steer a terminal."""
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(tmp_path, plan, {"a": OK}, running=["b"], alive=True)
    end_job(paths, "b", Outcome.INTERRUPTED)
    note_waiting(paths.batch(plan.batches[0].id).waiting, "waiting for 2 of 4 cpus, held by \x1bprocess 7 of ann", 0.0)
    assert _waits(paths) == []  # all its jobs have a verdict, although one of them runs again
    plan = plan_of([spec("a"), spec("b"), spec("c")])
    paths = recorded(tmp_path / "open", plan, {"a": OK}, running=["b"], alive=True)
    end_job(paths, "b")
    note_waiting(paths.batch(plan.batches[0].id).waiting, "waiting for 2 of 4 cpus, held by \x1bprocess 7 of ann", 0.0)
    (wait,) = _waits(paths)
    start = f"batch {plan.batches[0].id} (1 job): waiting for 2 of 4 cpus, held by \\x1bprocess 7 of ann, since "
    assert wait.startswith(start)


def test_jobs_of_a_running_batch_wait_for_those_that_run(tmp_path: Path) -> None:
    """For their ids, or for what they produce; batches of which nothing waits are not named."""
    plan = plan_of([spec("a"), spec("b", "a"), spec("c")], [spec("d"), spec("e")], [spec("f")])
    paths = recorded(tmp_path, plan, {}, running=["a", "d", "f"], alive=True)
    assert _waits(paths) == ["3 jobs of 2 batches: waiting for jobs that run now"]
    end_job(paths, "d")
    assert _waits(paths)[0] == f"2 jobs of batch {plan.batches[0].id}: waiting for jobs that run now"


@pytest.fixture
def queued(tmp_path: Path) -> SessionPaths:
    """Return a session with three batches in Slurm's queue, one that was refused, and one that is not submitted."""
    plan = plan_of(*([spec(name)] for name in "abcde"), scheduler="slurm")
    paths = recorded(tmp_path, plan, {})
    for number, batch in enumerate(plan.batches[:3]):
        note_submitted(paths.batch(batch.id).submission, 1.0, str(number + 7))
    note_ended(paths.batch(plan.batches[3].id).submission, 1.0, "sbatch: error: invalid \x1bpartition")
    return paths


def test_slurm_says_why_batches_are_pending(queued: SessionPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question for all; a batch that begins has no reason, but waits in the queue; a refused one says why."""
    asked = []

    def answer(jobs: set[str]) -> dict[str, QueueEntry]:
        asked.append(sorted(jobs))
        return {
            "7": QueueEntry("PENDING", "Priority"),
            "8": QueueEntry("PENDING", "Priority"),
            "9": QueueEntry("CONFIGURING", "None"),
        }

    monkeypatch.setattr(queue, "ask_queue", answer)
    third, fourth, fifth = (batch_id([spec(name).id]) for name in "cde")
    assert _waits(queued) == [
        "2 batches (2 jobs): waits in Slurm's queue: Priority",
        f"batch {fourth} (1 job): sbatch: error: invalid \\x1bpartition",
        f"batch {third} (1 job): waiting in Slurm's queue",
        f"batch {fifth} (1 job): not started yet",
    ]
    assert asked == [["7", "8", "9"]]
    (queued.out / SUBMISSION).parent.mkdir()
    note_waiting(queued.out / SUBMISSION, "waiting to be submitted: too many jobs", 0.0)
    assert _waits(queued)[0].startswith("Slurm: waiting to be submitted: too many jobs, since ")


def test_a_view_does_not_stand_still_while_slurm_thinks(queued: SessionPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller may take seconds; its answer is shown when it is there."""
    may_answer, answered = threading.Event(), threading.Event()

    def answer(jobs: set[str]) -> dict[str, QueueEntry]:
        assert may_answer.wait(20)
        answered.set()
        return dict.fromkeys(jobs, QueueEntry("PENDING", "Priority"))

    monkeypatch.setattr(queue, "ask_queue", answer)
    snapshots = Snapshots(queued)
    assert "3 batches (3 jobs): waiting in Slurm's queue" in map(str, snapshots.take().waits)
    may_answer.set()
    assert answered.wait(20)
    threads = [thread for thread in threading.enumerate() if thread.daemon and thread is not threading.main_thread()]
    for thread in threads:
        thread.join(20)
    assert "3 batches (3 jobs): waits in Slurm's queue: Priority" in map(str, snapshots.take().waits)
