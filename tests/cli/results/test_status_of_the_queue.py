"""`status` says why submitted batches wait, by one question to Slurm, and says the rest without an answer."""

import os
import time

import pytest
from workspace import Workspace

from canary_wf.report.live import queue
from canary_wf.report.live.queue import SlurmQueue
from canary_wf.report.session import load_session
from canary_wf.resources.slurm import jobs as slurm_queue
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.state.submission import note_submitted

JOBS = "jobs:\n  - {name: a, command: ['true', '${n}'], parameters: {n: [1, 2, 3, 4]}}\n"


@pytest.fixture
def queued(workspace: Workspace) -> Workspace:
    """Return a workspace whose four batches were submitted, one of them as a task of an array."""
    workspace.write("a.jobs.yaml", JOBS)
    workspace.generate("-r", "cpus=4", "-b", "spec=count:max", scheduler="slurm")
    paths = _paths(workspace)
    batches = sorted({job.batch for job in load_session(paths).plan.jobs})
    for batch, job in zip(batches, ("7", "8", "9", "10_2"), strict=True):
        note_submitted(paths.batch(batch).submission, time.time(), job)
    programs = workspace.tree.parent / "bin"
    programs.mkdir()
    workspace.environment["PATH"] = f"{programs}{os.pathsep}{workspace.environment['PATH']}"
    return workspace


def _paths(workspace: Workspace) -> SessionPaths:
    return SessionPaths(workspace.out, session_names(workspace.out)[-1])


def _squeue(workspace: Workspace, script: str) -> None:
    program = workspace.tree.parent / "bin" / "squeue"
    program.write_text(f'#!/bin/sh\necho "$@" >> {workspace.tree.parent}/calls\n{script}\n')
    program.chmod(0o755)


def test_slurms_reason_is_shown(queued: Workspace) -> None:
    """Grouped at the end, and with each job; a batch that begins has none."""
    answers = ("7|PENDING|PartitionDown", "8|PENDING|Resources", "9|RUNNING|None", "10_2|PENDING|PartitionDown")
    _squeue(queued, "\n".join(f"echo '{answer}'" for answer in answers))
    told = queued.canary_wf("status", "-d", queued.out).stdout
    assert "2 batches: waits in Slurm's queue: PartitionDown\n1 batch: waits in Slurm's queue: Resources\n" in told
    reasons = {job["slurm_job_id"]: job["reason"] for job in queued.status()["jobs"]}
    assert reasons == {
        "7": "waits in Slurm's queue: PartitionDown",
        "8": "waits in Slurm's queue: Resources",
        "9": None,
        "10_2": "waits in Slurm's queue: PartitionDown",
    }
    calls = (queued.tree.parent / "calls").read_text().splitlines()
    assert len(calls) == 2
    assert "--jobs=10_2,7,8,9 " in calls[0]


def test_a_slurm_that_does_not_answer_stops_nobody(queued: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails or hangs: what is known is shown soon, and a live view leaves it in peace for a while."""
    _squeue(queued, "exit 1")
    assert {job["phase"] for job in queued.status()["jobs"]} == {"SUBMITTED"}
    _squeue(queued, "exec sleep 60")
    monkeypatch.setenv("PATH", queued.environment["PATH"])
    monkeypatch.setattr(slurm_queue.ask_queue, "__defaults__", (0.2,))
    view, state = SlurmQueue(), load_session(_paths(queued))
    begun = time.monotonic()
    assert view.explain(state) is view.explain(state) is state
    assert time.monotonic() - begun < queue.PAUSE / 10
    assert len((queued.tree.parent / "calls").read_text().splitlines()) == 2
