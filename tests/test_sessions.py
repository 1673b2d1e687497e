import subprocess
import sys
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

import canary_wf
from canary_wf.errors import UsageError, WorkspaceError
from canary_wf.plan.model import Plan
from canary_wf.report.session import SessionState
from canary_wf.state.session_paths import absolute_path
from canary_wf.verdict.status import Outcome

FIRST, SECOND = "20260101T000000.000001", "20260101T000000.000002"

TYPED = """
import canary_wf
plan = canary_wf.load_plan("out")
status = canary_wf.load_status("out")
reveal_type(plan)
reveal_type(status)
reveal_type(status.record(plan.jobs[0]).status.outcome)
reveal_type(canary_wf.generate(["tests"]))
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a workspace with two sessions: a failed one and one that has not begun."""
    recorded(tmp_path, plan_of([spec("a"), spec("b")], session=FIRST), {"a": Outcome.SUCCESS, "b": Outcome.FAILED})
    recorded(tmp_path, plan_of([spec("a")], session=SECOND), {})
    return tmp_path


def test_the_newest_session_is_read(out: Path) -> None:
    """Its plan, and where its jobs stand."""
    assert canary_wf.load_plan(out).session == SECOND
    status = canary_wf.load_status(out)
    assert (status.begun, status.passed, status.counts()["NONE"]) == (False, False, 1)


def test_any_session_is_read_by_its_name(out: Path) -> None:
    """With each job's record."""
    plan, status = canary_wf.load_plan(out, FIRST), canary_wf.load_status(str(out), FIRST)
    assert isinstance(plan, Plan)
    assert isinstance(status, SessionState)
    assert [job.name for job in status.failed] == ["b"]
    assert {job.name: status.record(job).status.outcome for job in plan.jobs} == {
        "a": Outcome.SUCCESS,
        "b": Outcome.FAILED,
    }
    assert not status.passed


def test_what_is_not_there_is_told(out: Path, tmp_path: Path) -> None:
    """A name that is wrong, with those that are there; a folder that is no workspace."""
    with pytest.raises(UsageError, match=rf"there is no session '3'; there are {SECOND}, {FIRST}"):
        canary_wf.load_status(out, "3")
    with pytest.raises(WorkspaceError, match="there is no session"):
        canary_wf.load_plan(tmp_path / "elsewhere")


def test_type_checkers_see_the_types(tmp_path: Path) -> None:
    """The package says that it is typed, and its lazy names are."""
    script = tmp_path / "typed.py"
    script.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    for name in ("plan.model.Plan", "report.session.SessionState", "verdict.status.Outcome"):
        assert f'Revealed type is "canary_wf.{name}"' in told, told
    assert told.count("plan.model.Plan") == 2


def test_a_folder_has_one_name_however_it_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are kept, but for one that `..` leaves: that leads where the system would go."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    monkeypatch.chdir(tmp_path)
    assert absolute_path("a/../a/./b//") == tmp_path / "a" / "b"
    assert absolute_path("link") == tmp_path / "link"
    assert absolute_path("link/..") == tmp_path / "a"
    assert absolute_path("missing/../a") == tmp_path / "a"
    assert absolute_path("/..") == Path("/")
