"""The main job on a real Slurm cluster."""

import pytest
from slurm_workspace import SlurmWorkspace

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]

JOBS = """
jobs:
  - name: first
    command: [sh, -c, 'echo "$CUDA_VISIBLE_DEVICES"']
    parameters: {n: [1, 2, 3]}
    gpus: 2
    runtime: 1s
  - name: second
    command: [sh, -c, 'test -e {tree}/mended || exit 3']
    depends_on: [first]
    runtime: 1s
  - name: third
    command: 'true'
    depends_on: [second]
    runtime: 1s
"""


def _write(slurm: SlurmWorkspace) -> None:
    slurm.write("a.jobs.yaml", JOBS.replace("{tree}", str(slurm.tree)))


def _mend_and_finish(slurm: SlurmWorkspace, profile: str) -> None:
    """Let the failing job pass, and run only it and what it blocked."""
    before = {job["name"]: job["finished"] for job in slurm.status()["jobs"]}
    slurm.write("mended", "")
    assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    done = slurm.snakemake(profile=profile)
    assert done.returncode == 0, done.stderr
    jobs = slurm.status()["jobs"]
    assert {job["outcome"] for job in jobs} == {"SUCCESS"}
    assert {job["name"] for job in jobs if job["finished"] == before[job["name"]]} == {
        f"first.n={n}" for n in (1, 2, 3)
    }


def test_a_run_on_slurm_has_the_same_verdicts_as_anywhere(slurm: SlurmWorkspace) -> None:
    """Planned for the cluster's nodes, submitted, run with the ids of the allocation, judged by the gate."""
    _write(slurm)
    slurm.generate_for_slurm()
    done = slurm.snakemake(profile="fastslurm")
    assert done.returncode == 1
    assert "5 jobs did not pass" in done.stderr
    expected = dict.fromkeys(("first.n=1", "first.n=2", "first.n=3"), "SUCCESS")
    assert slurm.outcomes() == expected | {"second": "FAILED", "third": "BLOCKED"}
    jobs = {job["name"]: job for job in slurm.status()["jobs"]}
    assert all(jobs[name]["slurm_job_id"].isdigit() for name in [*expected, "second"])
    for name in expected:
        shown = (slurm.out / jobs[name]["log"]).read_text().strip().split(",")
        assert shown == jobs[name]["gpu_ids"]
        assert len(set(shown)) == 2
    _mend_and_finish(slurm, "fastslurm")


def test_a_dry_run_for_slurm_submits_nothing(slurm: SlurmWorkspace) -> None:
    """`snakemake -n --profile slurm` shows the batches with their resources."""
    _write(slurm)
    slurm.generate_for_slurm()
    done = slurm.snakemake("-n", profile="slurm")
    assert done.returncode == 0, done.stderr
    assert "gpu=4" in done.stdout + done.stderr
    assert not list(slurm.out.glob(".canary-wf/sessions/*/batches/*"))


@pytest.mark.smoke
def test_plain_sbatch_has_the_same_verdicts(slurm: SlurmWorkspace) -> None:
    """The profile `slurm-sbatch` submits the same workflow, names its jobs, and asks for all states at once."""
    _write(slurm)
    slurm.generate_for_slurm()
    done = slurm.snakemake(profile="slurm-sbatch")
    assert done.returncode == 1
    assert "5 jobs did not pass" in done.stderr
    expected = dict.fromkeys(("first.n=1", "first.n=2", "first.n=3"), "SUCCESS")
    assert slurm.outcomes() == expected | {"second": "FAILED", "third": "BLOCKED"}
    batches = {job["batch"]: job["slurm_job_id"] for job in slurm.status()["jobs"] if job["name"] in expected}
    for batch, number in batches.items():
        shown = slurm.run("squeue", "--states=all", "-h", "-j", number, "-o", "%j").stdout.strip()
        assert shown == f"batch_{batch}"
    _mend_and_finish(slurm, "slurm-sbatch")
