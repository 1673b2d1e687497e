"""Batches as objects: what a batch is, what it asks for, and when it may run.

The names are those of canary's module `batchspec` (docs/reference/peers.md, "Object API").
"""

import inspect
from pathlib import Path
from typing import Any

import pytest
from factories import shell, spec
from session_jobs import batch_in, ended, job_in

from canary_wf import batchspec as api
from canary_wf.batch.time_limit import MARGIN
from canary_wf.batchspec import BatchSpec, TestBatch
from canary_wf.errors import CanaryWfError, InputError, WorkspaceError
from canary_wf.job import BaseJob, JobPhase
from canary_wf.spec.identity import batch_id

MEMBERS = {
    "cost": [],
    "find_approximate_runtime": [],
    "total_timeout": [],
    "estimated_runtime": [],
    "assign_resources": ["arg"],
    "free_resources": [],
    "required_resources": [],
    "dependency_batches_submitted": [],
    "dependency_batches_complete": [],
    "refresh_readiness": [],
    "is_runnable": [],
    "is_ready": [],
    "run": ["backend", "queue"],
    "getstate": [],
    "setstate": ["data"],
    "finish": [],
    "refresh": [],
    "times": [],
    "loadconfig": ["workspace"],
    "setup": [],
    "save": [],
    "set_status": ["category", "outcome", "reason", "code"],
    "display_name": ["kwargs"],
}


def test_every_member_is_there_with_its_parameters(tmp_path: Path) -> None:
    """Both classes have the members that canary documents, and say what it does."""
    assert list(inspect.signature(BatchSpec).parameters) == ["layout", "jobs", "dependencies"]
    names = ["spec", "workspace", "dependencies", "backend_supports_dependencies"]
    assert list(inspect.signature(TestBatch).parameters) == names
    for name, parameters in MEMBERS.items():
        member = getattr(TestBatch, name)
        assert [one for one in inspect.signature(member).parameters if one != "self"] == parameters
        assert member.__doc__
    batch = batch_in(tmp_path, job_in(tmp_path, spec("a")))
    for name in ("status", "runtime", "jobid", "dependencies", "id", "cpus", "gpus", "cpu_ids", "gpu_ids", "timeout"):
        assert hasattr(batch, name)
    for name in ("timeout_multiplier", "queue_timeout", "resources"):
        assert hasattr(batch, name)
    assert isinstance(batch, BaseJob)
    assert all(getattr(api, name).__doc__ for name in api.__all__)


def test_a_batch_has_the_contracts_id_in_any_order(tmp_path: Path) -> None:
    """The same jobs make the same batch; session, slots and exclusiveness come from the jobs."""
    jobs = [job_in(tmp_path, spec("a", cpus=2)), job_in(tmp_path, spec("b", gpus=1, exclusive=True))]
    one, other = BatchSpec("flat", jobs), BatchSpec("flat", jobs[::-1])
    assert one.id == other.id == batch_id(job.id for job in jobs)
    assert (one.session, one.exclusive, one.dependencies) == ("s1", True, [])
    assert one.rparameters == {"cpus": 2, "gpus": 1}
    assert [item["type"] for item in one.required_resources()] == ["cpus", "cpus", "gpus"]


def test_a_batch_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    """Unknown layout, no jobs, a job twice, and a dependency inside of a flat batch."""
    first = job_in(tmp_path, spec("a"))
    second = job_in(tmp_path, spec("b", "a"), first)
    for layout, jobs, message in (
        ("round", [first], "'round' is not one of"),
        ("flat", [], "has no jobs"),
        ("flat", [first, first], "holds job a twice"),
        ("flat", [first, second], "b depends on a"),
    ):
        with pytest.raises(InputError, match=message):
            BatchSpec(layout, jobs)
    assert BatchSpec("atomic", [first, second]).rparameters["cpus"] == 1


def test_the_expected_length_is_that_of_the_simulated_schedule(tmp_path: Path) -> None:
    """Jobs that fit beside the widest one run beside it; limits keep the order of the numbers."""
    jobs = [job_in(tmp_path, spec(name, cpus=cpus, runtime=10.0)) for name, cpus in (("a", 2), ("b", 1), ("c", 1))]
    batch = batch_in(tmp_path, *jobs)
    assert batch.find_approximate_runtime() == batch.runtime == 20.0
    assert batch.estimated_runtime() == MARGIN * 20.0
    assert batch.cost() == pytest.approx((4 + 400) ** 0.5)
    assert (batch.cpus, batch.gpus) == (2, 0)
    # 290 s of room for a job that runs into its limit, a margin, a minute to start: in whole minutes.
    assert batch.timeout == 420.0
    assert batch.estimated_runtime() <= batch.timeout
    assert batch.total_timeout() == batch.queue_timeout + 420.0


def test_limits_can_be_set(tmp_path: Path) -> None:
    """The queue's patience and the multiplier; nonsense is refused."""
    batch = batch_in(tmp_path, job_in(tmp_path, spec("a", runtime=1.0)))
    assert (batch.queue_timeout, batch.timeout_multiplier) == (4 * 3600.0, 1.0)
    batch.queue_timeout, batch.timeout_multiplier = 60, 2
    assert batch.total_timeout() == 60 + 2 * batch.timeout
    for wrong in (0, -1, float("inf"), float("nan"), "5", None):
        with pytest.raises(InputError, match="above zero"):
            batch.timeout_multiplier = wrong  # type: ignore[assignment] # a caller may
        with pytest.raises(InputError, match="queue_timeout"):
            batch.queue_timeout = wrong  # type: ignore[assignment] # a caller may


def test_resources_are_held_in_the_documented_form(tmp_path: Path) -> None:
    """Ids go in and out, and are known by type."""
    batch = batch_in(tmp_path, job_in(tmp_path, spec("a")))
    given = {"cpus": [{"id": "1", "slots": 1}, {"id": "2", "slots": 1}], "gpus": [{"id": "0", "slots": 1}]}
    batch.assign_resources(given)
    assert (batch.resources, batch.cpu_ids, batch.gpu_ids) == (given, ["1", "2"], ["0"])
    assert batch.free_resources() == given
    assert batch.resources == {}


def test_a_batch_waits_for_those_before_it(tmp_path: Path) -> None:
    """Complete, or just submitted where the backend keeps the order."""
    first, second = job_in(tmp_path, spec("a")), job_in(tmp_path, spec("c"))
    before = batch_in(tmp_path, first, second)
    behind = batch_in(tmp_path, job_in(tmp_path, spec("b", "a"), first), after=(before,))
    assert before.is_ready()
    assert not behind.is_ready()
    assert not behind.dependency_batches_submitted()
    before.jobid = "17"
    before.on_submitted()
    assert behind.dependency_batches_submitted()
    assert not behind.dependency_batches_complete()
    assert not behind.is_ready()
    behind.backend_supports_dependencies = True
    assert behind.is_ready()
    behind.backend_supports_dependencies = False
    ended(first, "SUCCESS")
    ended(second, "FAILED")
    before.finish()
    assert behind.dependency_batches_complete()
    assert behind.is_ready()
    assert before.status.outcome.name == "FAILED"
    assert before.status.counts == {"PASS": 1, "FAIL": 1, "CANCEL": 0, "SKIP": 0, "NONE": 0}


def test_a_batch_of_which_nothing_can_run_is_blocked(tmp_path: Path) -> None:
    """With the reason at each job; a batch of which something can run is not."""
    failed, passed = (
        ended(job_in(tmp_path, spec(name)), outcome) for name, outcome in (("a", "FAILED"), ("b", "SUCCESS"))
    )
    before = batch_in(tmp_path, failed, passed)
    before.finish()
    lost = job_in(tmp_path, spec("c", "a"), failed)
    some = batch_in(tmp_path, lost, job_in(tmp_path, spec("d", "b"), passed), after=(before,))
    some.refresh_readiness()
    assert (some.state.phase, lost.status.outcome.name, some.is_ready()) == (JobPhase.PENDING, "BLOCKED", True)
    none = batch_in(tmp_path, job_in(tmp_path, spec("e", "a"), failed), after=(before,))
    none.refresh_readiness()
    assert (none.state.phase, none.status.outcome.name) == (JobPhase.DONE, "BLOCKED")
    assert not none.is_runnable()
    with pytest.raises(CanaryWfError, match="is DONE already"):
        none.validate_enqueuable()


def test_a_job_whose_upstream_was_not_run_is_blocked_at_last(tmp_path: Path) -> None:
    """A queue does not wait for ever for a batch that ended without running all its jobs."""
    never = job_in(tmp_path, spec("a"))
    before = batch_in(tmp_path, never)
    job = job_in(tmp_path, spec("b", "a"), never)
    behind = batch_in(tmp_path, job, after=(before,))
    behind.refresh_readiness()
    assert job.state.is_pending()
    before.set_status(outcome="INTERRUPTED", reason="the node was lost")
    before.finish()
    behind.refresh_readiness()
    assert job.status.reason == "dependency a was not run"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["SUCCESS", "XFAIL"], "SUCCESS"),
        (["SUCCESS", "BLOCKED"], "SUCCESS"),
        (["SUCCESS", "FAILED", "INTERRUPTED"], "FAILED"),
        (["SUCCESS", "INTERRUPTED", "CANCELLED"], "INTERRUPTED"),
        (["SUCCESS", "NONE"], "INTERRUPTED"),
        (["SUCCESS", "CANCELLED"], "CANCELLED"),
        (["SKIPPED", "SKIPPED"], "SKIPPED"),
        (["SKIPPED", "BLOCKED"], "BLOCKED"),
    ],
)
def test_the_verdict_follows_from_those_of_the_jobs(tmp_path: Path, outcomes: list[str], expected: str) -> None:
    """A failure first, then what is to be run again, then what a person cancelled."""
    jobs = [job_in(tmp_path, spec(f"j{number}")) for number in range(len(outcomes))]
    batch = batch_in(tmp_path, *jobs)
    for job, outcome in zip(jobs, outcomes, strict=True):
        if outcome != "NONE":
            ended(job, outcome)
    batch.finish()
    assert (batch.status.outcome.name, batch.state.phase) == (expected, JobPhase.DONE)
    assert sum(batch.status.counts.values()) == len(jobs)


def test_verdicts_of_jobs_outlive_what_becomes_of_their_batch(tmp_path: Path) -> None:
    """A batch that runs into its limit does not turn jobs that passed into failures; cancelling takes the waiting."""
    passed, waiting = ended(job_in(tmp_path, spec("a")), "SUCCESS"), job_in(tmp_path, spec("b"))
    batch = batch_in(tmp_path, passed, waiting)
    batch.set_status(outcome="BROKEN", reason="ran into its limit")
    assert (passed.status.outcome.name, waiting.state.is_pending()) == ("SUCCESS", True)
    batch.set_status(outcome="CANCELLED", reason="scancel")
    assert (passed.status.outcome.name, waiting.status.outcome.name) == ("SUCCESS", "CANCELLED")
    assert batch.status.counts["CANCEL"] == 1
    with pytest.raises(InputError):
        batch.set_status(category="PASS", outcome="FAILED")


def test_times_are_those_known(tmp_path: Path) -> None:
    """Total, running and waiting, each as soon as its two ends are known."""
    batch = batch_in(tmp_path, job_in(tmp_path, spec("a")))
    assert batch.times() == (None, None, None)
    keeper = batch.timekeeper
    keeper.submitted, keeper.started = 10.0, 13.0
    assert batch.times() == (None, None, 3.0)
    keeper.finished = 20.0
    assert batch.times() == (10.0, 7.0, 3.0)


def test_there_is_one_state_file_and_it_comes_back(tmp_path: Path) -> None:
    """Written by one object, read by another; what travels between processes holds the jobs too."""
    jobs = [job_in(tmp_path, spec("a")), job_in(tmp_path, spec("b"))]
    writer = batch_in(tmp_path, *jobs)
    writer.setup()
    assert [path.name for path in writer.workspace.dir.iterdir()] == ["batch.json"]
    ended(jobs[0], "SUCCESS")
    writer.on_submitted()
    writer.jobid = "5"
    writer.save()
    stored = TestBatch.loadconfig(str(writer.workspace.dir))
    assert (stored["id"], stored["jobid"], stored["phase"]) == (writer.id, "5", "SUBMITTED")
    reader = batch_in(tmp_path, job_in(tmp_path, spec("a")), job_in(tmp_path, spec("b")))
    reader.refresh()
    assert (reader.jobid, reader.state.phase, reader.jobs[0].state.is_pending()) == ("5", JobPhase.SUBMITTED, True)
    reader.setstate(writer.getstate())
    assert reader.getstate() == writer.getstate()
    assert reader.jobs[0].status.outcome.name == "SUCCESS"


def test_a_wrong_state_is_refused(tmp_path: Path) -> None:
    """Another batch's, a missing field, an unknown outcome, a missing or damaged file."""
    batch, other = (batch_in(tmp_path, job_in(tmp_path, spec(name))) for name in ("a", "b"))
    state = batch.getstate()
    wrong: list[dict[str, Any]] = [other.getstate(), {**state, "phase": "LATE"}, {**state, "outcome": "GREAT"}, {}]
    for one in wrong:
        with pytest.raises(WorkspaceError):
            batch.setstate(one)
    nothings: tuple[object, ...] = (None, [], "x")
    for nothing in nothings:
        with pytest.raises(WorkspaceError, match="not the state of a batch"):
            batch.setstate(nothing)  # type: ignore[arg-type] # a caller may
    with pytest.raises(WorkspaceError, match=r"batch\.json"):
        TestBatch.loadconfig(str(tmp_path))


def test_a_name_for_people(tmp_path: Path) -> None:
    """It says how many jobs there are."""
    one = batch_in(tmp_path, job_in(tmp_path, shell("a", "true")))
    assert one.display_name(full=True) == f"batch {one.id} (1 job)"
    two = batch_in(tmp_path, job_in(tmp_path, spec("b")), job_in(tmp_path, spec("c")))
    assert two.display_name(style="html") == f"batch {two.id} (2 jobs)"
    assert "2 jobs" in repr(two)
