"""Users' hooks hear every event, and what goes wrong in one changes nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from factories import plan_of, spec

from canary_wf.errors import UsageError
from canary_wf.hooks.user_hooks import UserHooks, check_hook, installed_hooks
from canary_wf.plan.store import write_session
from canary_wf.run.runner import run_batch
from canary_wf.state.events import AttemptEnded, JobStarted

HEARD: list[tuple[str, dict[str, Any]]] = []


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offer a module with hooks of all sorts."""
    HEARD.clear()
    found = ModuleType("somebodys_hooks")

    def breaks(*_: object) -> None:
        raise RuntimeError("two\nlines")

    def leaves(*_: object) -> None:
        raise SystemExit(3)

    found.__dict__.update(
        leaves=leaves, hear=lambda event, fields: HEARD.append((event, fields)), breaks=breaks, number=3
    )
    monkeypatch.setitem(sys.modules, "somebodys_hooks", found)
    yield
    HEARD.clear()


@pytest.mark.usefixtures("module")
def test_a_hook_hears_events_with_their_fields() -> None:
    """The event's own, the job's name, and where it happened."""
    hooks = UserHooks(["somebodys_hooks:hear"], {"batch": "b"}, {"1": "one"})
    hooks(JobStarted(time=1.0, job="1"))
    hooks(AttemptEnded(time=2.0, token="t", reason="complete"))
    assert HEARD == [
        ("job_started", {"batch": "b", "time": 1.0, "job": "1", "name": "one"}),
        ("attempt_ended", {"batch": "b", "time": 2.0, "token": "t", "reason": "complete"}),
    ]


@pytest.mark.usefixtures("module")
def test_a_hook_that_wants_to_exit_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    """`sys.exit` in a hook is an error of the hook like others."""
    UserHooks(["somebodys_hooks:leaves", "somebodys_hooks:hear"], {}, {})(JobStarted(time=1.0, job="1"))
    assert len(HEARD) == 1
    assert "failed at job_started: SystemExit: 3" in capsys.readouterr().err


@pytest.mark.usefixtures("module")
def test_an_error_in_a_hook_is_told_and_the_others_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, and not for ever; a hook that cannot be loaded or called is told once."""
    names = ["nowhere:x", "somebodys_hooks:no", "somebodys_hooks:number", "somebodys_hooks:breaks"]
    hooks = UserHooks([*names, "somebodys_hooks:hear"], {}, {})
    for _ in range(9):
        hooks(JobStarted(time=1.0, job="1"))
    assert len(HEARD) == 9
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" hook ")[1].split()[0] for line in lines] == [*names, names[-1], names[-1]]
    assert "cannot be loaded: ModuleNotFoundError" in lines[0]
    assert "failed at job_started: RuntimeError: two" in lines[3]


@pytest.mark.usefixtures("module")
def test_a_runner_tells_the_hooks_of_its_plan(tmp_path: Path) -> None:
    """From the start of the attempt to its end, in order; one that breaks does not break the batch."""
    plan = plan_of([spec("a")], hooks=("somebodys_hooks:breaks", "somebodys_hooks:hear"))
    paths = write_session(plan, tmp_path)
    assert run_batch(plan.batches[0].id, paths.plan) == 0
    expected = ["attempt_started", "job_started", "job_launched", "job_finished", "attempt_ended"]
    assert [event for event, _ in HEARD] == expected
    assert HEARD[3][1]["name"] == "a"
    assert HEARD[3][1]["outcome"] == "SUCCESS"
    assert HEARD[0][1]["session"] == plan.session


@pytest.mark.parametrize("text", ["", "x", "a:", ":b", "a b:c", "a:b c", "../a:b", "a:b()"])
def test_what_is_no_name_of_a_hook_is_refused(text: str) -> None:
    """It must be a module and something in it."""
    with pytest.raises(UsageError, match="--hook"):
        check_hook(text)


def test_a_name_of_a_hook() -> None:
    """Dots may stand on both sides."""
    assert check_hook("a.b:C.d") == "a.b:C.d"


def test_packages_bring_hooks_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group is canary_wf.hooks."""
    folder = tmp_path / "bringer-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: bringer\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[canary_wf.hooks]\nb = two:f\na = one:g.h\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_hooks() == ["one:g.h", "two:f"]
