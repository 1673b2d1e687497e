"""The exact `sbatch` calls of the profiles, recorded by a stand-in that refuses every job."""

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from workspace import Workspace

from canary_wf.sessions import load_plan
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import JournalWriter
from canary_wf.state.session_paths import SessionPaths, session_names

GOLDEN = Path(__file__).parent / "golden"

JOBS = """
jobs:
  - {name: one, command: 'true', cpus: 2, memory: 1GiB, timeout: 5m}
  - {name: two, command: 'true', gpus: 2, cpus: 4, timeout: 20m}
  - {name: three, command: 'true', nodes: 2, cpus: 16, timeout: 50m}
  - {name: four, command: 'true', nodes: 2, cpus: 16, gpus: 8, timeout: 100m}
"""

ALIKE = """
jobs:
  - {name: a, command: [echo, '${n}'], timeout: 5m, parameters: {n: [1, 2, 3]}}
  - {name: b, command: [echo, '${n}'], timeout: 5m, parameters: {n: [1, 2]}, cpus: 2, gpus: 1, memory: 2GiB}
"""

STAND_IN = """#!{python}
import json, sys
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit("sbatch: error: not today")
"""

PARTITIONS = """\
PartitionName=batch Default=YES MaxTime=01:50:00 TotalNodes=4
PartitionName=long MaxTime=01:00:00 TotalNodes=4
"""


class Case(NamedTuple):
    """A profile, what `generate` and `snakemake` are told, lines of the profile that are edited, and the jobs.

    With `late` every batch has run into its time limit before.
    """

    profile: str
    slurm: str
    arguments: tuple[str, ...] = ()
    edits: tuple[tuple[str, str], ...] = ()
    jobs: str = JOBS
    late: bool = False


ALL = "account=lab,partition=batch,long,qos=high,constraint=ib&big,gpu_model=a100"
ARRAYS = ("--slurm-array-jobs", "all")
EXTRA = ("# slurm_extra: '\"--mail-type=FAIL --exclusive\"'", "slurm_extra: '\"--mail-type=FAIL --exclusive\"'")
QUOTED = (EXTRA[0], """slurm_extra: '"--requeue --mail-user=''a b''"'""")

CASES = {
    "slurm": Case("slurm", ALL),
    "slurm-gres": Case("slurm", "account=lab,gpu_model=a100,gpu_style=gres"),
    "slurm-requeue-extra": Case(
        "slurm", "account=lab", edits=(EXTRA, ("# slurm-requeue: true", "slurm-requeue: true"))
    ),
    "slurm-late": Case("slurm", ALL, late=True),
    "slurm-arrays": Case("slurm", "account=lab,gpu_model=a100", ARRAYS, jobs=ALIKE),
    "slurm-sbatch": Case("slurm-sbatch", ALL),
    "slurm-sbatch-gres": Case("slurm-sbatch", "account=lab,gpu_style=gres"),
    "slurm-sbatch-extra": Case("slurm-sbatch", "account=lab", edits=(QUOTED,)),
    "slurm-sbatch-late": Case("slurm-sbatch", ALL, late=True),
}


@pytest.fixture
def recorded(tmp_path: Path) -> Workspace:
    """Return a workspace whose PATH begins with stand-ins of Slurm's commands, and whose OUT has a blank."""
    workspace = Workspace(tmp_path)
    workspace.out = tmp_path / "an out"
    programs = tmp_path / "bin"
    programs.mkdir()
    nodes = "echo 'batch*|8|16000|gpu:a100:4|ib,big'; echo 'long|8|16000|gpu:a100:4|ib,big'"
    scripts = {
        "sbatch": STAND_IN.format(python=sys.executable, record=str(tmp_path / "calls")),
        "sacctmgr": "#!/bin/sh\necho lab\n",
        "sinfo": f"#!/bin/sh\ncase $* in *%c*) {nodes};; *) echo 'batch*';; esac\n",
        "scontrol": f"#!/bin/sh\nprintf '{PARTITIONS}'\n".replace("\nPart", "\\nPart"),
        "squeue": "#!/bin/sh\n",
        "sacct": "#!/bin/sh\n",
    }
    for name, text in scripts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    workspace.environment["PATH"] = f"{programs}:{workspace.environment['PATH']}"
    return workspace


def _calls(workspace: Workspace) -> list[list[str]]:
    """Return each call once, in order, as the list of its arguments without what differs from run to run."""
    calls = (workspace.tree.parent / "calls").read_text().splitlines()
    found = {tuple(_constant(argument, workspace) for argument in json.loads(call)) for call in calls}
    return [list(call) for call in sorted(found)]


def _constant(argument: str, workspace: Workspace) -> str:
    if argument.startswith("--wrap="):
        return "--wrap=…"
    text = argument.replace(str(workspace.out), "OUT")
    for pattern, name in (
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "RUN"),
        (r"^OUT/\.snakemake/.*/snakejob\.\S+$", "SCRIPT"),
        (r"_wildcards_[0-9a-f]+", "_wildcards_BATCH"),
        (r"\d{8}T\d{6}\.\d+", "SESSION"),
    ):
        text = re.sub(pattern, name, text)
    return text


def _run_into_limits(workspace: Workspace) -> None:
    """Let every batch have ended by its time limit once."""
    plan = load_plan(workspace.out)
    paths = SessionPaths(workspace.out, session_names(workspace.out)[-1])
    for batch in plan.batches:
        writer = JournalWriter(paths.batch(batch.id).journal)
        writer.append(AttemptStarted(time=1.0, token="t", host="h", pid=1))
        writer.append(AttemptEnded(time=2.0, token="t", reason="time_limit"))
        writer.close()


@pytest.mark.parametrize("name", CASES)
def test_the_sbatch_calls_are_these(recorded: Workspace, name: str) -> None:
    """A batch of CPUs, one of GPUs, and two that take whole nodes, as each profile submits them, word by word."""
    case = CASES[name]
    recorded.write("a.jobs.yaml", case.jobs)
    spec, rules = ("count:max", "shape") if case.jobs == ALIKE else ("count:max,nodes:same", "batch")
    recorded.generate("--slurm", case.slurm, "-b", f"spec={spec}", "--rules", rules, scheduler="slurm")
    if case.late:
        _run_into_limits(recorded)
    for rule_file in recorded.out.glob("workflow/rules/*.smk"):
        rule_file.write_text(rule_file.read_text().replace("retries: 2", "retries: 0"))
    profile = recorded.out / case.profile / "config.yaml"
    text = profile.read_text().replace("status-checks: 40", "status-checks: 1")
    for before, after in case.edits:
        assert before in text
        text = text.replace(before, after)
    profile.write_text(text)
    done = recorded.snakemake(*case.arguments, profile=case.profile)
    assert done.returncode == 1
    assert "not today" in done.stderr
    assert _calls(recorded) == json.loads((GOLDEN / f"sbatch-{name}.json").read_text())
