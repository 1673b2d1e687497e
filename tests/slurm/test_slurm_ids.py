"""What jobs get on a real Slurm: ids of their own allocation, and whole nodes for jobs of several."""

import itertools
import json
import os
import re
import signal
from typing import Any

import pytest
from slurm_workspace import SlurmWorkspace

from canary_wf.resources.slurm.text import cpu_ids_of_job

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]

RECORD = """\
import json, os, subprocess, time
shown = subprocess.run(["scontrol", "show", "-d", "job", os.environ["SLURM_JOB_ID"]], capture_output=True, text=True)
began = time.time()
time.sleep(1)
ids = {kind: [name for name in os.environ[f"CANARY_{kind}_IDS"].split(",") if name] for kind in ("CPU", "GPU")}
print(json.dumps({"node": os.environ["SLURMD_NODENAME"], "began": began, "ended": time.time(), **ids,
                  "visible": os.environ["CUDA_VISIBLE_DEVICES"], "shown": shown.stdout}))
"""

JOBS = """
jobs:
  - {{name: one, command: [python3, '{script}'], runtime: 1s, cpus: 1, parameters: {{n: [1, 2, 3, 4, 5]}}}}
  - {{name: two, command: [python3, '{script}'], runtime: 1s, cpus: 2, gpus: 1, parameters: {{n: [1, 2, 3, 4, 5]}}}}
  - {{name: four, command: [python3, '{script}'], runtime: 1s, cpus: 4, gpus: 2, parameters: {{n: [1, 2, 3, 4, 5]}}}}
  - {{name: eight, command: [python3, '{script}'], runtime: 1s, cpus: 8, parameters: {{n: [1, 2, 3, 4, 5]}}}}
"""


def test_twenty_batches_never_share_an_id(slurm: SlurmWorkspace) -> None:
    """At no time do two jobs on a node have one CPU or GPU, and none has one outside of its own allocation."""
    script = slurm.write("record.py", RECORD)
    slurm.write("a.jobs.yaml", JOBS.format(script=script))
    slurm.generate_for_slurm("-b", "spec=count:max")
    done = slurm.snakemake(profile="fastslurm")
    assert done.returncode == 0, done.stderr
    jobs = slurm.status()["jobs"]
    assert len({job["batch"] for job in jobs}) == len(jobs) == 20
    records = [json.loads((slurm.out / job["log"]).read_text()) for job in jobs]
    for job, record in zip(jobs, records, strict=True):
        _check_own(job, record)
    for first, second in itertools.combinations(records, 2):
        if first["node"] == second["node"] and first["began"] < second["ended"] and second["began"] < first["ended"]:
            assert not set(first["CPU"]) & set(second["CPU"])
            assert not set(first["GPU"]) & set(second["GPU"])


def _check_own(job: dict[str, Any], record: dict[str, Any]) -> None:
    """Check that the ids are those of the job's own allocation, as many as it asked for, and as its state tells."""
    cpus, gpus = {"one": (1, 0), "two": (2, 1), "four": (4, 2), "eight": (8, 0)}[job["name"].partition(".")[0]]
    assert (len(set(record["CPU"])), len(set(record["GPU"]))) == (cpus, gpus)
    assert (job["cpu_ids"], job["gpu_ids"]) == (record["CPU"], record["GPU"])
    assert record["visible"] == ",".join(record["GPU"])
    assert {int(name) for name in record["CPU"]} <= set(cpu_ids_of_job(record["shown"], record["node"]))
    index = record["shown"].partition("GRES=gpu")[2].partition("IDX:")[2].partition(")")[0]
    assert {int(name) for name in record["GPU"]} <= _numbers(index)


def _numbers(text: str) -> set[int]:
    parts = [part.partition("-") for part in text.split(",") if part]
    return {number for first, _, last in parts for number in range(int(first), int(last or first) + 1)}


MULTI = """
jobs:
  - name: wide
    command: [sh, -c, 'echo "list $SLURM_JOB_NODELIST $SLURM_NNODES"; srun sh -c "echo on \\$SLURMD_NODENAME"']
    nodes: 2
    cpus: 16
    runtime: 1s
  - name: narrow
    command: [sh, -c, 'echo "ids $CANARY_CPU_IDS"']
    cpus: 2
    runtime: 1s
    depends_on: [wide]
"""


@pytest.mark.parametrize("profile", ["fastslurm", "slurm-sbatch"])
def test_a_job_of_several_nodes_has_them_whole(slurm: SlurmWorkspace, profile: str) -> None:
    """It starts once with the list of its nodes, and srun inside of it runs on each; both executors allow that."""
    slurm.write("a.jobs.yaml", MULTI)
    slurm.generate_for_slurm("-b", "spec=layout:atomic")
    done = slurm.snakemake(profile=profile)
    assert done.returncode == 0, done.stderr
    wide = slurm.job("wide")
    first, *rest = (slurm.out / wide["log"]).read_text().splitlines()
    nodes = first.split()[1].split(",")
    assert first.split()[2] == "2"
    assert sorted(rest) == sorted(f"on {node}" for node in nodes)
    assert len(set(nodes)) == 2
    assert len(wide["cpu_ids"]) == 8
    assert len(slurm.job("narrow")["cpu_ids"]) == 2


BROKEN_OFF = """
jobs:
  - name: wide
    command: [sh, -c, 'echo wide >> {tree}/notes; srun true']
    nodes: 2
    cpus: 16
    runtime: 1s
  - name: slow
    command: [sh, -c, 'echo slow >> {tree}/notes; while [ -e {tree}/wait ]; do sleep 0.1; done']
    nodes: 2
    cpus: 16
    gpus: 2
    runtime: 1s
    depends_on: [wide]
"""


@pytest.mark.parametrize("profile", ["fastslurm", "slurm-sbatch"])
def test_a_batch_of_several_nodes_goes_on_after_it_was_broken_off(slurm: SlurmWorkspace, profile: str) -> None:
    """Each node gives all of its GPUs, as it is taken whole; what was done on several nodes is not done again."""
    slurm.write("a.jobs.yaml", BROKEN_OFF.replace("{tree}", str(slurm.tree)))
    slurm.write("wait", "")
    slurm.generate_for_slurm("-b", "spec=layout:atomic")
    with slurm.running(profile) as run:
        slurm.wait_until(lambda: slurm.launched() == 2 and slurm.passed() == 1)
        number = slurm.job("slow")["slurm_job_id"]
        shares = re.findall(r"\bGRES=gpu:a100:(\d)", slurm.run("scontrol", "show", "-d", "job", number).stdout)
        os.kill(run.pid, signal.SIGINT)
    assert set(shares) == {"4"}
    slurm.wait_until(lambda: slurm.outcomes()["slow"] == "INTERRUPTED")
    assert slurm.outcomes() == {"wide": "SUCCESS", "slow": "INTERRUPTED"}
    (slurm.tree / "wait").unlink()
    done = slurm.snakemake(profile=profile)
    assert done.returncode == 0, done.stderr
    assert slurm.outcomes() == {"wide": "SUCCESS", "slow": "SUCCESS"}
    assert (slurm.tree / "notes").read_text().split() == ["wide", "slow", "slow"]
