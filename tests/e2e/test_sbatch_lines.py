"""The exact `sbatch` calls of the profiles, recorded by a stand-in that refuses every job."""

import re
import sys
from pathlib import Path

import pytest
from workspace import Workspace

GOLDEN = Path(__file__).parent / "golden"

JOBS = """
jobs:
  - {name: one, command: 'true', cpus: 2, memory: 1GiB, timeout: 5m}
  - {name: two, command: 'true', gpus: 2, cpus: 4, timeout: 20m}
  - {name: three, command: 'true', nodes: 2, cpus: 16, timeout: 50m}
  - {name: four, command: 'true', nodes: 2, cpus: 16, gpus: 8, timeout: 100m}
"""

STAND_IN = """#!{python}
import sys
with open({record!r}, "a") as file:
    file.write(" ".join(argument.partition("=")[0] + "=…" if argument.startswith("--wrap=") else argument
                        for argument in sys.argv) + "\\n")
sys.exit("sbatch: error: not today")
"""


@pytest.fixture
def recorded(workspace: Workspace) -> Workspace:
    """Return a workspace whose PATH begins with stand-ins of Slurm's commands."""
    programs = workspace.tree.parent / "bin"
    programs.mkdir()
    scripts = {
        "sbatch": STAND_IN.format(python=sys.executable, record=str(workspace.tree.parent / "calls")),
        "sacctmgr": "#!/bin/sh\necho lab\n",
        "sinfo": "#!/bin/sh\ncase $* in *%c*) echo 'batch*|8|16000|gpu:a100:4|(null)';; *) echo 'batch*';; esac\n",
        "scontrol": "#!/bin/sh\necho 'PartitionName=batch Default=YES MaxTime=UNLIMITED TotalNodes=4'\n",
        "squeue": "#!/bin/sh\n",
        "sacct": "#!/bin/sh\n",
    }
    for name, text in scripts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    workspace.environment["PATH"] = f"{programs}:{workspace.environment['PATH']}"
    workspace.write("a.jobs.yaml", JOBS)
    return workspace


def _calls(workspace: Workspace) -> str:
    """Return each call once, in order, without what differs from run to run."""
    text = (workspace.tree.parent / "calls").read_text()
    text = text.replace(str(workspace.out), "OUT").replace(str(workspace.tree.parent / "bin"), "BIN")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "RUN", text)
    text = re.sub(r"\S*/snakejob\.\S+", "SCRIPT", text)
    text = re.sub(r"_wildcards_[0-9a-f]+", "_wildcards_BATCH", text)
    text = re.sub(r"\d{8}T\d{6}\.\d+", "SESSION", text)
    return "".join(sorted({f"{line}\n" for line in text.splitlines()}))


OPTIONS = {
    "slurm": ("slurm", "account=lab,partition=batch,qos=high,constraint=ib&big,gpu_model=a100", ()),
    "slurm-gres": ("slurm", "account=lab,gpu_model=a100,gpu_style=gres", ()),
    "slurm-arrays": ("slurm", "account=lab", ("--slurm-array-jobs", "all")),
    "slurm-sbatch": ("slurm-sbatch", "account=lab,partition=batch,qos=high,constraint=ib&big,gpu_model=a100", ()),
    "slurm-sbatch-gres": ("slurm-sbatch", "account=lab,gpu_style=gres", ()),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_sbatch_calls_are_these(recorded: Workspace, name: str) -> None:
    """A batch of CPUs, one of GPUs, and two that take whole nodes, as each profile submits them."""
    profile, options, arguments = OPTIONS[name]
    if arguments:
        jobs = "jobs:\n  - {name: a, command: [echo, '${n}'], timeout: 5m, parameters: {n: [1, 2, 3]}}\n"
        recorded.write("a.jobs.yaml", jobs)
    spec = "spec=count:max" if arguments else "spec=count:max,nodes:same"
    rules = "shape" if arguments else "batch"
    recorded.generate("--slurm", options, "-b", spec, "--rules", rules, scheduler="slurm")
    for rule_file in recorded.out.glob("workflow/rules/*.smk"):
        rule_file.write_text(rule_file.read_text().replace("retries: 2", "retries: 0"))
    for file in recorded.out.glob("slurm*/config.yaml"):
        file.write_text(file.read_text().replace("status-checks: 40", "status-checks: 1"))
    done = recorded.snakemake(*arguments, profile=profile)
    assert done.returncode == 1
    assert "not today" in done.stderr
    assert _calls(recorded) == (GOLDEN / f"sbatch-{name}.txt").read_text()
