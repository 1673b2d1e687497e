"""A suite in a larger workflow on a real Slurm, where the suite's own handlers do not run."""

import os
import signal
from pathlib import Path

import pytest
from slurm_workspace import SlurmWorkspace

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]

JOBS = """
jobs:
  - {{name: slow, command: [sh, -c, 'while [ -e {tree}/wait ]; do sleep 0.1; done'], runtime: 1s}}
  - {{name: last, command: 'true', runtime: 1s, depends_on: [slow]}}
"""

HOST = """
module tests:
    snakefile: "../out/workflow/module.smk"
    prefix: "tests"

use rule * from tests as tests_*

rule publish:
    input:
        rules.tests_gate.output,
    output:
        "publish.txt",
    localrule: True
    default_target: True
    shell:
        "touch {output}"
"""


def _embed(slurm: SlurmWorkspace) -> Path:
    """Write a suite whose first job waits, and a larger workflow beside it; return that one's folder."""
    slurm.write("a.jobs.yaml", JOBS.format(tree=slurm.tree))
    slurm.write("wait", "")
    slurm.generate_for_slurm("-b", "spec=layout:atomic", "--module")
    host = slurm.out.parent / "host"
    host.mkdir()
    (host / "Snakefile").write_text(HOST)
    return host


@pytest.mark.parametrize("profile", ["slurm-sbatch", "fastslurm"])
def test_a_larger_workflow_stopped_by_its_user_goes_on(slurm: SlurmWorkspace, profile: str) -> None:
    """One Ctrl-C takes the Slurm jobs back; what ran is INTERRUPTED, and the next run does what is left."""
    host = _embed(slurm)
    named = str(slurm.out / profile)
    with slurm.running(named, cwd=host) as run:
        slurm.wait_until(lambda: slurm.launched() == 1)
        number = slurm.job("slow")["slurm_job_id"]
        os.kill(run.pid, signal.SIGINT)
    assert run.returncode == 1
    slurm.wait_until(lambda: slurm.run("squeue", "-h", "-t", "all", "-j", number, "-o", "%T").stdout == "CANCELLED\n")
    assert slurm.outcomes() == {"slow": "INTERRUPTED", "last": "NONE"}
    (slurm.tree / "wait").unlink()
    done = slurm.run(*slurm.snakemake_command(named), cwd=host)
    assert done.returncode == 0, done.stderr
    assert (host / "publish.txt").exists()
    assert slurm.outcomes() == {"slow": "SUCCESS", "last": "SUCCESS"}


def test_a_larger_workflow_stopped_twice_wants_no_more_of_it(slurm: SlurmWorkspace) -> None:
    """Ctrl-C pressed twice: what ran is CANCELLED once somebody settles, and not run again."""
    host = _embed(slurm)
    named = str(slurm.out / "slurm-sbatch")
    # Snakemake waits in its own cancelling when the second one comes.
    slurm.stand_in("scancel", '/usr/bin/scancel "$@"; sleep 2')
    with slurm.running(named, cwd=host) as run:
        slurm.wait_until(lambda: slurm.launched() == 1)
        number = slurm.job("slow")["slurm_job_id"]
        os.kill(run.pid, signal.SIGINT)
        slurm.wait_until(lambda: "Terminating processes" in slurm.log.read_text())
        os.kill(run.pid, signal.SIGINT)
    slurm.wait_until(lambda: slurm.run("squeue", "-h", "-t", "all", "-j", number, "-o", "%T").stdout == "CANCELLED\n")
    (slurm.tree / "wait").unlink()
    done = slurm.run(*slurm.snakemake_command(named), cwd=host)
    assert done.returncode == 1
    assert slurm.outcomes() == {"slow": "CANCELLED", "last": "CANCELLED"}
