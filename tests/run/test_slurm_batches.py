"""Batches in a Slurm allocation: one runner a step, less than was planned, several nodes, GPU ids as they come."""

import json
from pathlib import Path

import pytest
from factories import plan_of, planned, shell, spec

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.report.session import load_session
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.slurm.allocation import allocated_resources
from canary_wf.run.capacity import Capacity
from canary_wf.run.job.environment import id_variables
from canary_wf.run.runner import main
from canary_wf.state.events import AttemptStarted
from canary_wf.state.journal import JournalWriter
from canary_wf.state.session_paths import SessionPaths

SHOWN = """JobId=7 JobName=x
   NodeList=n[1-2]
     Nodes=n[1-2] CPU_IDs=0-3 Mem=2000 GRES=gpu:2(IDX:0-1)
"""


def _run(out: Path, plan: Plan) -> tuple[int, SessionPaths]:
    paths = write_session(plan, out)
    return main([plan.batches[0].id, "--plan", str(paths.plan)]), paths


def test_a_second_task_of_a_step_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else two runners would take the batch from one another; nothing is touched."""
    monkeypatch.setenv("SLURM_PROCID", "1")
    code, paths = _run(tmp_path, plan_of([spec("a")]))
    assert code == 1
    assert "srun -n1" in capsys.readouterr().err
    assert not list(paths.folder.glob("batches/*/*"))


def test_a_slurm_job_that_lost_its_batch_does_not_take_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An orphan of a lost node tries again by itself; a job that Slurm starts a second time is no orphan."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    writer = JournalWriter(paths.batch(plan.batches[0].id).journal)
    for number, slurm_job in enumerate(["7", "8"]):
        writer.append(AttemptStarted(time=number, token=str(number), host="h", pid=1, slurm_job_id=slurm_job))
    writer.close()
    before = writer.path.read_bytes()
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert main([plan.batches[0].id, "--plan", str(paths.plan)]) == 4
    assert "is run by Slurm job 8 now" in capsys.readouterr().err
    assert writer.path.read_bytes() == before
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    assert main([plan.batches[0].id, "--plan", str(paths.plan)]) == 0


def test_a_smaller_allocation_runs_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is missing, and which job did not run for it; that one has no verdict, so it runs another time."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5a")
    jobs = [shell("fits", 'echo "$CUDA_VISIBLE_DEVICES"', gpus=1), spec("wide", cpus=2), spec("gpus", gpus=2)]
    code, paths = _run(tmp_path, plan_of(jobs, gpus=2))
    told = capsys.readouterr()
    assert code == 1
    assert "less than was planned: 1 of 2 cpus, 1 of 2 gpus" in told.out
    assert "job wide cannot run with the resources of this batch" in told.err
    assert "job gpus cannot run with the resources of this batch" in told.err
    found = {job["name"]: job for job in load_session(paths).as_dict()["jobs"]}
    assert {name: job["outcome"] for name, job in found.items()} == {"fits": "SUCCESS", "wide": "NONE", "gpus": "NONE"}
    assert found["fits"]["gpu_ids"] == ["GPU-5a"]
    assert (paths.jobs / "fits" / "canary-out.txt").read_text() == "GPU-5a\n"
    assert found["fits"]["slurm_job_id"] == "7"


@pytest.mark.parametrize(
    ("variable", "text", "ids"),
    [
        ("CUDA_VISIBLE_DEVICES", "2,3", ["2", "3"]),
        ("CUDA_VISIBLE_DEVICES", "GPU-1f,GPU-2e", ["GPU-1f", "GPU-2e"]),
        ("CUDA_VISIBLE_DEVICES", "MIG-1/2/0,MIG-1/3/0", ["MIG-1/2/0", "MIG-1/3/0"]),
        ("ROCR_VISIBLE_DEVICES", "0,GPU-x", ["0", "GPU-x"]),
        ("SLURM_JOB_GPUS", "0-1", ["0", "1"]),
    ],
)
def test_jobs_get_gpu_ids_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str, ids: list[str]
) -> None:
    """Numbers, UUIDs and names of MIG instances, one for each of two jobs."""
    for name in ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "2")
    monkeypatch.setenv(variable, text)
    jobs = [shell(name, 'echo "$CANARY_GPU_IDS $ROCR_VISIBLE_DEVICES"; sleep 0.3', gpus=1) for name in "ab"]
    code, paths = _run(tmp_path, plan_of(jobs, gpus=2))
    assert code == 0
    seen = [(paths.jobs / name / "canary-out.txt").read_text().split() for name in "ab"]
    assert sorted(seen) == sorted([name, name] for name in ids)
    assert [json.loads((paths.jobs / name / "job.json").read_text())["gpu_ids"] for name in "ab"] == [
        [pair[0]] for pair in seen
    ]


def test_a_batch_of_several_nodes_asks_the_controller() -> None:
    """In no step of its own the step's variables are missing: CPUs, memory and nodes come from `scontrol`."""
    environment = {"SLURM_JOB_ID": "7", "SLURMD_NODENAME": "n2", "CUDA_VISIBLE_DEVICES": "0,1"}
    found = allocated_resources(environment, range(16), lambda _: SHOWN, several_nodes=True)
    assert found is not None
    assert found.pool.slots_per_resource_type == {"cpus": 4, "gpus": 2}
    assert (found.memory, found.nodes) == (2000, ("n1", "n2"))


def test_a_job_of_several_nodes_has_them_for_itself() -> None:
    """All of each, and their names; one that wants more than there is never starts, and says why."""
    pool = ResourcePool()
    pool.populate(cpus=4, gpus=2)
    capacity = Capacity(pool, None, None, ("n1", "n2", "n3"))
    wide, small = planned(spec("wide", nodes=2, cpus=8, gpus=1)), planned(spec("small"))
    taken = capacity.take(wide)
    assert taken is not None
    assert {kind: [item["id"] for item in items] for kind, items in taken.items()} == {
        "cpus": ["0", "1", "2", "3"],
        "gpus": ["0", "1"],
        "nodes": ["n1", "n2"],
    }
    assert capacity.take(small) is None
    capacity.give_back(wide, taken)
    assert capacity.take(small) is not None
    assert capacity.take(wide) is None
    assert capacity.why_never(planned(spec("x", nodes=4))) == "needs 4 nodes, there are 3"
    assert capacity.why_never(planned(spec("x", nodes=2, cpus=9))) == "needs 9 cpus, 2 nodes have 8"
    variables = id_variables(taken)
    assert (variables["SLURM_JOB_NODELIST"], variables["SLURM_NNODES"]) == ("n1,n2", "2")
    assert variables["CANARY_NODES_IDS"] == "n1,n2"
