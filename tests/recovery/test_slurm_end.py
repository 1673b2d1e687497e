"""What Slurm says of a batch's end becomes verdicts: a person's cancel is final, the machine's doing is not."""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from factories import plan_of, spec

from canary_wf.files.json_files import write_json
from canary_wf.plan.model import Plan
from canary_wf.plan.store import slices, write_session
from canary_wf.recovery import reconcile as settling
from canary_wf.recovery import slurm_end
from canary_wf.recovery.reconcile import reconcile_batches
from canary_wf.recovery.user_stop import note_user_stop, stopped_by_user
from canary_wf.run.retries import isolate_suspects
from canary_wf.snakemake import runtime_request as limits
from canary_wf.state.attempt import AttemptFile, read_attempt
from canary_wf.state.events import AttemptEnded, AttemptStarted, JobFinished, JobLaunched, JobStarted
from canary_wf.state.journal import BatchState, JournalWriter, read_journal
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_ended, note_submitted
from canary_wf.verdict.failure_class import FailureClass
from canary_wf.verdict.status import Outcome

DONE, RAN, WAITED = spec("done"), spec("ran"), spec("waited")


def _plan() -> Plan:
    return plan_of([DONE, RAN, WAITED])


def _cut_short(out: Path, *, by_signal: bool = False, why: str = "signal") -> tuple[SessionPaths, str]:
    """Write a session whose only batch did one job, ran one, and had not begun one, in Slurm job 12."""
    plan = _plan()
    paths = write_session(plan, out)
    (part,) = slices(plan)
    batch = part.batch.id
    recorder = open_recorder(paths, batch, part.jobs, part.upstreams)
    recorder(AttemptStarted(time=100.0, token="t", host="elsewhere", pid=1, slurm_job_id="12"))
    recorder(JobStarted(time=101.0, job=DONE.id))
    recorder(JobFinished(time=102.0, job=DONE.id, outcome="SUCCESS", code=0))
    recorder(JobStarted(time=103.0, job=RAN.id))
    recorder(JobLaunched(time=103.0, job=RAN.id, pid=0, started_ticks=0))
    if by_signal:
        recorder(JobFinished(time=104.0, job=RAN.id, outcome="INTERRUPTED", reason="SIGTERM", code=71))
        recorder(AttemptEnded(time=104.0, token="t", reason=why))
    recorder.close()
    write_json(paths.batch(batch).attempt, AttemptFile("here", 0, 1, token="t", ended=by_signal))
    os.utime(paths.batch(batch).attempt, (1.0, 1.0))
    return paths, batch


def _answers(monkeypatch: pytest.MonkeyPatch, states: Mapping[str, str]) -> list[list[str]]:
    """Let Slurm answer with `states`; return what it is asked for."""
    asked: list[list[str]] = []

    def answer(jobs: Iterable[str]) -> Mapping[str, str]:
        asked.append(list(jobs))
        return {job: states[job] for job in asked[-1] if job in states}

    monkeypatch.setattr(slurm_end, "ask_states", answer)
    return asked


def _found(paths: SessionPaths, batch: str) -> tuple[BatchState, dict[str, tuple[Outcome, str | None]]]:
    state = read_journal(paths.batch(batch).journal)
    named = {job.name: state.record(job.id).status for job in (DONE, RAN, WAITED)}
    return state, {name: (status.outcome, status.reason) for name, status in named.items()}


@pytest.mark.parametrize("by_signal", [False, True])
@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("TIMEOUT", "ran into its time limit"),
        ("NODE_FAIL", "lost its node"),
        ("OUT_OF_MEMORY", "ran out of memory"),
        ("PREEMPTED", "was preempted"),
        ("FAILED", "failed"),
    ],
)
def test_what_the_machine_ended_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, words: str, by_signal: bool
) -> None:
    """With Slurm's reason, whether the runner could write something or not; time is noted as the reason for more."""
    paths, batch = _cut_short(tmp_path, by_signal=by_signal)
    asked = _answers(monkeypatch, {"12": state})
    reconcile_batches(paths, [batch])
    journal, found = _found(paths, batch)
    assert asked == [["12"]]
    assert found == {
        "done": (Outcome.SUCCESS, None),
        "ran": (Outcome.INTERRUPTED, f"Slurm job 12 {words} ({state})"),
        "waited": (Outcome.NONE, None),
    }
    assert journal.ended_by_limit == (state == "TIMEOUT")
    before = paths.batch(batch).journal.read_bytes()
    reconcile_batches(paths, [batch])
    assert paths.batch(batch).journal.read_bytes() == before


@pytest.mark.parametrize("by_signal", [False, True])
def test_what_a_person_cancelled_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_signal: bool) -> None:
    """Also what had not begun; what was done stays done."""
    paths, batch = _cut_short(tmp_path, by_signal=by_signal)
    _answers(monkeypatch, {"12": "CANCELLED"})
    reconcile_batches(paths, [batch])
    cancelled = (Outcome.CANCELLED, "Slurm job 12 was cancelled (CANCELLED)")
    assert _found(paths, batch)[1] == {"done": (Outcome.SUCCESS, None), "ran": cancelled, "waited": cancelled}


def test_what_was_cancelled_late_in_its_time_did_not_run_into_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner cannot tell the two apart; Slurm can."""
    paths, batch = _cut_short(tmp_path, by_signal=True, why="time_limit")
    _answers(monkeypatch, {"12": "CANCELLED"})
    reconcile_batches(paths, [batch])
    assert {outcome for outcome, _ in _found(paths, batch)[1].values()} == {Outcome.SUCCESS, Outcome.CANCELLED}


def test_what_was_blocked_for_good_stays_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job behind a failure has its verdict; one behind a job that is cancelled is cancelled with it."""
    failed, blocked = spec("failed"), spec("blocked", "failed")
    cut, behind = spec("cut"), spec("behind", "cut")
    plan = plan_of([failed, blocked, cut, behind])
    paths = write_session(plan, tmp_path)
    (part,) = slices(plan)
    recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
    recorder(AttemptStarted(time=100.0, token="t", host="elsewhere", pid=1, slurm_job_id="12"))
    recorder(JobFinished(time=102.0, job=failed.id, outcome="FAILED", code=1))
    recorder(JobFinished(time=102.0, job=blocked.id, outcome="BLOCKED", code=81))
    recorder(JobFinished(time=103.0, job=cut.id, outcome="INTERRUPTED", code=71))
    recorder(JobFinished(time=103.0, job=behind.id, outcome="BLOCKED", code=81))
    recorder.close()
    batch = part.batch.id
    write_json(paths.batch(batch).attempt, AttemptFile("here", 0, 1, token="t", ended=False))
    os.utime(paths.batch(batch).attempt, (1.0, 1.0))
    _answers(monkeypatch, {"12": "CANCELLED"})
    reconcile_batches(paths, [batch])
    state = read_journal(paths.batch(batch).journal)
    assert [state.record(job.id).status.outcome.name for job in (failed, blocked, cut, behind)] == [
        "FAILED",
        "BLOCKED",
        "CANCELLED",
        "CANCELLED",
    ]


def test_a_long_chain_behind_a_cancelled_job_is_walked_once(tmp_path: Path) -> None:
    """Thousands of jobs that wait for one another, each blocked by the one before it."""
    names = [f"j{number}" for number in range(4000)]
    jobs = [spec(name, *names[number - 1 : number]) for number, name in enumerate(names)]
    recorder = open_recorder(SessionPaths(tmp_path, "s"), "b", jobs, ())
    recorder.state.apply(JobFinished(time=1.0, job=jobs[0].id, outcome="INTERRUPTED", code=71))
    for job in jobs[1:]:
        recorder.state.apply(JobFinished(time=1.0, job=job.id, outcome="BLOCKED", code=81))
    begun = time.process_time()
    assert slurm_end._open(recorder) == [job.id for job in jobs]
    assert time.process_time() - begun < 2.0
    recorder.close()


def test_what_a_stopped_workflow_took_back_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm calls it cancelled, too; a later attempt that a person cancels is told from it."""
    paths, batch = _cut_short(tmp_path, by_signal=True)
    _answers(monkeypatch, {"12": "CANCELLED"})
    note_user_stop(paths, 99.0)
    note_user_stop(paths, 105.0)
    reconcile_batches(paths, [batch])
    found = _found(paths, batch)[1]
    assert found["ran"][0] is Outcome.INTERRUPTED
    assert found["waited"][0] is Outcome.NONE


@pytest.mark.parametrize("states", [{}, {"12": "COMPLETED"}])
def test_where_slurm_knows_nothing_the_runner_just_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: Mapping[str, str]
) -> None:
    """Neither squeue nor sacct there: the job is to be run again all the same."""
    paths, batch = _cut_short(tmp_path)
    _answers(monkeypatch, states)
    reconcile_batches(paths, [batch])
    assert _found(paths, batch)[1]["ran"] == (Outcome.INTERRUPTED, "its runner died")


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETING", "SUSPENDED", "PENDING", "REQUEUED"])
@pytest.mark.parametrize("by_signal", [False, True])
def test_what_still_lives_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, by_signal: bool
) -> None:
    """Its runner is silent, but Slurm has not given it up: not a byte of the batch's state changes."""
    paths, batch = _cut_short(tmp_path, by_signal=by_signal)
    _answers(monkeypatch, {"12": state})
    files = paths.batch(batch)
    before = (files.journal.read_bytes(), files.attempt.read_bytes())
    reconcile_batches(paths, [batch])
    assert (files.journal.read_bytes(), files.attempt.read_bytes()) == before


@pytest.mark.parametrize("state", ["TIMEOUT", "CANCELLED"])
def test_a_newer_attempt_is_not_taken_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """It began while Slurm was asked, and knows better."""
    paths, batch = _cut_short(tmp_path)
    newer = AttemptFile("here", 0, 1, token="newer")
    _answers(monkeypatch, {"12": state})
    looked_at = slurm_end.states_of

    def begin_anew(suspects: Iterable[slurm_end.SlurmJobToCheck | None]) -> dict[str, str]:
        write_json(paths.batch(batch).attempt, newer)
        return looked_at(suspects)

    monkeypatch.setattr(settling, "states_of", begin_anew)
    before = paths.batch(batch).journal.read_bytes()
    reconcile_batches(paths, [batch])
    assert paths.batch(batch).journal.read_bytes() == before
    assert read_attempt(paths.batch(batch).attempt) == newer


def test_what_the_submitter_noted_needs_no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node may not be allowed to ask; the id of an array's task is not the one that its runner sees."""
    for number in ("12", "10_2"):
        paths, batch = _cut_short(tmp_path / number, by_signal=True)
        note_submitted(paths.batch(batch).submission, 50.0, number)
        note_ended(paths.batch(batch).submission, 110.0, "its Slurm job failed", "CANCELLED")
        asked = _answers(monkeypatch, {})
        reconcile_batches(paths, [batch])
        assert asked == [[]]
        cancelled = (Outcome.CANCELLED, "Slurm job 12 was cancelled (CANCELLED)")
        assert _found(paths, batch)[1] == {"done": (Outcome.SUCCESS, None), "ran": cancelled, "waited": cancelled}


@pytest.mark.parametrize("number", ["11", "10_1"])
def test_what_was_noted_of_another_job_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    """A batch that was started by hand, say, has no submission of its own."""
    paths, batch = _cut_short(tmp_path)
    note_submitted(paths.batch(batch).submission, 50.0, number)
    note_ended(paths.batch(batch).submission, 60.0, "its Slurm job failed", "CANCELLED")
    asked = _answers(monkeypatch, {"12": "NODE_FAIL"})
    reconcile_batches(paths, [batch])
    assert asked == [["12"]]
    assert _found(paths, batch)[1]["ran"][0] is Outcome.INTERRUPTED


def test_a_batch_cancelled_in_the_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no journal, only a submission; taken back by a stopped workflow it stays as it was."""
    plan = _plan()
    paths = write_session(plan, tmp_path)
    batch = plan.batches[0].id
    note_submitted(paths.batch(batch).submission, 50.0, "13")
    note_ended(paths.batch(batch).submission, 60.0, "its Slurm job failed")
    _answers(monkeypatch, {"13": "CANCELLED"})
    reconcile_batches(paths, [batch])
    assert {outcome for outcome, _ in _found(paths, batch)[1].values()} == {Outcome.CANCELLED}
    other = write_session(plan, tmp_path / "other")
    note_submitted(other.batch(batch).submission, 50.0, "13")
    note_user_stop(other, 55.0)
    reconcile_batches(other, [batch])
    assert not other.batch(batch).journal.exists()


@pytest.mark.parametrize(("state", "minutes"), [("TIMEOUT", 20), ("NODE_FAIL", 10)])
def test_a_retry_asks_for_more_when_slurm_says_that_time_was_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, minutes: int
) -> None:
    """Also when the runner was killed before it could write that down; it is asked once, or not when it was noted."""
    _forget(monkeypatch)
    paths, batch = _cut_short(tmp_path)
    asked = _answers(monkeypatch, {"12": state})
    assert [limits.runtime_minutes(str(paths.plan), batch, 10) for _ in range(3)] == [minutes] * 3
    assert len(asked) == 1
    _forget(monkeypatch)
    note_submitted(paths.batch(batch).submission, 50.0, "12")
    note_ended(paths.batch(batch).submission, 110.0, "its Slurm job failed", state)
    asked = _answers(monkeypatch, {})
    assert limits.runtime_minutes(str(paths.plan), batch, 10) == minutes
    assert asked == [[]]


def test_all_batches_run_times_come_from_one_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred batches that wait to be tried again are no hundred calls of squeue; an end is asked for again later."""
    _forget(monkeypatch)
    plan = plan_of(*([spec(f"j{number}")] for number in range(5)))
    paths = write_session(plan, tmp_path)
    for number, batch in enumerate(plan.batches):
        writer = JournalWriter(paths.batch(batch.id).journal)
        writer.append(AttemptStarted(time=1.0, token="t", host="h", pid=1, slurm_job_id=str(number)))
        writer.close()
    states = {str(number): "TIMEOUT" for number in range(4)} | {"4": "COMPLETING"}
    asked = _answers(monkeypatch, states)
    found = [limits.runtime_minutes(str(paths.plan), batch.id, 10) for batch in plan.batches]
    assert found == [20, 20, 20, 20, 10]
    assert [sorted(set(jobs)) for jobs in asked] == [["0", "1", "2", "3", "4"]]
    states["4"] = "TIMEOUT"
    monkeypatch.setattr(limits, "PATIENCE", 0.0)
    assert limits.runtime_minutes(str(paths.plan), plan.batches[4].id, 10) == 20
    assert set(asked[1]) == {"4"}


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_ended_states", {})
    monkeypatch.setattr(limits, "_asked", {})


def test_snakemakes_log_says_whether_its_user_stopped_it(tmp_path: Path) -> None:
    """Only the log of a run that took its jobs back does."""
    (tmp_path / "a.log").write_text("x\nTerminating processes on user request, this might take some time.\n")
    (tmp_path / "b.log").write_text("x\n")
    assert stopped_by_user([str(tmp_path / "b.log"), str(tmp_path / "a.log")])
    assert not stopped_by_user([str(tmp_path / "b.log"), str(tmp_path / "none")])


def _killed(paths: SessionPaths, batch: str, attempt: int, *running: str) -> None:
    """Add an attempt, Slurm job and token of that number, that was killed while jobs ran."""
    (part,) = slices(_plan())
    recorder = open_recorder(paths, batch, part.jobs, part.upstreams)
    recorder(AttemptStarted(time=time.time(), token=str(attempt), host="elsewhere", pid=1, slurm_job_id=str(attempt)))
    for job in running:
        recorder(JobStarted(time=time.time(), job=job))
    recorder.close()
    write_json(paths.batch(batch).attempt, AttemptFile("here", 0, 1, token=str(attempt)))
    os.utime(paths.batch(batch).attempt, (1.0, 1.0))


@pytest.mark.parametrize("state", ["OUT_OF_MEMORY", "FAILED"])
def test_a_job_over_its_memory_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """What ran when the batch was killed runs alone next; what is killed again then has the verdict."""
    plan = _plan()
    paths = write_session(plan, tmp_path)
    (part,) = slices(plan)
    batch = part.batch.id
    _answers(monkeypatch, {"12": state, "13": state})
    _killed(paths, batch, 12, RAN.id, DONE.id)
    reconcile_batches(paths, [batch])
    records = read_journal(paths.batch(batch).journal).jobs
    assert {records[job.id].status.outcome for job in (RAN, DONE)} == {Outcome.INTERRUPTED}
    jobs = {job.id: job.exclusive for job in isolate_suspects(part.jobs, records)}
    assert jobs == {RAN.id: True, DONE.id: True, WAITED.id: False}
    _killed(paths, batch, 13, RAN.id)
    reconcile_batches(paths, [batch])
    record = read_journal(paths.batch(batch).journal).record(RAN.id)
    assert (record.status.outcome, record.failure) == (Outcome.FAILED, FailureClass.OOM)
    assert record.status.reason is not None
    assert record.status.reason.startswith("out of memory: Slurm job 13 ")
    assert "only this job ran; it asks for no memory" in record.status.reason


def test_other_ends_isolate_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost node or a failure of which the runner could tell is nobody's doing."""
    paths, batch = _cut_short(tmp_path / "a")
    _answers(monkeypatch, {"12": "NODE_FAIL"})
    reconcile_batches(paths, [batch])
    told, other = _cut_short(tmp_path / "b", by_signal=True)
    _answers(monkeypatch, {"12": "FAILED"})
    reconcile_batches(told, [other])
    for session, name in ((paths, batch), (told, other)):
        assert not any(record.batch_kills for record in read_journal(session.batch(name).journal).jobs.values())
