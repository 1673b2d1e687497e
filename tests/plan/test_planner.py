"""From specs to a plan: what is planned, what is left out and why, and what `plan.json` says of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from factories import spec

from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError
from canary_wf.files.json_files import encode
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.target import Target
from canary_wf.plan.model import Plan
from canary_wf.plan.planner import PlanSettings, make_plan
from canary_wf.resources.node import node_shape
from canary_wf.resources.pool import ResourcePool
from canary_wf.spec.identity import batch_id
from canary_wf.spec.job_spec import Asset, Baseline, JobSpec

OUT = Path("/space/out")


def _plan(
    *jobs: JobSpec, text: str = "", memory: int | None = 8000, history: History | None = None, strict: bool = False
) -> Plan:
    pool = ResourcePool()
    pool.populate(cpus=4, gpus=2)
    target = Target("local", node_shape(pool, memory), pool)
    chosen = PlanSettings(batch_spec=BatchSpecification.parse(text), strict=strict)
    return make_plan(jobs, chosen, target, history or History(), out=OUT, session="s1")


def _as_json(plan: Plan) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(encode(plan))
    return content


def test_every_field_of_the_contract_stands_in_the_json_even_with_its_default() -> None:
    """A reader of plan.json needs no defaults."""
    content = _as_json(_plan(spec("a")))
    assert content["schema"] == "canary-wf/plan/1"
    assert set(content) >= {"schema", "session", "created", "batch_spec", "node", "jobs", "left_out", "batches"}
    assert set(content["batch_spec"]) == {"layout", "count", "nodes", "duration"}
    assert set(content["node"]) >= {"cpus", "gpus"}
    job = "id name family file parameters cpus gpus nodes memory resources timeout runtime runtime_source dependencies"
    assert set(content["jobs"][0]) >= {*job.split(), "batch"}
    batch = "id jobs dependencies cpus gpus nodes memory runtime time_limit"
    assert set(content["batches"][0]) >= set(batch.split())


def test_dependencies_are_told_with_their_condition_and_between_batches() -> None:
    """Job edges name jobs, batch edges name batches, and batches come after those they need."""
    plan = _plan(spec("a"), spec("b", "a"))
    content = _as_json(plan)
    assert content["jobs"][1]["dependencies"] == [{"job": plan.jobs[0].id, "when": "on_success"}]
    first, second = plan.batches
    assert (first.dependencies, second.dependencies) == ((), (first.id,))
    assert plan.jobs[1].batch == second.id


def test_a_batch_id_is_made_of_its_jobs_ids() -> None:
    """The id is a hash of the jobs' ids, so that equal batches of two plans have equal names."""
    plan = _plan(spec("a"), spec("b"))
    assert [batch.id for batch in plan.batches] == [batch_id(job.id for job in plan.jobs)]


def test_paths_are_relative_to_out_unless_they_lie_outside() -> None:
    """The test file and what is copied from beside it go with OUT when it is moved."""
    inside = spec("a", file=f"{OUT}/t/a.jobs.yaml", assets=(Asset("copy", f"{OUT}/t/in.dat"), Asset("link", "/data/x")))
    outside = spec("b", file="/elsewhere/b.jobs.yaml")
    beside = spec("c", file=f"{OUT}side/c.jobs.yaml")
    jobs = _as_json(_plan(inside, outside, beside))["jobs"]
    assert [job["file"] for job in jobs] == ["t/a.jobs.yaml", "/elsewhere/b.jobs.yaml", f"{OUT}side/c.jobs.yaml"]
    assert [asset["source"] for asset in jobs[0]["assets"]] == ["t/in.dat", "/data/x"]
    references = (Baseline("a", f"{OUT}/t/a.ref"), Baseline(arguments=("--write",)))
    (job,) = _as_json(_plan(spec("d", sources=(f"{OUT}/t/d.f90", "/data/x"), baselines=references)))["jobs"]
    assert job["sources"] == ["t/d.f90", "/data/x"]
    assert [reference["target"] for reference in job["baselines"]] == ["t/a.ref", None]


def test_a_batch_asks_for_the_peak_of_its_schedule_and_not_the_sum() -> None:
    """Four jobs of two cpus on four run two at a time: 4 cpus, the memory of two, half the sum of run times."""
    jobs = [spec(f"j{number}", cpus=2, gpus=1, memory=100, runtime=10.0) for number in range(4)]
    (batch,) = _plan(*jobs).batches
    assert (batch.cpus, batch.gpus, batch.memory, batch.nodes) == (4, 2, 200, 1)
    assert batch.runtime == 20.0


def test_memory_that_nobody_says_is_not_known() -> None:
    """Null and nought are different things."""
    assert _plan(spec("a")).batches[0].memory is None
    assert _plan(spec("a"), spec("b", memory=64)).batches[0].memory == 64


def test_further_resources_and_exclusive_jobs_are_told_of_the_batch() -> None:
    """What a runner must know of the whole batch stands there."""
    pool = ResourcePool({"resources": {"cpus": [{"id": "0"}], "fpgas": [{"id": "f0"}, {"id": "f1"}]}})
    target = Target("local", node_shape(pool), pool)
    jobs = [spec("a", resources={"fpgas": 2}, exclusive=True)]
    plan = make_plan(jobs, PlanSettings(), target, History(), out=OUT, session="s1")
    assert (plan.batches[0].resources, plan.batches[0].exclusive) == ({"fpgas": 2}, True)
    assert plan.node == {"cpus": 1, "gpus": 0, "fpgas": 2}


def test_a_time_limit_covers_the_schedule_and_a_job_that_hangs() -> None:
    """Whole minutes, above the length and above any one job's time limit."""
    (batch,) = _plan(spec("a", runtime=10.0, timeout=600.0), spec("b", runtime=30.0, timeout=40.0)).batches
    assert batch.runtime == 30.0
    assert batch.time_limit % 60 == 0
    assert batch.time_limit >= 590 + 30


def test_run_times_come_from_history_first() -> None:
    """The plan tells where each run time comes from."""
    history = History()
    history.add(spec("a").id, "s0", 7.0)
    plan = _plan(spec("a", runtime=1.0), spec("b", runtime=2.0), spec("c", timeout=40.0), history=history)
    assert [(job.runtime, job.runtime_source) for job in plan.jobs] == [
        (7.0, "history"),
        (2.0, "declared"),
        (10.0, "default"),
    ]


def test_masked_and_left_out_jobs_are_told_apart_with_their_reasons() -> None:
    """A masked job was not wanted, one that is left out was not possible; neither is planned."""
    plan = _plan(spec("a"), spec("m", mask="not today"), spec("w", cpus=5), spec("after", "w"))
    assert [job.name for job in plan.jobs] == ["a"]
    assert [(job.name, job.reason) for job in plan.masked] == [("m", "not today")]
    assert [(job.name, job.reason) for job in plan.left_out] == [
        ("w", "needs 5 cpus, a node has 4"),
        ("after", "needs w, which is left out"),
    ]
    assert set(_as_json(plan)["left_out"][0]) >= {"id", "name", "reason", "hint", "path", "file", "command"}
    assert [job.hint for job in plan.left_out] == ["-r cpus=5", None]


@pytest.mark.parametrize(
    ("jobs", "strict", "message"),
    [
        ([spec("a"), spec("w", cpus=5)], True, r"job w: does not fit: needs 5 cpus, .*--strict"),
        ([spec("w", cpus=5), spec("v", "w")], True, r"job w: does not fit: .* \(and 1 more\)"),
        ([spec("w", cpus=5)], False, r"none of the jobs fits: w needs 5 cpus.*-r"),
        ([spec("m", mask="no")], False, r"all 1 jobs are masked.*find -v"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_its_reason(jobs: list[JobSpec], strict: bool, message: str) -> None:
    """An InputError says why, and what to do."""
    with pytest.raises(InputError, match=message):
        _plan(*jobs, strict=strict)


@pytest.mark.parametrize(("text", "message"), [("count:0", r"count:0"), ("count:1", r"count:2 or more")])
def test_a_batch_specification_that_cannot_be_kept_is_refused(text: str, message: str) -> None:
    """The message names the specification, and the smallest count that works."""
    with pytest.raises(InputError, match=message):
        _plan(spec("a"), spec("b", "a"), text=text)


def test_the_batch_specification_is_recorded_as_it_was_understood() -> None:
    """Defaults are filled in."""
    assert _as_json(_plan(spec("a")))["batch_spec"] == {
        "layout": "flat",
        "count": "auto",
        "nodes": "any",
        "duration": 1800.0,
    }
    assert _as_json(_plan(spec("a"), text="layout:atomic,count:3"))["batch_spec"] == {
        "layout": "atomic",
        "count": 3,
        "nodes": "any",
        "duration": None,
    }


def test_jobs_in_another_order_give_the_same_batches() -> None:
    """A plan does not depend on the order in which files were found."""
    jobs = [spec(f"j{number}", runtime=float(number)) for number in range(1, 9)]
    one, two = (_plan(*order, text="count:3") for order in (jobs, jobs[::-1]))
    assert {batch.id for batch in one.batches} == {batch.id for batch in two.batches}
