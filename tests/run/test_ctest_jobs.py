"""What tests of CTest need of the runner: a folder to run in, locks, several slots of one id, a bound process."""

import os
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, planned, shell, spec

from canary_wf.api.job.execution_space import ExecutionSpace
from canary_wf.api.job.job import Job
from canary_wf.job import ProcessLauncher
from canary_wf.plan.store import slices, write_session
from canary_wf.process.spawn import LaunchError, launch
from canary_wf.report.placement import place_jobs
from canary_wf.report.session import load_session
from canary_wf.resources.leases.lease import LOCKS, HostLeases
from canary_wf.resources.pool import ResourcePool
from canary_wf.run.batch_pool import open_pool
from canary_wf.run.capacity import Capacity
from canary_wf.run.job.launcher import argument_list, run_folder
from canary_wf.run.run_context import Binding
from canary_wf.run.runner import main
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.spec.ctest_rules import CTestRules, ResourceItem
from canary_wf.spec.job_spec import JobSpec

GRANTED = {"SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "1", "SLURM_JOB_CPUS_PER_NODE": "1"}
"""What Slurm says inside an allocation of one CPU."""


def ctest_job(name: str, text: str = "exit 0", *needs: str, **fields: Any) -> JobSpec:  # noqa: ANN401 - any field
    """Return a test of CTest that runs the shell text."""
    return shell(name, text, *needs, **{"kind": "ctest", "ctest": CTestRules(), **fields})


def group(kind: str, *slots: int) -> tuple[tuple[ResourceItem, ...], ...]:
    """Return one resource group with an item of each size."""
    return (tuple(ResourceItem(kind, size) for size in slots),)


def part_of(*jobs: JobSpec, slots: dict[str, list[int]], **peak: int) -> BatchSlice:
    """Return the slice of a batch of `jobs` that peaks at `peak`, on a machine with ids of `slots` of each type."""
    plan = plan_of(list(jobs))
    ids = {kind: [{"id": str(at), "slots": size} for at, size in enumerate(sizes)] for kind, sizes in slots.items()}
    (part,) = slices(plan)
    batch = {name: getattr(part.batch, name) for name in part.batch.__struct_fields__}
    changed = {name: getattr(part, name) for name in part.__struct_fields__}
    changed["batch"] = type(part.batch)(**{**batch, "resources": peak, "cpus": 1})
    changed["resource_pool"] = {"resources": {"cpus": [{"id": "0", "slots": 1}], **ids}}
    return BatchSlice(**changed)


def test_a_job_runs_where_it_says_and_leaves_its_output_in_its_own_directory(tmp_path: Path) -> None:
    """The folder is the user's: nothing in it is cleared, and no state is written there."""
    place = tmp_path / "build"
    place.mkdir()
    (place / "kept").touch()
    rules = CTestRules(pass_regular_expression=("^.*/build\n$",))
    job = ctest_job("a", "pwd; touch made; exit 3", working_directory=str(place), ctest=rules)
    plan = plan_of([job])
    paths = write_session(plan, tmp_path / "out")
    assert main([plan.batches[0].id, "--plan", str(paths.plan)]) == 0
    state = load_session(paths)
    assert state.record(plan.jobs[0]).status.outcome.name == "SUCCESS"
    assert (paths.job("a") / "canary-out.txt").read_text() == f"{place}\n"
    assert sorted(path.name for path in place.iterdir()) == ["kept", "made"]


def test_a_job_by_itself_runs_there_too(tmp_path: Path) -> None:
    """The launcher of single jobs keeps to the same folder."""
    place = tmp_path / "build"
    place.mkdir()
    job = Job(ctest_job("a", "pwd", working_directory=str(place)), ExecutionSpace(tmp_path / "work", Path("a")))
    job.launcher = ProcessLauncher()
    job.setup()
    job.run()
    assert job.read_output() == f"{place}\n"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"working_directory": "nowhere"}, "there is no folder '.*/nowhere' to run in"),
        ({"ctest": CTestRules(required_files=(".", "gone"))}, "unable to find required file 'gone'"),
    ],
)
def test_what_a_test_requires_must_be_there(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    """The reason names it; such a test is not started."""
    with pytest.raises(LaunchError, match=reason):
        run_folder(ctest_job("a", **fields), str(tmp_path), tmp_path)


def test_a_test_without_a_program_says_so() -> None:
    """The reason is the one that discovery had."""
    with pytest.raises(LaunchError, match="is not built"):
        argument_list(ctest_job("a", ctest=CTestRules(unavailable="is not built")), {}, Path())


def test_a_process_is_bound_only_to_cpus_of_this_machine(tmp_path: Path) -> None:
    """Ids that are no CPUs here bind nothing; the runner itself stays free."""
    mine = os.sched_getaffinity(0)
    one = min(mine)
    job = ctest_job("a", ctest=CTestRules(processor_affinity=True))
    binding = Binding(everyone=False, ids_are_cpus=True, report=lambda _: None)
    assert binding.cpus_for(job, {"cpus": [{"id": str(one)}]}) == frozenset({one})
    assert binding.cpus_for(job, {"cpus": [{"id": str(one)}, {"id": "99999"}]}) is None
    assert binding.cpus_for(job, {"cpus": [{"id": "x"}]}) is None
    assert binding.cpus_for(ctest_job("b"), {"cpus": [{"id": str(one)}]}) is None
    output = tmp_path / "out.txt"
    text = "grep Cpus_allowed_list /proc/self/status"
    pid = launch(["/bin/sh", "-c", text], tmp_path, os.environ, output, frozenset({one}))
    os.waitpid(pid, 0)
    assert output.read_text().split() == ["Cpus_allowed_list:", str(one)]
    assert os.sched_getaffinity(0) == mine


def test_two_jobs_with_one_lock_never_run_at_once() -> None:
    """A lock is taken and given back with the job's resources."""
    capacity = Capacity(ResourcePool({"resources": {"cpus": [{"id": "0"}, {"id": "1"}]}}), None, None)
    one, two, three = (
        planned(spec(name, locks=locks)) for name, locks in [("a", ("x", "y")), ("b", ("y",)), ("c", ())]
    )
    held = capacity.take(one)
    assert held is not None
    assert capacity.take(two) is None
    assert capacity.take(three) is not None
    capacity.give_back(one, held)
    assert capacity.take(two) is not None


def test_locks_are_leased_host_wide() -> None:
    """Another batch on this host, inside an allocation of Slurm too, waits for them."""
    part = part_of(spec("a", locks=("db",)), spec("b", locks=("db", "port")), slots={})
    for environment in ({}, GRANTED):
        pool = open_pool(part, environment)
        assert LOCKS not in pool.pool.types
        with pytest.raises(Exception, match="gave up"):
            HostLeases().acquire({LOCKS: 1}, {LOCKS: ["db"]}, on_wait=lambda _: None, give_up=lambda: True)
        pool.release()
        HostLeases().acquire({LOCKS: 2}, {LOCKS: ["db", "port"]}, on_wait=lambda _: None).release()


def test_a_type_named_locks_is_one_like_any_other() -> None:
    """It reaches the jobs beside the locks of theirs, which are no ids of it."""
    part = part_of(spec("a", locks=("0", "db"), resources={"locks": 1}), slots={"locks": [1, 1]}, locks=2)
    for environment in ({}, GRANTED):
        pool = open_pool(part, environment)
        assert pool.pool.count("locks") == 2
        assert Capacity(pool.pool, None, None).take(part.jobs[0]) is not None
        pool.release()
    assert [placed.ids["locks"] for placed in place_jobs(part)] == [("0",)]


def test_a_wait_for_locks_is_told_as_such() -> None:
    """With their name in the message, not with that of the type they have inside."""
    messages: list[str] = []
    with (
        HostLeases().acquire({LOCKS: 1}, {LOCKS: ["db"]}, on_wait=messages.append),
        pytest.raises(Exception, match="gave up"),
    ):
        HostLeases().acquire({LOCKS: 1}, {LOCKS: ["db"]}, on_wait=messages.append, give_up=lambda: bool(messages))
    assert messages[0].startswith("waiting for 1 of 1 locks, held by process")


@pytest.mark.parametrize(
    ("items", "sizes", "peak", "ids"),
    [
        ((3,), [4, 4, 4], 3, 1),
        ((3,), [2, 2, 4], 3, 1),
        ((3, 3), [4, 4, 4], 6, 2),
        ((3, 3), [4, 2, 2, 4, 4], 9, 3),
        ((4, 1, 1), [1, 1, 4], 6, 3),
        ((2, 2), [4, 4], 4, 2),
        ((2,), [0, 2], 2, 1),
    ],
)
def test_leased_ids_have_room_for_every_item(items: tuple[int, ...], sizes: list[int], peak: int, ids: int) -> None:
    """Whichever ids are free, the job can run on those that the batch leases."""
    job = spec("a", resources={"gpx": sum(items)}, resource_groups=group("gpx", *items))
    pool = open_pool(part_of(job, slots={"gpx": sizes}, gpx=peak), {})
    assert pool.pool.count("gpx") == ids
    taken = Capacity(pool.pool, None, None).take(planned(job))
    pool.release()
    assert taken is not None
    assert [item["slots"] for item in taken["gpx"]] == list(items)


def test_types_that_slurm_does_not_know_are_leased_inside_an_allocation() -> None:
    """CPUs and GPUs are those granted; a chip comes from the pool that was planned with."""
    job = spec("a", resources={"chips": 1}, resource_groups=group("chips", 1))
    environment = {"SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "1", "SLURM_JOB_CPUS_PER_NODE": "1"}
    pool = open_pool(part_of(job, slots={"chips": [1, 1]}, chips=1), environment)
    assert pool.pool.count("chips") == 1
    assert pool.pool.count("cpus") == 1
    pool.release()
