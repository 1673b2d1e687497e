"""Job arrays on a real Slurm: what rules of shapes are for."""

import json
import re

import pytest
from slurm_workspace import SlurmWorkspace

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]


def test_the_batches_of_a_shape_are_one_array(slurm: SlurmWorkspace) -> None:
    """Three batches of one shape are submitted at once, and each runs its own job."""
    slurm.write(
        "a.jobs.yaml", "jobs:\n  - {name: a, command: [echo, '${n}'], runtime: 1s, parameters: {n: [1, 2, 3]}}\n"
    )
    slurm.generate_for_slurm("-b", "spec=count:max", "--rules", "shape")
    done = slurm.snakemake("--fastslurm-array-jobs", "all", profile="fastslurm")
    assert done.returncode == 0, done.stderr
    jobs = slurm.status()["jobs"]
    assert {job["outcome"] for job in jobs} == {"SUCCESS"}
    assert [(slurm.out / job["log"]).read_text() for job in jobs] == ["1\n", "2\n", "3\n"]
    assert re.search(r"array", done.stderr, re.IGNORECASE)


WAITING = """
jobs:
  - name: a
    command: [sh, -c, 'echo "begin ${n}" >> {tree}/notes; while [ -e {tree}/wait ]; do sleep 0.1; done']
    runtime: 1s
    parameters: {n: [1, 2, 3]}
"""


def _task_of(slurm: SlurmWorkspace, batch: str) -> str:
    """Return the id of a batch's task in its array, as `scancel` wants it."""
    (path,) = slurm.out.glob(f".canary-wf/sessions/*/batches/{batch}/submission.json")
    task: str = json.loads(path.read_text())["submissions"][-1]["slurm_job_id"]
    return task


def test_each_task_of_an_array_has_its_own_end(slurm: SlurmWorkspace) -> None:
    """One is cancelled and stays so; the others pass; reset, only that one is run again."""
    slurm.write("a.jobs.yaml", WAITING.replace("{tree}", str(slurm.tree)))
    slurm.write("wait", "")
    slurm.generate_for_slurm("-b", "spec=count:max", "--rules", "shape")
    with slurm.running("fastslurm", "--fastslurm-array-jobs", "all") as run:
        slurm.wait_until(lambda: slurm.launched() == 3)
        task = _task_of(slurm, slurm.job("a.n=2")["batch"])
        assert slurm.run("scancel", task).returncode == 0
        slurm.wait_until(lambda: slurm.outcomes()["a.n=2"] in {"CANCELLED", "INTERRUPTED"})
        (slurm.tree / "wait").unlink()
    assert run.returncode == 1
    assert slurm.outcomes() == {"a.n=1": "SUCCESS", "a.n=2": "CANCELLED", "a.n=3": "SUCCESS"}
    assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    done = slurm.snakemake("--fastslurm-array-jobs", "all", profile="fastslurm")
    assert done.returncode == 0, done.stderr
    assert set(slurm.outcomes().values()) == {"SUCCESS"}
    assert sorted((slurm.tree / "notes").read_text().splitlines()) == ["begin 1", "begin 2", "begin 2", "begin 3"]
