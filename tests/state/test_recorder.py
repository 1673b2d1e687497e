"""The recorder: every event is in the journal first, and `job.json` always says what the journal says."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, spec

from canary_wf.hooks.dispatch import Hooks
from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.state.events import AttemptStarted, Event, JobFinished, JobLaunched, JobReset, JobStarted
from canary_wf.state.journal import read_journal
from canary_wf.state.recorder import WRITTEN_AFTER, Recorder
from canary_wf.state.recording import reopen_recorder
from canary_wf.state.session_paths import SessionPaths

A = spec("a").id
LIFE: list[Event] = [
    AttemptStarted(time=1.0, token="t", host="h", pid=1, slurm_job_id="77"),
    JobStarted(time=2.0, job=A, resources={"cpus": [{"id": "3", "slots": 1}], "gpus": [{"id": "1", "slots": 1}]}),
    JobLaunched(time=3.0, job=A, pid=9, started_ticks=5),
    JobFinished(time=4.0, job=A, outcome="FAILED", reason="exit code 3", code=3, measurements={"duration": 1.5}),
]


def _session(out: Path) -> tuple[Plan, SessionPaths, Recorder]:
    plan = plan_of([spec("a"), spec("b", "a")])
    paths = write_session(plan, out)
    return plan, paths, reopen_recorder(paths, plan.batches[0].id)


def _job_file(paths: SessionPaths, name: str = "a") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((paths.job(name) / "job.json").read_text())
    return content


def test_the_job_file_follows_the_life_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running with ids, then the verdict with code, reason and measurements."""
    monkeypatch.setattr("canary_wf.state.recorder.WRITTEN_AFTER", 0.0)
    _, paths, recorder = _session(tmp_path)
    for event in LIFE[:3]:
        recorder(event)
    assert recorder.write_running() == math.inf
    running = _job_file(paths)
    assert (running["phase"], running["outcome"], running["code"]) == ("RUNNING", "NONE", None)
    assert (running["cpu_ids"], running["gpu_ids"], running["slurm_job_id"]) == (["3"], ["1"], "77")
    recorder(LIFE[3])
    done = _job_file(paths)
    assert (done["phase"], done["category"], done["outcome"]) == ("DONE", "FAIL", "FAILED")
    assert (done["code"], done["reason"], done["duration"]) == (3, "exit code 3", 1.5)
    recorder.close()


def test_no_file_is_written_for_a_job_to_which_nothing_happened(tmp_path: Path) -> None:
    """No state file means PENDING."""
    _, paths, recorder = _session(tmp_path)
    recorder(LIFE[0])
    assert list(paths.jobs.iterdir()) == []
    recorder.close()


def test_every_event_is_in_the_journal_when_its_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is the truth: whoever sees the file finds the event in the journal."""
    plan, paths, recorder = _session(tmp_path)
    seen: list[str] = []

    def written(*_: object) -> None:
        state = read_journal(paths.batch(plan.batches[0].id).journal)
        seen.append(state.record(A).phase.value)

    monkeypatch.setattr("canary_wf.state.recorder.write_job_file", written)
    monkeypatch.setattr("canary_wf.state.recorder.WRITTEN_AFTER", 0.0)
    for event in LIFE:
        recorder(event)
        recorder.write_running()
    assert seen == ["RUNNING", "DONE"]
    recorder.close()


def test_a_recorder_goes_on_where_the_journal_ends(tmp_path: Path) -> None:
    """A second attempt knows what the first one wrote."""
    plan, paths, recorder = _session(tmp_path)
    for event in LIFE:
        recorder(event)
    recorder.close()
    again = reopen_recorder(paths, plan.batches[0].id)
    assert again.state.record(A).status.outcome.name == "FAILED"
    again(JobReset(time=5.0, job=A))
    again.close()
    assert read_journal(paths.batch(plan.batches[0].id).journal).record(A).phase.value == "PENDING"
    assert _job_file(paths)["phase"] == "PENDING"


def test_a_short_job_is_told_of_once(tmp_path: Path) -> None:
    """Its state file is written when it has ended, and is due before only for a job that goes on."""
    _, paths, recorder = _session(tmp_path)
    for event in LIFE[:3]:
        recorder(event)
    assert 0 < recorder.write_running() <= WRITTEN_AFTER
    assert not paths.jobs.exists() or list(paths.jobs.rglob("job.json")) == []
    recorder(LIFE[3])
    assert _job_file(paths)["phase"] == "DONE"
    assert recorder.write_running() == math.inf
    recorder.close()


def test_a_script_that_asks_which_job_it_is_finds_its_file(tmp_path: Path) -> None:
    """The file of a `.pyt` job is there before its process is."""
    test = spec("a", kind="pyt", command=("a.pyt",))
    plan = plan_of([test])
    paths = write_session(plan, tmp_path)
    recorder = reopen_recorder(paths, plan.batches[0].id)
    recorder(LIFE[0])
    recorder(JobStarted(time=2.0, job=test.id))
    assert _job_file(paths)["phase"] == "RUNNING"
    recorder.close()


@pytest.mark.parametrize("resumed", [False, True])
def test_a_file_of_an_earlier_run_is_replaced_at_once(tmp_path: Path, *, resumed: bool) -> None:
    """A job that runs again does not look as if it had its verdict."""
    plan, paths, recorder = _session(tmp_path)
    for event in LIFE:
        recorder(event)
    if resumed:
        recorder.close()
        recorder = reopen_recorder(paths, plan.batches[0].id)
    recorder(LIFE[1])
    assert _job_file(paths)["phase"] == "RUNNING"
    recorder.close()


def test_dependencies_are_told_with_their_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job finds what its upstream made."""
    monkeypatch.setattr("canary_wf.state.recorder.WRITTEN_AFTER", 0.0)
    plan, paths, recorder = _session(tmp_path)
    recorder(LIFE[0])
    recorder(JobStarted(time=2.0, job=plan.jobs[1].id))
    recorder.write_running()
    recorder.close()
    (upstream,) = _job_file(paths, "b")["dependencies"]
    assert upstream == {
        "id": A,
        "name": "a",
        "when": "on_success",
        "directory": f".canary-wf/sessions/{paths.session}/jobs/a",
    }


def test_hooks_call_all_listeners_in_order() -> None:
    """The first is the recorder, so state is written before anybody hears of it."""
    heard: list[str] = []
    hooks = Hooks([lambda _: heard.append("recorder")])
    hooks.add(lambda event: heard.append(type(event).__name__))
    hooks.emit(LIFE[0])
    assert heard == ["recorder", "AttemptStarted"]
