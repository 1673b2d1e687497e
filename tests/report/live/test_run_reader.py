"""A run that is read on has the same state as one that is read whole, and reads no more than what is new."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import plan_of, spec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples
from sessions import STARTED, end_job, end_runners, recorded, retry_job

from canary_wf.files.json_files import encode
from canary_wf.report.live import journal_tail, run_reader
from canary_wf.report.live.journal_tail import JournalTail
from canary_wf.report.live.run_reader import RunReader
from canary_wf.report.session import load_session
from canary_wf.state.events import AttemptStarted, Event, JobFinished, JobReset, JobStarted
from canary_wf.state.journal import event_of, read_journal
from canary_wf.verdict.status import Outcome

OK = Outcome.SUCCESS


def _agrees(reader: RunReader) -> None:
    """Fail if `reader` and a fresh look at the session disagree."""
    reader.look()
    state = load_session(reader.paths)
    fresh = RunReader(reader.paths)
    fresh.look()
    assert {job: record for batch in reader.batches for job, record in batch.records.items()} == state.records
    for name in ("counts", "done", "flaky"):
        assert getattr(reader, name) == getattr(fresh, name), name
    assert sum(reader.counts.values()) == len(state.plan.jobs)
    assert reader.running.keys() == fresh.running.keys()
    assert reader.seconds_run(STARTED + 20) == fresh.seconds_run(STARTED + 20)
    assert reader.seconds_left(STARTED + 5) == pytest.approx(fresh.seconds_left(STARTED + 5))


def test_a_run_is_read_on_from_its_start_to_its_end(tmp_path: Path) -> None:
    """Jobs end, are retried, and their runner ends."""
    plan = plan_of([spec("a"), spec("b"), spec("c")], [spec("d", "a")])
    paths = recorded(tmp_path, plan, {"a": OK}, running=["b", "c"], alive=True)
    reader = RunReader(paths)
    _agrees(reader)
    steps: tuple[Callable[[], None], ...] = (
        lambda: end_job(paths, "b", Outcome.FAILED, "no"),
        lambda: retry_job(paths, "c"),
        lambda: end_job(paths, "c"),
        lambda: end_runners(paths),
    )
    for step in steps:
        step()
        _agrees(reader)
    assert (reader.done, reader.flaky, reader.counts["failed"]) == (3, 1, 1)


def test_a_runner_that_dies_takes_its_jobs_along(tmp_path: Path) -> None:
    """They count as interrupted, which is not done."""
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b")]), {"a": OK}, running=["b"], alive=True)
    reader = RunReader(paths)
    reader.look()
    assert list(reader.running) == [load_session(paths).plan.jobs[1].id]
    attempt = paths.batch(reader.batches[0].batch.id).attempt
    attempt.write_text(attempt.read_text().replace('"token":"t"', '"token":"gone"'))
    reader.look()
    assert (reader.running, reader.done, reader.counts["interrupted"]) == ({}, 1, 1)


@pytest.mark.parametrize("fails", ["read_batch", "batch_records"])
def test_what_could_not_be_read_is_read_by_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A server that fails once loses nothing: neither of that batch nor of those read before and after it."""
    plan = plan_of([spec("a")], [spec("b")], [spec("c")])
    paths = recorded(tmp_path, plan, {}, running=["a", "b", "c"], alive=True)
    reader = RunReader(paths)
    reader.look()
    for name in "abc":
        end_job(paths, name)
    end_runners(paths)
    right, calls = getattr(run_reader, fails), [0]

    def broken(*words: object, **options: object) -> object:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError(errno.ESTALE, "Stale file handle")
        return right(*words, **options)

    monkeypatch.setattr(run_reader, fails, broken)
    with pytest.raises(OSError, match="Stale"):
        reader.look()
    assert sorted(change.job.name for change in reader.look()) == ["a", "b", "c"]
    assert reader.done == 3
    _agrees(reader)


def test_a_journal_that_could_not_be_read_on_is_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no other file of the batch has changed."""
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b")]), {}, running=["a", "b"], alive=True)
    reader = RunReader(paths)
    reader.look()
    end_job(paths, "a")

    def broken(_: JournalTail) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(JournalTail, "look", broken)
        with pytest.raises(OSError, match="Input/output"):
            reader.look()
    assert [change.job.name for change in reader.look()] == ["a"]


def test_a_look_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a run in which nothing happened, and one line of a job that ended."""
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b"), spec("c")]), {"a": OK}, running=["b", "c"], alive=True)
    reader = RunReader(paths)
    reader.look()
    lines: list[bytes] = []

    def noted(line: bytes) -> Event:
        lines.append(line)
        return event_of(line)

    monkeypatch.setattr(journal_tail, "event_of", noted)
    monkeypatch.setattr("canary_wf.state.journal_repair.read_journal", lambda _: pytest.fail("read as a whole"))
    assert reader.look() == []
    assert lines == []
    monkeypatch.undo()
    end_job(paths, "b")
    monkeypatch.setattr(journal_tail, "event_of", noted)
    monkeypatch.setattr("canary_wf.state.journal_repair.read_journal", lambda _: pytest.fail("read as a whole"))
    assert [change.job.name for change in reader.look()] == ["b"]
    assert len(lines) == 1


EVENTS = st.lists(
    st.one_of(
        st.builds(AttemptStarted, time=st.just(1.0), token=st.sampled_from("tu"), host=st.just("h"), pid=st.just(1)),
        st.builds(JobStarted, time=st.just(2.0), job=st.sampled_from("ab"), by=st.sampled_from(["", "t", "u"])),
        st.builds(
            JobFinished,
            time=st.just(3.0),
            job=st.sampled_from("ab"),
            outcome=st.sampled_from(["SUCCESS", "FAILED"]),
            by=st.sampled_from(["", "t"]),
        ),
        st.builds(JobReset, time=st.just(4.0), job=st.sampled_from("ab")),
    ),
    max_size=12,
)


@given(EVENTS, st.lists(st.integers(0, 600), max_size=6))
@settings(max_examples=examples(100), deadline=None)
def test_a_journal_read_in_pieces_is_the_journal_read_whole(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], cuts: list[int]
) -> None:
    """Wherever a look falls between two bytes that are being written, and with lines that are no events."""
    content = b"".join(encode(event) + b"\n" + b"{torn\n" * (number == 3) for number, event in enumerate(events))
    path = tmp_path_factory.getbasetemp() / "journal-in-pieces.jsonl"
    path.write_bytes(b"")
    tail = JournalTail(path)
    for end in (*sorted(cuts), len(content)):
        path.write_bytes(content[:end])
        tail.look()
    whole = read_journal(path)
    assert (tail.state.jobs, tail.state.attempts) == (whole.jobs, whole.attempts)


def test_a_journal_that_was_written_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    """A runner repairs a damaged one so; also when the new one is longer."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(encode(JobStarted(time=1.0, job="a")) + b"\n")
    tail = JournalTail(path)
    assert tail.look() is None
    assert tail.look() == set()
    anew = tmp_path / "new"
    anew.write_bytes(b"".join(encode(JobStarted(time=1.0, job=name)) + b"\n" for name in "bcd"))
    anew.rename(path)
    assert tail.look() is None
    assert tail.state.jobs.keys() == {"b", "c", "d"}


def test_a_pause_between_two_runs_is_no_time_of_the_run(tmp_path: Path) -> None:
    """As in the sum of `status`; a session that was never run has none."""
    paths = recorded(tmp_path, plan_of([spec("a")], [spec("b")]), {"a": OK})
    reader = RunReader(paths)
    reader.look()
    assert reader.seconds_run(STARTED + 3600) == 2.0
    assert reader.begun
    fresh = RunReader(recorded(tmp_path / "fresh", plan_of([spec("a")]), {}))
    fresh.look()
    assert (fresh.seconds_run(STARTED), fresh.begun) == (None, False)
