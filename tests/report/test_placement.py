"""Where jobs are expected to run: on the ids that the runner hands out."""

import json

import msgspec
import pytest
from factories import plan_of, planned, spec
from hypothesis import given
from hypothesis import strategies as st
from workspace import Workspace

from canary_wf.plan.model import Plan
from canary_wf.plan.store import load_plan, newest_session, slices
from canary_wf.report.placement import place_jobs
from canary_wf.spec.batch_slice import PlannedJob


def _with(plan: Plan, members: tuple[PlannedJob, ...], cpus: int, gpus: int) -> Plan:
    """Return `plan` with `members` in its one batch, which asks for so many cpus and gpus."""
    batch = msgspec.structs.replace(plan.batches[0], cpus=cpus, gpus=gpus)
    return msgspec.structs.replace(plan, jobs=members, batches=(batch,))


def test_jobs_take_the_lowest_ids_and_take_turns() -> None:
    """Two long jobs run side by side, the short one after the first of them to end."""
    jobs = [spec("long"), spec("longer", gpus=1), spec("short")]
    plan = plan_of(jobs, cpus=2, gpus=1)
    runtimes = {"long": 5.0, "longer": 9.0, "short": 1.0}
    batch = plan.batches[0]
    members = tuple(planned(job, batch.id, runtimes[job.name]) for job in jobs)
    part = next(slices(_with(plan, members, cpus=2, gpus=1)))
    placed = {part.jobs[item.job].name: item for item in place_jobs(part)}
    assert placed["longer"].ids == {"cpus": ("0",), "gpus": ("0",)}
    assert placed["long"].ids == {"cpus": ("1",)}
    assert (placed["short"].start, placed["short"].end, placed["short"].ids) == (5.0, 6.0, {"cpus": ("1",)})


_SIZES = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=20)


@given(_SIZES)
def test_no_id_is_held_by_two_jobs_at_once(sizes: list[tuple[int, int, int]]) -> None:
    """Every job gets as many ids as it asks for, and nobody else has one of them meanwhile."""
    jobs = [spec(f"j{number}", cpus=cpus, gpus=gpus) for number, (cpus, gpus, _) in enumerate(sizes)]
    plan = plan_of(jobs, cpus=4, gpus=2)
    members = tuple(
        planned(job, plan.batches[0].id, float(seconds)) for job, (_, _, seconds) in zip(jobs, sizes, strict=True)
    )
    placed = place_jobs(next(slices(_with(plan, members, cpus=4, gpus=2))))
    taken: dict[tuple[str, str], float] = {}
    for item in placed:
        assert len(item.ids["cpus"]) == members[item.job].cpus
        assert len(item.ids.get("gpus", ())) == members[item.job].gpus
        for kind, names in item.ids.items():
            for name in names:
                assert taken.get((kind, name), 0.0) <= item.start
                taken[kind, name] = item.end


@pytest.mark.long
@pytest.mark.parametrize("cpus", [1, 3])
def test_the_runner_uses_the_ids_that_the_plan_shows(workspace: Workspace, cpus: int) -> None:
    """One real run: ids of each job are those of the placement."""
    jobs = [
        {"name": f"j{n}", "command": ["sleep", str(seconds)], "runtime": seconds, "cpus": 1 + n % 2 * (cpus > 1)}
        for n, seconds in enumerate((1.5, 1.0, 0.3, 0.25))
    ]
    workspace.write("a.jobs.json", json.dumps({"jobs": jobs}))
    workspace.generate("-b", "spec=count:1", "-r", f"cpus={cpus}")
    assert workspace.snakemake().returncode == 0
    part = next(slices(load_plan(newest_session(workspace.out).plan)))
    shown = {part.jobs[item.job].name: list(item.ids["cpus"]) for item in place_jobs(part)}
    assert shown == {job["name"]: job["cpu_ids"] for job in workspace.status()["jobs"]}
