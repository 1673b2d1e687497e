"""Which verdicts a new session takes over, and what comes along with them."""

import json
from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import WorkspaceError
from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.plan.update import carry_over
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

NEW = "20260102T000000.000000"
OK = Outcome.SUCCESS


def _with_inputs(plan: Plan, **inputs: str) -> Plan:
    jobs = tuple(msgspec.structs.replace(job, inputs=inputs.get(job.name, "same")) for job in plan.jobs)
    return msgspec.structs.replace(plan, jobs=jobs)


def _carried(
    out: Path, jobs: list[JobSpec], outcomes: dict[str, Outcome], *, old: Plan | None = None, **inputs: str
) -> tuple[int, dict[str, str], SessionPaths]:
    """Carry `outcomes` over to a new session; return the number kept, the outcomes there, and its paths."""
    before = recorded(out, _with_inputs(old or plan_of(jobs)), outcomes)
    plan = _with_inputs(plan_of(jobs, session=NEW), **inputs)
    new = write_session(plan, out)
    kept = carry_over(before, plan, new)
    state = read_journal(new.batch(plan.batches[0].id).journal)
    return kept, {job.name: state.record(job.id).status.outcome.name for job in plan.jobs}, new


def test_final_verdicts_of_unchanged_jobs_are_kept(tmp_path: Path) -> None:
    """Passed, failed, skipped and cancelled jobs are done; what was interrupted, waits for it, or never ran is not."""
    outcomes = {
        "pass": OK,
        "fail": Outcome.FAILED,
        "skip": Outcome.SKIPPED,
        "cancel": Outcome.CANCELLED,
        "cut": Outcome.INTERRUPTED,
        "block": Outcome.BLOCKED,
    }
    jobs = [spec(name, *(["cut"] if name == "block" else [])) for name in (*outcomes, "never")]
    kept, found, _ = _carried(tmp_path, jobs, outcomes)
    assert kept == 4
    assert found == {
        **{name: outcome.name for name, outcome in outcomes.items()},
        "cut": "NONE",
        "block": "NONE",
        "never": "NONE",
    }


def test_what_a_failure_blocked_stays_blocked(tmp_path: Path) -> None:
    """The failure is final, and so is what follows from it; with new inputs of the failed job both are open."""
    jobs, outcomes = (
        [spec("a"), spec("b", "a"), spec("c", "b")],
        {"a": Outcome.FAILED, **dict.fromkeys("bc", Outcome.BLOCKED)},
    )
    assert _carried(tmp_path / "same", jobs, outcomes)[:2] == (3, {"a": "FAILED", "b": "BLOCKED", "c": "BLOCKED"})
    assert _carried(tmp_path / "new", jobs, outcomes, a="changed")[:2] == (0, dict.fromkeys("abc", "NONE"))


def test_a_changed_job_and_what_depends_on_it_run_again(tmp_path: Path) -> None:
    """Behind new inputs nothing stands, however far behind; what is beside it does."""
    jobs = [spec("a"), spec("b", "a"), spec("c", "b"), spec("d")]
    kept, found, _ = _carried(tmp_path, jobs, dict.fromkeys("abcd", OK), a="changed")
    assert kept == 1
    assert found == {"a": "NONE", "b": "NONE", "c": "NONE", "d": "SUCCESS"}


def test_a_new_job_has_no_verdict_to_keep(tmp_path: Path) -> None:
    """Jobs are known by id."""
    kept, found, _ = _carried(tmp_path, [spec("a"), spec("new")], {"a": OK}, old=plan_of([spec("a")]))
    assert (kept, found) == (1, {"a": "SUCCESS", "new": "NONE"})


def test_state_times_and_files_come_along(tmp_path: Path) -> None:
    """The new session reads as if the job had run in it, and changing its files does not change the old ones' names."""
    _, _, new = _carried(tmp_path, [spec("a")], {"a": OK})
    content = json.loads((new.job("a") / "job.json").read_text())
    assert (content["outcome"], content["started"], content["finished"]) == ("SUCCESS", 1000.0, 1002.0)
    assert content["directory"] == f".canary-wf/sessions/{NEW}/jobs/a"
    assert (new.job("a") / "canary-out.txt").read_text() == "output\n"
    old = SessionPaths(tmp_path, plan_of([spec("a")]).session)
    assert (
        json.loads((old.job("a") / "job.json").read_text())["directory"]
        == f"{'.canary-wf/sessions'}/{old.session}/jobs/a"
    )


def test_without_an_unchanged_job_nothing_is_begun(tmp_path: Path) -> None:
    """A batch in which nothing is kept has no journal."""
    kept, _, new = _carried(tmp_path, [spec("a")], {"a": OK}, a="changed")
    assert kept == 0
    assert list((new.folder / "batches").iterdir()) == []


def test_a_damaged_session_before_is_told(tmp_path: Path) -> None:
    """Who asks for the old verdicts is told that they cannot be read."""
    before = recorded(tmp_path, plan_of([spec("a")]), {"a": OK})
    before.plan.write_text("{")
    plan = plan_of([spec("a")], session=NEW)
    with pytest.raises(WorkspaceError, match="is damaged"):
        carry_over(before, plan, write_session(plan, tmp_path))
