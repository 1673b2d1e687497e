import errno
import os
import time
from pathlib import Path

import pytest

from canary_wf.errors import WorkspaceError
from canary_wf.state.events import AttemptEnded, AttemptStarted, JobFinished, JobLaunched, JobReset, JobStarted
from canary_wf.state.journal import JournalWriter, read_journal
from canary_wf.verdict.status import JobPhase, Outcome


def _begin(token: str = "t") -> AttemptStarted:
    return AttemptStarted(time=time.time(), token=token, host="h", pid=1, slurm_job_id="77")


def _write(path: Path, *events: object) -> None:
    writer = JournalWriter(path)
    for event in events:
        writer.append(event)  # type: ignore[arg-type]
    writer.close()


def test_a_journal_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    """No state file at all means PENDING."""
    state = read_journal(tmp_path / "journal.jsonl")
    assert state.record("a").phase is JobPhase.PENDING
    assert not state.is_open


def test_events_replay_to_the_newest_state(tmp_path: Path) -> None:
    """Start, launch and verdict of a job end in one record."""
    path = tmp_path / "b" / "journal.jsonl"
    started = JobStarted(time=10.0, job="a", resources={"cpus": [{"id": "3", "slots": 1}]})
    launched = JobLaunched(time=10.0, job="a", pid=99, started_ticks=5)
    finished = JobFinished(time=12.5, job="a", outcome="FAILED", reason="exit code 3", code=3)
    _write(path, _begin(), started, launched, finished)
    record = read_journal(path).record("a")
    assert (record.phase, record.status.outcome, record.status.code) == (JobPhase.DONE, Outcome.FAILED, 3)
    assert (record.duration, record.ids("cpus"), record.slurm_job_id, record.pid) == (2.5, ["3"], "77", 99)


def test_a_reset_job_is_pending_again(tmp_path: Path) -> None:
    """What was known of it no longer counts."""
    path = tmp_path / "journal.jsonl"
    finished = JobFinished(time=2.0, job="a", outcome="FAILED")
    _write(path, _begin(), finished, _begin("u"), JobReset(time=3.0, job="a"))
    assert read_journal(path).record("a").phase is JobPhase.PENDING


def test_an_attempt_is_open_until_it_says_that_it_ended(tmp_path: Path) -> None:
    """Attempts that ended by their time limit are counted."""
    path = tmp_path / "journal.jsonl"
    _write(path, _begin("one"))
    assert read_journal(path).is_open
    _write(path, AttemptEnded(time=3.0, token="one", reason="time_limit"))
    state = read_journal(path)
    assert (state.is_open, state.ended_by_limit) == (False, 1)


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_line_cut_by_a_crash_is_passed_over(tmp_path: Path, cut: int) -> None:
    """A torn last line loses its own event only, and the next attempt goes on behind it."""
    path = tmp_path / "journal.jsonl"
    _write(path, _begin(), JobFinished(time=2.0, job="a", outcome="SUCCESS"), JobStarted(time=3.0, job="b"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_journal(path).record("a").status.is_pass
    _write(path, _begin("two"), JobFinished(time=4.0, job="b", outcome="SUCCESS"))
    state = read_journal(path)
    assert state.record("a").status.is_pass
    assert state.record("b").status.is_pass


def test_a_broken_line_inside_an_attempt_is_damage(tmp_path: Path) -> None:
    """Only a crash may break a line; anything else is noted with file and line, and costs only what stood there."""
    path = tmp_path / "journal.jsonl"
    _write(path, _begin(), JobFinished(time=2.0, job="a", outcome="SUCCESS"))
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\nrubbish\n{second}\n")
    state = read_journal(path)
    assert (state.damage or "").startswith("journal.jsonl:2 is damaged")
    assert state.record("a").status.is_pass


def test_an_unfinished_line_does_not_count_yet(tmp_path: Path) -> None:
    """A reader beside the writer sees an event when its whole line is there, not before."""
    path = tmp_path / "journal.jsonl"
    _write(path, _begin(), JobFinished(time=2.0, job="a", outcome="SUCCESS"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert read_journal(path).record("a").phase is JobPhase.PENDING
    path.write_bytes(whole)
    assert read_journal(path).record("a").status.is_pass


def test_crashes_in_a_row_damage_nothing(tmp_path: Path) -> None:
    """On a full disk one attempt after the other may leave only a part of its first line."""
    path = tmp_path / "journal.jsonl"
    _write(path, _begin(), JobFinished(time=2.0, job="a", outcome="SUCCESS"))
    path.write_bytes(path.read_bytes() + b'{"event":"job_fin\n{"event":"attempt_sta\n{"event":"att\n')
    _write(path, _begin("two"), JobFinished(time=4.0, job="b", outcome="SUCCESS"))
    state = read_journal(path)
    assert (state.record("a").status.is_pass, state.record("b").status.is_pass) == (True, True)


def test_what_an_orphan_writes_does_not_count(tmp_path: Path) -> None:
    """Each line says whose it is; what comes from an attempt before the newest is passed over."""
    path = tmp_path / "journal.jsonl"
    orphan, newest = JournalWriter(path), JournalWriter(path)
    orphan.append(_begin("aaaaaaaaaaaa"))
    orphan.append(JobStarted(time=1.0, job="a"))
    newest.append(_begin("bbbbbbbbbbbb"))
    newest.append(JobFinished(time=2.0, job="a", outcome="SUCCESS"))
    orphan.append(JobFinished(time=3.0, job="a", outcome="FAILED"))
    orphan.append(AttemptEnded(time=3.0, token="aaaaaaaaaaaa", reason="complete"))
    state = read_journal(path)
    assert state.record("a").status.outcome is Outcome.SUCCESS
    assert state.is_open
    orphan.close()
    newest.close()


def test_a_line_that_the_disk_did_not_take_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written of it is taken back, so that the attempt can still say that it ended."""
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path)
    writer.append(_begin())
    before = path.read_bytes()
    real, calls = os.write, [0]

    def full(descriptor: int, content: bytes) -> int:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content[:20])

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        with pytest.raises(WorkspaceError, match="free some space"):
            writer.append(JobFinished(time=2.0, job="a", outcome="SUCCESS"))
    assert path.read_bytes() == before
    writer.append(AttemptEnded(time=3.0, token="t", reason="error"))
    writer.close()
    assert not read_journal(path).is_open


def test_nothing_is_appended_to_a_line_that_cannot_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part of a line stays while the disk refuses everything, and goes before the next line is written."""
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path)
    writer.append(_begin())
    before, real, calls = path.read_bytes(), os.write, [0]

    def full(descriptor: int, content: bytes) -> int:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return real(descriptor, content[:20])

    def refused(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    finished = JobFinished(time=2.0, job="a", outcome="SUCCESS")
    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        patch.setattr("os.ftruncate", refused)
        for _ in range(2):
            with pytest.raises(WorkspaceError, match="free some space"):
                writer.append(finished)
        assert path.read_bytes().startswith(before)
        assert path.stat().st_size == len(before) + 20
    writer.append(finished)
    writer.close()
    assert read_journal(path).record("a").status.outcome is Outcome.SUCCESS
