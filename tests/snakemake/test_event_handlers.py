"""What the generated workflow calls when it starts and ends."""

from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.history.run_times import load_history
from canary_wf.report.session import load_session
from canary_wf.snakemake import event_handlers as workflow
from canary_wf.snakemake.event_handlers import workflow_failed, workflow_started, workflow_succeeded
from canary_wf.snakemake.lock import is_locked
from canary_wf.verdict.status import Outcome


def test_the_start_notes_its_owner_and_settles_what_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock taken before is known as ours, and no job runs for ever."""
    monkeypatch.chdir(tmp_path)
    paths = recorded(tmp_path, plan_of([spec("a")]), {}, running=["a"])
    lock = tmp_path / ".snakemake" / "locks"
    lock.mkdir(parents=True)
    (lock / "0.input.lock").touch()
    workflow_started(str(paths.plan))
    assert (tmp_path / ".canary-wf" / "workflow.json").exists()
    assert is_locked(tmp_path)
    state = load_session(paths)
    assert state.record(state.plan.jobs[0]).status.outcome is Outcome.INTERRUPTED


def test_success_keeps_the_run_times_of_jobs_that_passed(tmp_path: Path) -> None:
    """A failure's run time says nothing of what the job takes."""
    paths = recorded(tmp_path, plan_of([spec("a")], [spec("b")]), {"a": Outcome.SUCCESS, "b": Outcome.FAILED})
    workflow_succeeded(str(paths.plan))
    workflow_succeeded(str(paths.plan))
    assert load_history(tmp_path).runtimes == {spec("a").id: [(paths.session, 2.0)]}


def test_failure_settles_keeps_run_times_and_says_where_to_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that is told can be typed as it stands, also for a folder with blanks."""
    out = tmp_path / "my out"
    paths = recorded(out, plan_of([spec("a")], [spec("b")]), {"a": Outcome.SUCCESS}, running=["b"])
    workflow_failed(str(paths.plan))
    assert f"canary-wf status -d '{out}'" in capsys.readouterr().err
    assert list(load_history(out).runtimes) == [spec("a").id]
    state = load_session(paths)
    assert [state.record(job).status.outcome for job in state.plan.jobs] == [Outcome.SUCCESS, Outcome.INTERRUPTED]


def test_an_error_of_the_system_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake would show a traceback of its own for it."""

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/x/\nbatches")

    paths = recorded(tmp_path, plan_of([spec("a")]), {})
    monkeypatch.setattr(workflow, "reconcile_batches", refused)
    monkeypatch.setattr(workflow, "keep_runtimes", refused)
    workflow_started(str(paths.plan))
    workflow_succeeded(str(paths.plan))
    workflow_failed(str(paths.plan))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4
    assert all(line.startswith("canary-wf: ") for line in told)
