"""Batches that run side by side in one Slurm allocation: no id twice at once, and none waits without need."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, shell
from msgspec.structs import replace

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.report.session import load_session
from canary_wf.run.batch_pool import open_pool
from canary_wf.run.runner import load_slice
from canary_wf.state.session_paths import SessionPaths

GRANTED = {
    "SLURM_JOB_ID": "7",
    "SLURM_CLUSTER_NAME": "c",
    "SLURMD_NODENAME": "n1",
    "SLURM_CPUS_ON_NODE": "4",
    "CUDA_VISIBLE_DEVICES": "0,1,2,3",
    "SLURM_MEM_PER_NODE": "1000",
}


def _write(out: Path, *batches: int, **fields: Any) -> tuple[SessionPaths, Plan]:  # noqa: ANN401
    """Write a plan with batches of so many jobs, each of which wants one GPU for half a second."""
    names = iter(range(100))
    groups = [[shell(f"{out.name}{next(names)}", "sleep 0.5", gpus=1) for _ in range(number)] for number in batches]
    plan = plan_of(*groups, cpus=4, gpus=4)
    sized = tuple(
        replace(batch, cpus=number, gpus=number, **fields) for batch, number in zip(plan.batches, batches, strict=True)
    )
    return write_session(replace(plan, batches=sized), out), plan


def _start(paths: SessionPaths, batch: str) -> "subprocess.Popen[bytes]":
    line = [sys.executable, "-m", "canary_wf", "run-batch", batch, "--plan", str(paths.plan)]
    return subprocess.Popen(line, env={**os.environ, **GRANTED}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _runs(*sessions: SessionPaths) -> list[tuple[float, float, str, str]]:
    """Return when each job ran, and the ids it had."""
    jobs = [job for paths in sessions for job in load_session(paths).as_dict()["jobs"]]
    assert {job["outcome"] for job in jobs} == {"SUCCESS"}
    return [(job["started"], job["finished"], job["cpu_ids"][0], job["gpu_ids"][0]) for job in jobs]


def _doubles(runs: list[tuple[float, float, str, str]]) -> list[object]:
    return [
        (one, other)
        for number, one in enumerate(runs)
        for other in runs[:number]
        if one[0] < other[1] and other[0] < one[1] and (one[2] == other[2] or one[3] == other[3])
    ]


def test_batches_of_one_workflow_share_an_allocation(tmp_path: Path) -> None:
    """Three batches of two jobs at once: two of them side by side, the third when one has ended."""
    paths, plan = _write(tmp_path, 2, 2, 2)
    runners = [_start(paths, batch.id) for batch in plan.batches]
    assert [runner.wait(60) for runner in runners] == [0, 0, 0]
    for runner in runners:
        runner.communicate()
    runs = _runs(paths)
    assert not _doubles(runs)
    assert {gpu for _, _, _, gpu in runs} == {"0", "1", "2", "3"}


def test_workflows_side_by_side_share_an_allocation(tmp_path: Path) -> None:
    """Two OUTs, each with one batch that could use more than it was planned with."""
    both = [_write(tmp_path / name, 2) for name in ("a", "b")]
    runners = [_start(paths, plan.batches[0].id) for paths, plan in both]
    assert [runner.wait(60) for runner in runners] == [0, 0]
    assert not _doubles(_runs(*(paths for paths, _ in both)))
    for runner in runners:
        runner.communicate()


@pytest.mark.parametrize(
    "change",
    [{"SLURM_JOB_ID": "8"}, {"SLURM_CLUSTER_NAME": "d"}, {"SLURMD_NODENAME": "n2"}],
    ids=lambda change: next(iter(change)),
)
def test_other_allocations_do_not_matter(tmp_path: Path, change: dict[str, str]) -> None:
    """What another Slurm job, node or cluster granted has the same names, and is something else."""
    paths, plan = _write(tmp_path, 4)
    part = load_slice(paths, plan.batches[0].id)
    first = open_pool(part, GRANTED, _never)
    second = open_pool(part, {**GRANTED, **change}, _never)
    assert first.pool.slots_per_resource_type == second.pool.slots_per_resource_type == {"cpus": 4, "gpus": 4}
    first.release()
    second.release()


def _never() -> None:
    raise AssertionError("waits")


def test_what_is_free_is_used_by_a_batch_that_is_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes as much as its jobs can use; one that is not leaves it to the others, and nobody waits for spare ids."""
    paths, plan = _write(tmp_path, 4)
    part = load_slice(paths, plan.batches[0].id)
    small = replace(part, batch=replace(part.batch, cpus=1, gpus=1))
    first = open_pool(small, GRANTED, _never, alone=False)
    assert first.pool.slots_per_resource_type == {"cpus": 1, "gpus": 1}
    rest = open_pool(replace(small, jobs=part.jobs[:2]), GRANTED, _never)
    assert rest.pool.slots_per_resource_type == {"cpus": 2, "gpus": 2}
    with pytest.raises(AssertionError, match="waits"):
        open_pool(replace(part, batch=replace(part.batch, cpus=2, gpus=2)), GRANTED, _never)
    told = "waiting for 2 of 4 cpus and 2 of 4 gpus, held by another batch in this Slurm job"
    assert told in capsys.readouterr().out
    first.release()
    rest.release()
    alone = open_pool(small, GRANTED, _never)
    assert alone.pool.slots_per_resource_type == {"cpus": 4, "gpus": 4}
    alone.release()


def test_memory_is_shared_too(tmp_path: Path) -> None:
    """Batches whose memory is more than was granted run one after the other, although there are CPUs for both."""
    paths, plan = _write(tmp_path, 1, 1, memory=600)
    runners = [_start(paths, batch.id) for batch in plan.batches]
    assert [runner.wait(60) for runner in runners] == [0, 0]
    first, second = sorted(_runs(paths))
    assert first[1] <= second[0]
    for runner in runners:
        runner.communicate()


def test_the_ids_of_a_killed_batch_are_free(tmp_path: Path) -> None:
    """The kernel frees them; who waited goes on."""
    paths, plan = _write(tmp_path, 4, 4)
    first, second = (_start(paths, batch.id) for batch in plan.batches)
    end = time.monotonic() + 30
    while not (
        launched := [
            path.parent.name
            for path in paths.folder.glob("batches/*/journal.jsonl")
            if '"job_launched"' in path.read_text()
        ]
    ):
        assert time.monotonic() < end
        time.sleep(0.02)
    running = first if plan.batches[0].id in launched else second
    running.kill()
    other = second if running is first else first
    assert other.wait(60) == 0
    for runner in (first, second):
        runner.communicate()
