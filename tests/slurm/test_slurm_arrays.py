"""Job arrays on a real Slurm: what rules of shapes are for."""

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
