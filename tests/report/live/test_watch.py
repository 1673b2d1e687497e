"""The live view: what it shows of a run, and that it ends when the run does."""

import io
import re
import time
from pathlib import Path

import pytest
from factories import plan_of, spec
from rich.console import Console
from sessions import STARTED, recorded

from canary_wf.files.json_files import read_json, write_json
from canary_wf.plan.store import slices
from canary_wf.report.live.watch import view, watch
from canary_wf.report.session import SessionFollower, load_session
from canary_wf.state.events import AttemptEnded, JobFinished
from canary_wf.state.journal import BatchState, read_journal
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

OK = Outcome.SUCCESS


def _running(out: Path) -> SessionPaths:
    plan = plan_of([spec("a"), spec("b"), spec("bad [bold]x")], [spec("c")])
    outcomes = {"a": OK, "bad [bold]x": Outcome.FAILED}
    return recorded(out, plan, outcomes, running=["b"], alive=True, reason="\x1b[2Jwhy")


def _finish(paths: SessionPaths, name: str) -> None:
    """Let the job called `name` of the first batch pass, and its batch end."""
    part = next(slices(SessionFollower(paths).plan))
    recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
    job = next(job.id for job in part.jobs if job.name == name)
    recorder(JobFinished(time=STARTED + 9, job=job, outcome="SUCCESS", code=0))
    recorder(AttemptEnded(time=STARTED + 9, token="t", reason="complete"))
    recorder.close()
    path = paths.batch(part.batch.id).attempt
    write_json(path, {**read_json(path, dict), "ended": True})


def _drawn(paths: SessionPaths, now: float) -> str:
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(view(load_session(paths), now))
    return console.export_text()


def test_the_view_has_bars_the_time_that_is_left_and_failures(tmp_path: Path) -> None:
    """Names are text, not markup, and reasons cannot steer the terminal."""
    text = _drawn(_running(tmp_path), STARTED + 30)
    assert "30s since its first job, about 1.0s left" in text
    assert "2/4" in text
    assert "1 PASS" in text
    assert "1 FAIL" in text
    assert re.search(r"batches +0/2 1 running", text)
    assert "FAIL FAILED bad [bold]x: \\x1b[2Jwhy" in text


def test_many_batches_and_failures_are_cut_to_a_screen(tmp_path: Path) -> None:
    """A thousand running batches do not push the bars away."""
    plan = plan_of(*([spec(f"j{n}"), spec(f"k{n}")] for n in range(50)))
    failed = {f"k{n}": Outcome.FAILED for n in range(50)}
    text = _drawn(recorded(tmp_path, plan, failed, running=[f"j{n}" for n in range(50)], alive=True), STARTED)
    assert len(text.splitlines()) < 24
    assert "and 40 more batches" in text


def test_elsewhere_a_line_is_written_whenever_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing twice, and the end of the run is the end of it."""
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b")]), {"a": OK}, running=["b"], alive=True)
    looks = 0

    def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            _finish(paths, "b")

    monkeypatch.setattr(time, "sleep", pause)
    file = io.StringIO()
    state = watch(paths, file)
    lines = file.getvalue().splitlines()
    assert [line.partition(" (session")[0] for line in lines] == [
        "2 jobs: 1 passed, 1 not run, 1 of them running",
        "2 jobs: 2 passed",
    ]
    assert lines[1].endswith(", done")
    assert state.passed


def test_watching_ends_when_nothing_runs_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs were left undone, and nobody is there to do them."""
    paths = recorded(tmp_path, plan_of([spec("a")], [spec("b")]), {"a": OK})
    monkeypatch.setattr(time, "sleep", lambda _: None)
    file = io.StringIO()
    assert not watch(paths, file).passed
    assert file.getvalue().rstrip().endswith("nothing runs")


def test_a_terminal_sees_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left on the screen is how it ended."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    paths = recorded(tmp_path, plan_of([spec("a")]), {"a": OK})
    file = Terminal()
    watch(paths, file)
    assert "1/1" in file.getvalue()


@pytest.fixture
def followed(tmp_path: Path) -> tuple[SessionPaths, SessionFollower]:
    """Return a running session and who looks at it."""
    paths = _running(tmp_path)
    return paths, SessionFollower(paths)


def test_a_follower_sees_what_a_fresh_look_sees(followed: tuple[SessionPaths, SessionFollower]) -> None:
    """Before and after a change, and for a batch alone."""
    paths, follower = followed
    assert follower.look() == load_session(paths)
    assert follower.look() == load_session(paths)
    _finish(paths, "b")
    assert follower.look() == load_session(paths)
    batch = follower.plan.batches[1].id
    assert SessionFollower(paths, only=batch).look().records == {}


def test_a_follower_reads_only_what_changed(
    followed: tuple[SessionPaths, SessionFollower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of ten thousand batches is not read anew every second."""
    paths, follower = followed
    follower.look()
    read: list[Path] = []

    def noted(path: Path) -> BatchState:
        read.append(path)
        return read_journal(path)

    monkeypatch.setattr("canary_wf.state.journal_repair.read_journal", noted)
    follower.look()
    assert read == []
    _finish(paths, "b")
    read.clear()  # who wrote the end has read the journal as well
    follower.look()
    assert read == [paths.batch(follower.plan.batches[0].id).journal]
