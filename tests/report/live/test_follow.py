"""A run is followed to its end: on a terminal in place, in a pipe and in CI services as lines."""

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import end_job, end_runners, recorded, retry_job
from virtual_terminal import VirtualTerminal

from canary_wf.report.live import follow
from canary_wf.report.live.follow import follow_run, watch
from canary_wf.report.live.views import log_lines
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

OK = Outcome.SUCCESS


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(follow, "PAUSE", 0.02)
    monkeypatch.setattr(follow, "_SHARE", 0)  # one look for each wait
    monkeypatch.setattr(follow, "_WAITING_SHARE", 0)


def steps(*actions: Callable[[], object]) -> Callable[[float], bool]:
    """Return a wait that does one of `actions` each time, and then says that the run is over."""
    left: Iterator[Callable[[], object]] = iter(actions)

    def wait(seconds: float) -> bool:
        action = next(left, None)
        if action is None:
            return True
        action()
        time.sleep(seconds)
        return False

    return wait


def _two_running(out: Path) -> SessionPaths:
    return recorded(out, plan_of([spec("a"), spec("b"), spec("c")]), {"a": OK}, running=["b", "c"], alive=True)


def test_in_a_pipe_each_failure_is_a_line(tmp_path: Path) -> None:
    """It has the time and the reason; sums do not come within seconds."""
    paths = _two_running(tmp_path)
    file = io.StringIO()
    follow_run(paths, steps(lambda: end_job(paths, "b", Outcome.DIFFED, "\x1b[2Jtoo hot")), file)
    (line,) = file.getvalue().splitlines()
    assert re.fullmatch(r"FAIL DIFFED b after 9\.0s: \\x1b\[2Jtoo hot", line)


def test_a_run_that_is_followed_by_another_one_is_told(tmp_path: Path) -> None:
    """With its reason; it does not count as a failure."""
    paths = _two_running(tmp_path)
    file = io.StringIO()
    follow_run(paths, steps(lambda: retry_job(paths, "b", "no answer"), lambda: end_job(paths, "b")), file)
    assert file.getvalue() == "RETRY b after 3.0s: no answer\n"


def test_what_happened_between_two_looks_is_told_in_its_order(tmp_path: Path) -> None:
    """A run that failed comes before the one that followed it."""
    paths = _two_running(tmp_path)
    file = io.StringIO()

    def go_on() -> None:
        retry_job(paths, "b", "no answer")
        end_job(paths, "b", Outcome.FAILED)
        retry_job(paths, "c", "no answer")

    follow_run(paths, steps(go_on), file)
    assert [line.split()[0] for line in file.getvalue().splitlines()] == ["RETRY", "RETRY", "FAIL"]


@pytest.mark.parametrize(
    ("seconds", "computing", "expected"),
    [(0.001, 0.001, 0.02), (0.1, 0.1, 2.0), (0.5, 0.01, 2.0), (9.0, 0.01, 10.0), (9.0, 9.0, 10.0)],
)
def test_the_pause_grows_with_what_a_look_costs(
    monkeypatch: pytest.MonkeyPatch, seconds: float, computing: float, expected: float
) -> None:
    """Computing counts most; waiting for a file server counts, too."""
    monkeypatch.setattr(follow, "_SHARE", 20)
    monkeypatch.setattr(follow, "_WAITING_SHARE", 4)
    assert follow._pause_after(seconds, computing) == pytest.approx(expected)


def test_failures_of_an_earlier_run_are_not_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that goes on has told them; who begins to watch it wants to hear of them."""
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(tmp_path, plan, {"a": Outcome.FAILED}, running=["b"], alive=True)
    file = io.StringIO()
    follow_run(paths, steps(), file)
    assert file.getvalue() == ""
    sleep = time.sleep

    def pause(seconds: float) -> None:
        end_job(paths, "b")
        end_runners(paths)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    watch(paths, file)
    assert file.getvalue().startswith("FAIL a after 2.0s")
    paths = recorded(tmp_path / "over", plan, {"a": Outcome.FAILED, "b": OK})
    file = io.StringIO()
    watch(paths, file)
    assert file.getvalue() == ""


def test_in_a_pipe_sums_come_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a tenth more is done, or a while has gone by with changes; nothing twice."""
    monkeypatch.setattr(log_lines, "_LEAST", 0.0)
    paths = _two_running(tmp_path)
    file = io.StringIO()
    nothing: Callable[[], object] = lambda: None  # noqa: E731 - one of several steps
    follow_run(paths, steps(nothing, nothing, lambda: end_job(paths, "b"), nothing, lambda: end_job(paths, "c")), file)
    lines = [line.partition(", about")[0].partition(", longer")[0] for line in file.getvalue().splitlines()]
    assert lines == [
        "[1/3] 1 passed, 2 running",
        "[2/3] 2 passed, 1 running",
        "[3/3] 3 passed",
    ]


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an editor's shell window, which calls itself dumb."""
    monkeypatch.setenv("TERM", "dumb")
    paths = _two_running(tmp_path)
    with VirtualTerminal() as terminal:
        follow_run(paths, steps(lambda: end_job(paths, "b", Outcome.FAILED)), terminal.file)
        assert terminal.wait_for(lambda text: "FAIL b" in text)
        assert b"\x1b" not in terminal.raw


@pytest.mark.parametrize(
    ("variables", "begin", "end"),
    [
        ({"GITHUB_ACTIONS": "true"}, r"::group::canary-wf: 3 jobs", "::endgroup::"),
        (
            {"GITLAB_CI": "true"},
            r"\x1b\[0Ksection_start:\d+:canary_wf_run\[collapsed=true\]\r\x1b\[0Kcanary-wf: 3 jobs",
            r"\x1b\[0Ksection_end:\d+:canary_wf_run\r\x1b\[0K",
        ),
        ({"CI": "1"}, None, None),
    ],
)
def test_a_ci_service_gets_one_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], begin: str | None, end: str | None
) -> None:
    """Also on a terminal, which some services give; the group ends with the run, whatever is printed then."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    paths = _two_running(tmp_path)
    file = io.StringIO()
    follow_run(paths, steps(lambda: end_job(paths, "b", Outcome.FAILED)), file)
    lines = file.getvalue().split("\n")
    if begin is not None and end is not None:
        assert re.fullmatch(begin, lines.pop(0))
        assert re.fullmatch(end, lines.pop(-2))
    assert lines == ["FAIL b after 9.0s", ""]


def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    """As with ``| head``: the run is waited for all the same."""
    paths = _two_running(tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    seen: list[str] = []
    with os.fdopen(writing, "w") as file:
        fail = lambda: end_job(paths, "b", Outcome.FAILED)  # noqa: E731 - one of several steps
        follow_run(paths, steps(fail, lambda: None, lambda: seen.append("waited")), file)
        assert seen == ["waited"]
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # closing it would fail, too


def test_watching_ends_when_nothing_runs_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs were left undone, and nobody is there to do them."""
    monkeypatch.setattr(follow, "_LOOK", 0.0)
    paths = recorded(tmp_path, plan_of([spec("a")], [spec("b")]), {"a": OK})
    file = io.StringIO()
    assert not watch(paths, file).passed
    assert file.getvalue() == "Nothing runs.\n"


def test_watching_goes_on_between_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It returns the state at the end."""
    monkeypatch.setattr(follow, "_LOOK", 0.0)
    paths = recorded(tmp_path, plan_of([spec("a"), spec("b")]), {"a": OK}, running=["b"], alive=True)
    looks = 0
    sleep = time.sleep

    def pause(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            end_job(paths, "b")
            end_runners(paths)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    assert watch(paths, io.StringIO()).passed
    assert looks >= 3
