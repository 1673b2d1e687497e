"""What is known of run times: robust, versioned, and forgotten when asked to."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import recorded

from canary_wf.api.job.cached_runs import CachedRun, keep_run, load_runs
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import write_json
from canary_wf.files.locks import file_lock
from canary_wf.history.run_times import (
    KEPT,
    RECENT,
    SCHEMA,
    WINDOW,
    History,
    add_session,
    history_file,
    load_history,
    statistics_of,
    update_history,
)
from canary_wf.recovery.user_stop import note_user_stop
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_submitted, read_submissions
from canary_wf.verdict.status import Outcome


def _history(*seconds: float) -> History:
    history = History()
    for number, duration in enumerate(seconds):
        history.add("a", f"{number:03}", duration)
    return history


def test_odd_runs_do_not_move_the_estimate() -> None:
    """Five of eleven runs on a slow node leave it where it was; the mean leaves them out."""
    known = _history(*[10.0, 10.5, 9.5, 10.0, 10.2, 9.8], *[500.0] * 5).statistics("a")
    assert known is not None
    assert known.median == 10.5
    assert known.outliers == 5
    assert known.mean == pytest.approx(10.0)


def test_a_lasting_change_is_followed() -> None:
    """After six runs of a job that became slower the estimate is the new length."""
    history = _history(*[10.0] * KEPT)
    for number in range(RECENT // 2 + 1):
        history.add("a", f"x{number}", 30.0)
    assert history.estimate("a") == 30.0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_statistics_stay_within_the_runs(durations: list[float]) -> None:
    """Middle and mean are between shortest and longest; the spread is a number from zero up."""
    known = statistics_of(durations)
    assert min(durations) <= known.median <= max(durations)
    assert min(durations) - 1e-6 <= known.mean <= max(durations) * (1 + 1e-9) + 1e-6
    assert known.spread >= 0
    assert 0 <= known.outliers <= len(durations)


@given(st.lists(st.floats(1, 100), min_size=3, max_size=21), st.floats(1e3, 1e9))
def test_fewer_than_half_odd_runs_cannot_carry_the_estimate_away(durations: list[float], odd: float) -> None:
    """The median stays within the usual runs, whatever the others are."""
    spoilt = durations + [odd] * ((len(durations) - 1) // 2)
    assert min(durations) <= statistics_of(spoilt).median <= max(durations)


def test_a_session_counts_once() -> None:
    """A session that goes on after it was recorded replaces what it had said."""
    history = _history(1.0)
    history.add("a", "000", 2.0)
    assert history.runtimes == {"a": [("000", 2.0)]}


def test_what_is_forgotten_stays_forgotten() -> None:
    """The runs of sessions up to then are not taken up again; those of later ones are."""
    history = _history(1.0, 2.0)
    history.forget("a", "001")
    history.add("a", "001", 2.0)
    assert history.estimate("a") is None
    history.add("a", "002", 3.0)
    assert history.estimate("a") == 3.0


def test_runs_from_elsewhere_are_the_oldest_and_replace_their_own() -> None:
    """Importing twice changes nothing; what this workspace saw is never pushed out by it."""
    history = _history(*[1.0] * KEPT)
    for _ in range(2):
        history.add_older("a", [("CTest", 9.0)])
    assert ("CTest", 9.0) not in history.runtimes["a"]
    history = _history(1.0)
    for seconds in (8.0, 9.0):
        history.add_older("a", [("CTest", seconds)])
    assert history.runtimes["a"] == [("CTest", 9.0), ("000", 1.0)]


def test_the_file_says_its_format(tmp_path: Path) -> None:
    """What is saved is read back, with its version in it."""
    history = _history(1.0, 2.0)

    def put(known: History) -> None:
        known.runtimes = history.runtimes

    assert update_history(tmp_path, put) == load_history(tmp_path) == history
    assert SCHEMA in history_file(tmp_path).read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"schema": "canary-wf/history/9"}, "history/9"),
        ({"runtimes": {"a": [["s", -1.0]]}}, "-1.0 seconds"),
        ({"runtimes": {"a": [["s", "x"]]}}, "damaged"),
        ([], "damaged"),
    ],
)
def test_a_file_that_is_not_a_history_is_told(tmp_path: Path, content: object, told: str) -> None:
    """In one line with the file's name, rather than planned with."""
    history_file(tmp_path).parent.mkdir(parents=True)
    write_json(history_file(tmp_path), content)
    with pytest.raises(WorkspaceError, match=told) as caught:
        load_history(tmp_path)
    assert "runtimes.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_change_of_several_writers_is_lost(tmp_path: Path) -> None:
    """Threads and processes alike: each reads what the one before has written."""

    def write(number: int) -> None:
        for round_ in range(5):
            update_history(tmp_path, partial(History.add, job=f"{number}", session=f"{round_}", duration=1.0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert {job: len(runs) for job, runs in load_history(tmp_path).runtimes.items()} == {
        str(number): 5 for number in range(8)
    }


@pytest.mark.parametrize("kind", ["submission", "withdrawal", "runs"])
def test_no_note_of_several_writers_is_lost(tmp_path: Path, kind: str) -> None:
    """So it is with all that is read, changed and written again."""
    paths = SessionPaths(tmp_path, "s")
    paths.folder.mkdir(parents=True)
    file = paths.batch("b").submission

    def write(number: int) -> None:
        if kind == "submission":
            note_submitted(file, float(number), str(number))
        elif kind == "withdrawal":
            note_user_stop(paths, float(number))
        else:
            keep_run(tmp_path, "a" * 20, "a", CachedRun("s", float(number), 1.0, "SUCCESS", 0, passed=True))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    if kind == "submission":
        assert {each.slurm_job_id for each in read_submissions(file)} == {str(number) for number in range(16)}
    elif kind == "withdrawal":
        noted = json.loads((paths.folder / "withdrawn.json").read_text())["times"]
        assert sorted(noted) == [float(number) for number in range(16)]
    else:
        runs = load_runs(tmp_path, "a" * 20)
        assert runs is not None
        assert len(runs.runs) == 16


def test_a_lock_that_is_not_let_go_is_told(tmp_path: Path) -> None:
    """After a while, in one line with the file."""
    told = pytest.raises(WorkspaceError, match="another process holds this lock")
    with file_lock(tmp_path / "lock"), told, file_lock(tmp_path / "lock", patience=0.05):
        pass


def _noted(*verdicts: str | None) -> History:
    """Return the history of a job with these failures, or None where it passed, in sessions one after the other."""
    history = History()
    for number, failure in enumerate(verdicts):
        if failure is None:
            history.add("a", f"{number:03}", 1.0)
        history.note("a", f"{number:03}", failure, retried=False)
    return history


def test_only_the_last_sessions_count_for_failures() -> None:
    """A job that was mended long ago is not flaky, nor is one that always fails; what is kept is bounded."""
    assert _noted("FAILED", *[None] * (WINDOW - 1)).is_flaky("a")
    assert not _noted("FAILED", *[None] * WINDOW).is_flaky("a")
    always = _noted(*["TIMEOUT"] * (2 * KEPT))
    assert not always.is_flaky("a")
    assert len(always.failures["a"]) == KEPT
    assert always.verdicts("a") == [(f"{number:03}", "TIMEOUT") for number in range(2 * KEPT - WINDOW, 2 * KEPT)]
    assert not History().is_flaky("a")


def test_the_last_verdict_of_a_session_counts() -> None:
    """A job that ran again and passed did not fail there, but is flaky; so is one that passed first and failed then."""
    history = _noted("FAILED")
    for _ in range(2):  # a session is recorded more than once
        history.add("a", "000", 1.0)
        history.note("a", "000", None, retried=False)
        assert (history.failures, history.retries, history.is_flaky("a")) == ({}, {"a": ["000"]}, True)
    history.note("a", "000", "FAILED", retried=False)
    assert (history.verdicts("a"), history.retries, history.is_flaky("a")) == ([("000", "FAILED")], {}, True)
    history = _noted(None)
    history.note("a", "000", None, retried=False)
    assert not history.is_flaky("a")
    history.note("a", "000", None, retried=True)
    assert (history.retries, history.is_flaky("a")) == ({"a": ["000"]}, True)
    history.forget("a", "000")
    history.note("a", "000", "FAILED", retried=False)
    assert (history.jobs, history.retries) == (set(), {})


def test_what_older_versions_wrote_is_read(tmp_path: Path) -> None:
    """Their files have no failures."""
    history_file(tmp_path).parent.mkdir(parents=True)
    write_json(history_file(tmp_path), {"schema": SCHEMA, "runtimes": {"a": [["001", 2.0]]}})
    history = load_history(tmp_path)
    assert (history.estimate("a"), history.verdicts("a"), history.failures) == (2.0, [("001", None)], {})


def test_verdicts_that_were_taken_over_count_once(tmp_path: Path) -> None:
    """A session of `generate --update` has verdicts of jobs that did not run in it."""
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b")]), {"a": Outcome.SUCCESS, "b": Outcome.FAILED})
    journal = paths.batch(paths.batches()[0]).journal
    journal.write_text(journal.read_text().replace('"pid":1,"time":1000.0', '"pid":1,"time":2000.0'))
    history = History()
    add_session(history, paths, paths.batches())
    assert history.jobs == set()
