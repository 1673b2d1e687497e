"""Asking Slurm how jobs ended: one squeue for all, one sacct for what it forgot, nothing where neither answers."""

import time
from pathlib import Path

import pytest

from canary_wf.resources.slurm import jobs as slurm_jobs
from canary_wf.resources.slurm.command import Answer
from canary_wf.resources.slurm.jobs import ask_states, cancel, describe_end, ended, lives


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _program(folder: Path, name: str, answer: str, code: int = 0) -> None:
    (folder / f"{name}.answer").write_text(answer)
    (folder / name).write_text(
        f"#!/bin/sh\necho {name} \"$@\" >> '{folder}/calls'\n/bin/cat '{folder}/{name}.answer'\nexit {code}\n"
    )
    (folder / name).chmod(0o755)


def test_one_query_for_all_and_one_for_the_forgotten(programs: Path) -> None:
    """Array tasks are known by both of their ids."""
    _program(programs, "squeue", "12|12|TIMEOUT\n13_2|15|RUNNING\n99|99|FAILED\n")
    _program(programs, "sacct", "14|14|CANCELLED by 1000\n")
    assert ask_states(["12", "13_2", "14", "12"]) == {"12": "TIMEOUT", "13_2": "RUNNING", "14": "CANCELLED"}
    calls = (programs / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["squeue", "sacct"]
    assert "--jobs=12,13_2,14" in calls[0]
    assert "--jobs=14" in calls[1]
    assert ask_states(["15"]) == {"15": "RUNNING"}


def test_a_job_that_only_the_accounting_takes_for_living_is_lost(programs: Path) -> None:
    """Where the controller answers and does not know it; one that does not answer proves nothing."""
    _program(programs, "sacct", "14|14|running\n15|15|REVOKED\n")
    _program(programs, "squeue", "")
    assert ask_states(["14", "15"]) == {"15": "REVOKED"}
    assert ask_states(["14"]) == {}
    assert "--jobs=14,14 " in (programs / "calls").read_text()
    _program(programs, "squeue", "", 1)
    assert ask_states(["14"]) == {"14": "RUNNING"}


def test_ten_thousand_jobs_are_asked_after_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is looked through once, not once a job."""
    answer = "".join(f"{job}|{job}|RUNNING\n" for job in range(20_000))
    monkeypatch.setattr(slurm_jobs, "ask_slurm", lambda *_: Answer(answer, ok=True))
    begun = time.process_time()
    assert len(ask_states(map(str, range(20_000)))) == 20_000
    assert time.process_time() - begun < 2.0


def test_more_jobs_than_fit_one_command_are_asked_after_by_several(programs: Path) -> None:
    """Linux refuses an argument of 128 KiB; whoever did not ask would take waiting batches for gone."""
    answer = "".join(f"{job}|{job}|PENDING\n" for job in range(1_000_000, 1_020_000))
    _program(programs, "squeue", answer)
    _program(programs, "scancel", "")
    jobs = [str(job) for job in range(1_000_000, 1_020_000)]
    assert ask_states(jobs) == dict.fromkeys(jobs, "PENDING")
    asked = (programs / "calls").read_text().split()
    assert sorted(job for word in asked if "--jobs=" in word for job in word[7:].split(",")) == jobs
    (programs / "calls").unlink()
    cancel(jobs)
    assert [word for word in (programs / "calls").read_text().split() if word.isdecimal()] == jobs


@pytest.mark.parametrize(
    ("said", "state"), [("CANCELLED by 0", "CANCELLED"), ("RUNNING", "COMPLETING"), ("", "COMPLETING")]
)
def test_the_accounting_knows_how_a_completing_job_ended(programs: Path, said: str, state: str) -> None:
    """The queue does not tell before the node has cleared up; of one that runs or waits only the queue is right."""
    _program(programs, "squeue", "12|12|COMPLETING\n13|13|RUNNING\n")
    _program(programs, "sacct", f"12|12|{said}\n" if said else "")
    assert ask_states(["12", "13"]) == {"12": state, "13": "RUNNING"}
    assert "--jobs=12 " in (programs / "calls").read_text().splitlines()[1]


def test_nothing_is_asked_for_what_is_no_id(programs: Path) -> None:
    """Nor is Slurm needed for nothing."""
    assert ask_states([]) == ask_states(["", "x", "1;rm", "_1", "--help"]) == {}
    cancel(["--all"])
    assert not (programs / "calls").exists()


@pytest.mark.parametrize("there", [False, True])
def test_without_an_answer_nothing_is_known(programs: Path, there: bool) -> None:
    """No Slurm, or one that fails; damage is no answer."""
    if there:
        _program(programs, "squeue", "slurm_load_jobs error: Invalid job id specified", 1)
        _program(programs, "sacct", "Slurm accounting storage is disabled", 1)
    assert ask_states(["12"]) == {}


def test_jobs_are_taken_back_by_one_call(programs: Path) -> None:
    """All of them."""
    _program(programs, "scancel", "")
    cancel(["12", "13_1"])
    assert (programs / "calls").read_text() == "scancel --quiet 12 13_1\n"


def test_states_in_words() -> None:
    """Ends that left work undone have words; others are no ends of that kind."""
    assert describe_end("12", "NODE_FAIL") == "Slurm job 12 lost its node (NODE_FAIL)"
    assert not any(ended(state) for state in ("PENDING", "RUNNING", "COMPLETED", "COMPLETING", "REQUEUED"))
    assert all(lives(state) for state in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED"))
    assert not any(lives(state) for state in ("", "COMPLETED", "CANCELLED", "TIMEOUT"))
