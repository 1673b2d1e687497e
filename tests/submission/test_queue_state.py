"""The status script of the profile `slurm-sbatch`: one list for all jobs, and never a wrong end."""

import os
import subprocess
from pathlib import Path

import pytest

from canary_wf.shipped import shipped_folder

SCRIPT = shipped_folder("profiles") / "slurm-sbatch" / "queue-state.sh"


class _Queue:
    """A folder in which Snakemake would run, with a squeue that counts how often it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".snakemake").mkdir()
        (folder / "bin").mkdir()

    def program(self, name: str, answer: str, code: int = 0) -> None:
        (self.folder / f"{name}.answer").write_text(answer)
        script = (
            f"#!/bin/sh\necho \"$@\" >> '{self.folder}/{name}.calls'\ncat '{self.folder}/{name}.answer'\nexit {code}\n"
        )
        (self.folder / "bin" / name).write_text(script)
        (self.folder / "bin" / name).chmod(0o755)

    def calls(self, name: str) -> int:
        path = self.folder / f"{name}.calls"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def state(self, job: str, seconds: int = 600) -> str:
        return self.ask(job, seconds).stdout.strip()

    def ask(self, job: str, seconds: int | str = 600) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "CANARY_WF_QUEUE_SECONDS": str(seconds)}
        return subprocess.run(
            ["sh", SCRIPT, job], cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        )


@pytest.fixture
def queue(tmp_path: Path) -> _Queue:
    """Return a queue with the programs of a Slurm that knows nothing."""
    found = _Queue(tmp_path)
    found.program("squeue", "")
    found.program("sacct", "", 1)
    return found


def test_all_jobs_are_answered_from_one_list(queue: _Queue) -> None:
    """Each state in Snakemake's words; the last line of a job counts."""
    states = {"PENDING": "running", "RUNNING": "running", "COMPLETING": "running", "SUSPENDED": "running"}
    states |= {"COMPLETED": "success", "FAILED": "failed", "TIMEOUT": "failed", "CANCELLED": "failed"}
    states |= {"NODE_FAIL": "failed", "OUT_OF_MEMORY": "failed", "PREEMPTED": "failed", "REQUEUED": "running"}
    jobs = {str(number): state for number, state in enumerate(states, start=1)}
    queue.program("squeue", "".join(f"{job}|{state}\n" for job, state in jobs.items()) + "1|COMPLETED\n")
    assert queue.state("1") == "success"
    for job in list(jobs)[1:]:
        assert queue.state(job) == states[jobs[job]]
    assert queue.calls("squeue") == 1


def test_a_job_that_is_not_in_the_list_waits_for_the_next_one(queue: _Queue) -> None:
    """It was submitted since; that costs no question of its own."""
    queue.program("squeue", "1|RUNNING\n")
    assert queue.state("1") == "running"
    queue.program("squeue", "1|COMPLETED\n2|RUNNING\n")
    assert [queue.state("1"), queue.state("2"), queue.state("3")] == ["running"] * 3
    assert queue.calls("squeue") == 1
    assert [queue.state("1", 0), queue.state("2")] == ["success", "running"]
    assert queue.calls("squeue") == 2


def test_a_controller_that_does_not_answer_ends_nothing_and_is_left_in_peace(queue: _Queue) -> None:
    """The job may well run, and what the old list says stands; jobs that ask one after the other ask it once."""
    queue.program("squeue", "1|COMPLETED\n2|RUNNING\n")
    assert queue.state("1") == "success"
    queue.program("squeue", "slurm_load_jobs error", 1)
    assert [queue.state("2", 0)] + [queue.state(job) for job in ("1", "2", "3")] == [
        "running",
        "success",
        "running",
        "running",
    ]
    assert (queue.calls("squeue"), queue.calls("sacct")) == (2, 0)
    assert not list((queue.folder / ".snakemake").glob("*.[0-9]*"))


def test_one_question_for_all_jobs_that_the_controller_forgot(queue: _Queue) -> None:
    """The accounting knows them, or they are over and Snakemake looks for their results; none is asked for again."""
    jobs = [str(number) for number in range(1, 7)]
    assert {queue.state(job) for job in jobs} == {"running"}
    queue.program("squeue", "6|RUNNING\n")
    queue.program("sacct", "1|COMPLETED\n2|CANCELLED by 0\n3|TIMEOUT\n4|RUNNING\n")
    found = [queue.state("1", 0), *(queue.state(job) for job in jobs[1:])]
    assert found == ["success", "failed", "failed", "running", "success", "running"]
    assert (queue.calls("squeue"), queue.calls("sacct")) == (2, 1)
    assert "--jobs=1,2,3,4,5 " in (queue.folder / "sacct.calls").read_text()
    queue.program("sacct", "4|COMPLETED\n")
    assert [queue.state("4", 0), queue.state("5"), queue.state("6")] == ["success", "success", "running"]
    assert "--jobs=4 " in (queue.folder / "sacct.calls").read_text().splitlines()[1]


@pytest.mark.parametrize(
    ("answer", "code", "state"),
    [
        ("1|COMPLETED\n", 0, "success"),
        ("1|CANCELLED by 0\n", 0, "failed"),
        ("1|RUNNING\n", 0, "running"),
        ("", 1, "success"),
        ("1|completed\n", 0, "success"),
        ("sacct: warning: something is deprecated\n1|TIMEOUT\n", 0, "failed"),
        ("1|OUT_OF_ME+\n", 0, "failed"),
        *(
            (f"1|{word}\n", 0, "failed")
            for word in ("REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL", "EXPIRED", "DEADLINE")
        ),
    ],
)
def test_a_job_that_the_controller_forgot(queue: _Queue, answer: str, code: int, state: str) -> None:
    """One that has no accounting, too."""
    queue.program("sacct", answer, code)
    assert [queue.state("1", 0), queue.state("1", 0)] == ["running", state]


@pytest.mark.parametrize(
    "state", ["REQUEUED", "RUNNING", "SPECIAL_EXIT", "STOPPED", "RESIZING", "requeue_hold", "NEW_WORD"]
)
def test_a_job_that_is_in_no_queue_is_over_after_a_few_rounds(queue: _Queue, state: str) -> None:
    """Whatever the accounting keeps saying of it; that is told, and Snakemake looks for the job's result."""
    queue.program("sacct", f"7_3|{state}\n")
    answers = [queue.ask("7_3", 0) for _ in range(6)]
    assert [answer.stdout.strip() for answer in answers] == ["running"] * 4 + ["success"] * 2
    told = "".join(answer.stderr for answer in answers)
    assert told == f"canary-wf: Slurm job 7_3 is in no queue, and sacct says {state.upper()}: taken for over\n"
    assert len((queue.folder / ".snakemake" / "canary-wf-ended").read_text().splitlines()) == 1
    assert queue.calls("sacct") == 4


def test_a_job_that_comes_back_into_the_queue_lives(queue: _Queue) -> None:
    """What the queue says goes before what was thought of the job; a state that nobody knows is told once."""
    queue.program("sacct", "1|RUNNING\n")
    assert [queue.state("1", 0) for _ in range(5)][-1] == "success"
    queue.program("squeue", "1|PONDERING\n")
    answers = [queue.ask("1", 0), queue.ask("1", 0)]
    assert [answer.stdout.strip() for answer in answers] == ["running", "running"]
    assert [answer.stderr.count("a state that is not known here") for answer in answers] == [1, 0]


def test_a_clock_that_was_set_back_stops_no_question(queue: _Queue) -> None:
    """Else a run would wait until that time comes again."""
    queue.program("squeue", "7|RUNNING\n")
    assert queue.state("7") == "running"
    asked = queue.folder / ".snakemake" / "canary-wf-asked"
    os.utime(asked, (asked.stat().st_mtime + 86400,) * 2)
    queue.program("squeue", "7|COMPLETED\n")
    assert queue.state("7") == "success"
    assert queue.calls("squeue") == 2


def test_what_is_not_a_number_of_seconds_is_named(queue: _Queue) -> None:
    """Slurm is asked all the same, after the usual time."""
    queue.program("squeue", "7|RUNNING\n")
    done = queue.ask("7", "5s")
    assert done.stdout == "running\n"
    assert done.stderr == "canary-wf: CANARY_WF_QUEUE_SECONDS=5s is not a whole number: taken for 5\n"
    asked = queue.folder / ".snakemake" / "canary-wf-asked"
    os.utime(asked, (asked.stat().st_mtime - 60,) * 2)
    queue.program("squeue", "7|COMPLETED\n")
    assert queue.ask("7", "5s").stdout == "success\n"
