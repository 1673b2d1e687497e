"""What Slurm signals has no verdict: jobs that end by themselves in that moment are INTERRUPTED, and run again."""

import os
import signal

import pytest
from slurm_workspace import SlurmWorkspace

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]

both_profiles = pytest.mark.parametrize("profile", ["slurm-sbatch", "fastslurm"])

JOBS = """
jobs:
  - name: exits
    command: [sh, -c, "trap 'exit 1' TERM; echo up >> {tree}/up; test -e {tree}/go || { sleep 60 & wait; }"]
    parameters: {n: [1, 2, 3]}
    timeout: 2m
  - name: goes_on
    command: [sh, -c, "trap : TERM; echo up >> {tree}/up; test -e {tree}/go || sleep 60; echo the end"]
    parameters: {n: [1, 2]}
    timeout: 2m
  - name: again
    command: [sh, -c, "trap 'exit 64' TERM; echo up >> {tree}/up; test -e {tree}/go || { sleep 60 & wait; }"]
    timeout: 2m
"""
NUMBER = 6


@pytest.mark.parametrize("how", ["requeue", "scancel", "interrupt"])
@both_profiles
def test_no_verdict_from_after_the_signal(slurm: SlurmWorkspace, profile: str, how: str) -> None:
    """Of a batch that is requeued, cancelled, or whose Snakemake was stopped, no job passed or failed."""
    slurm.write("a.jobs.yaml", JOBS.replace("{tree}", str(slurm.tree)))
    slurm.generate_for_slurm("-b", "spec=count:1", "-b", "retry=any:2")
    up = slurm.tree / "up"
    plain = ("--default-resources", "slurm_account='lab'", "slurm_extra='--requeue'")
    with slurm.running(profile, *({"fastslurm": ("--fastslurm-requeue",)}.get(profile, plain))) as run:
        slurm.wait_until(lambda: up.exists() and up.read_text().count("up") == NUMBER)
        number = slurm.job("again")["slurm_job_id"]
        if how == "interrupt":
            os.kill(run.pid, signal.SIGINT)
        else:
            assert slurm.run(*(["scontrol", "requeue"] if how == "requeue" else ["scancel"]), number).returncode == 0
        if how == "requeue":  # Slurm would start it again in two minutes
            slurm.wait_until(lambda: slurm.run("squeue", "-h", "-j", number, "-o", "%T").stdout == "PENDING\n")
            os.kill(run.pid, signal.SIGINT)
    verdicts = {event["outcome"] for event in slurm.journal() if event["event"] in {"job_finished", "job_retried"}}
    assert verdicts <= {"INTERRUPTED", "CANCELLED"}, slurm.journal()
    assert set(slurm.outcomes().values()) == {"CANCELLED" if how == "scancel" else "INTERRUPTED"}
    (slurm.tree / "go").touch()
    if how == "scancel":
        assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    done = slurm.snakemake(profile=profile)
    assert done.returncode == 0, done.stderr
    assert set(slurm.outcomes().values()) == {"SUCCESS"}
    assert up.read_text().count("up") == 2 * NUMBER
