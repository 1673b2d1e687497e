"""`canary-wf run` on a cluster: it picks the profile, stops early on all nodes, and takes back what is queued."""

import signal
import subprocess

import pytest
from slurm_workspace import SlurmWorkspace
from workspace import BIN

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]


def test_a_run_stops_early_and_goes_on_in_slurm(slurm: SlurmWorkspace) -> None:
    """Batches that wait in the queue are taken back; the next run submits them again."""
    jobs = "".join(f"  - {{name: j{n}, command: 'false', runtime: 1s, cpus: 2}}\n" for n in range(8))
    slurm.write("a.jobs.yaml", f"jobs:\n{jobs}")
    slurm.generate_for_slurm("-b", "spec=count:max")
    done = slurm.canary_wf("run", "-d", slurm.out, "--max-fail", "1")
    assert done.returncode == 1
    failed = slurm.counts()["FAILED"]
    assert failed >= 1
    if failed < 8:
        assert f"Stopped early because 1 job failed (--max-fail 1): {8 - failed} job" in done.stdout
        again = slurm.canary_wf("run", "-d", slurm.out)
        assert f"goes on: {8 - failed} of 8 jobs left to run" in again.stdout
    assert slurm.counts() == {"FAILED": 8}
    (session,) = slurm.out.glob(".canary-wf/sessions/*")
    assert "$ snakemake --profile slurm " in (session / "snakemake.log").read_text()


def test_a_paused_run_leaves_nothing_in_the_queue(slurm: SlurmWorkspace) -> None:
    """And its jobs have no verdict."""
    up = slurm.tree / "up"
    slurm.write("a.jobs.yaml", f"jobs: [{{name: a, command: [sh, -c, 'touch {up}; exec sleep 600']}}]")
    slurm.generate_for_slurm()
    command = [str(BIN / "canary-wf"), "run", "-d", str(slurm.out)]
    with subprocess.Popen(
        command, env=slurm.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        slurm.wait_until(up.exists)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (143, "")
    assert out.splitlines()[-1].startswith("Go on: canary-wf run -d ")
    assert slurm.outcomes() == {"a": "INTERRUPTED"}
    job = slurm.job("a")["slurm_job_id"]
    slurm.wait_until(lambda: slurm.run("squeue", "-h", "-j", job, "-o", "%T").stdout in {"", "COMPLETING\n"})
