"""Which jobs of a session a word names, and in which order they come."""

from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec
from sessions import one_of_each, recorded

from canary_wf.errors import UsageError
from canary_wf.report.selection import in_order, select
from canary_wf.report.session import SessionState, load_session
from canary_wf.verdict.failure_class import OOM_KILL
from canary_wf.verdict.status import Outcome


@pytest.fixture
def state(tmp_path: Path) -> SessionState:
    """Return a session with one job of each kind."""
    return one_of_each(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("all", "good xfail bad slow cut skip now never"),
        ("ALL", "good xfail bad slow cut skip now never"),
        ("failed", "bad slow cut"),
        ("FAIL", "bad slow"),
        ("timeout", "slow"),
        ("pass", "good xfail"),
        ("Success", "good"),
        ("cancel", "cut"),
        ("SKIP", "skip"),
        ("running", "now"),
        ("pending", "never"),
        ("none", "now never"),
        ("done", "good xfail bad slow cut skip"),
        ("passed", "good xfail"),
        ("oom", ""),
        ("killed", ""),
        ("flaky", ""),
        ("timeout,running", "slow now"),
        ("fail, pass", "good xfail bad slow"),
        ("blocked", ""),
    ],
)
def test_jobs_are_chosen_by_category_outcome_or_phase(state: SessionState, wanted: str, names: str) -> None:
    """In any case; `failed` is what counts as failed."""
    assert [job.name for job in select(state, wanted)] == names.split()


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("flakey", "did you mean flaky?"),
        ("fail,pas", "did you mean pass or passed?"),
        ("timed-out", "did you mean timeout?"),
        ("timout", "did you mean timeout?"),
        ("nonsense", "write all, failed"),
        ("bogus", "write all, failed, passed, flaky, skipped, running, timeout, oom, or another outcome or class"),
        ("", "write all, failed"),
    ],
)
def test_a_word_that_names_nothing_is_refused(state: SessionState, wanted: str, hint: str) -> None:
    """A slip of the pen shows no empty table, but the word that was meant, or a few of those that there are."""
    with pytest.raises(UsageError) as error:
        select(state, wanted)
    assert f"-r: {wanted.rpartition(',')[2]!r} is not known; {hint}" in str(error.value)
    assert len(str(error.value)) < 130


def test_a_class_of_failure_names_its_jobs(tmp_path: Path) -> None:
    """A job that the kernel killed for want of memory is FAILED as well, and found by both words."""
    state = load_session(
        recorded(tmp_path, plan_of([spec("a"), spec("b")]), {"a": Outcome.FAILED, "b": Outcome.FAILED})
    )
    first = state.plan.jobs[0]
    killed = msgspec.structs.replace(state.record(first), measurements={OOM_KILL: 1})
    state.records[first.id] = killed
    assert [job.name for job in select(state, "oom")] == ["a"]
    assert [job.name for job in select(state, "failed")] == ["a", "b"]


def test_flaky_names_the_jobs_that_passed_in_a_later_run(state: SessionState) -> None:
    """Not those that failed in all of their runs."""
    for job in state.plan.jobs:
        if job.name in {"good", "bad"}:
            state.records[job.id] = msgspec.structs.replace(state.record(job), earlier=("a run",))
    assert [job.name for job in select(state, "flaky")] == ["good"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("plan", "c a b d"),
        ("name", "a b c d"),
        ("time", "b c a d"),
        ("status", "a b d c"),
        ("start", "a c b d"),
        ("memory", "c b a d"),
    ],
)
def test_jobs_come_in_the_order_that_is_asked_for(tmp_path: Path, order: str, names: str) -> None:
    """What is not known of a job puts it at the end."""
    outcomes = {"c": Outcome.SUCCESS, "a": Outcome.FAILED, "b": Outcome.INTERRUPTED}
    state = load_session(recorded(tmp_path, plan_of([spec(name) for name in outcomes], [spec("d")]), outcomes))
    facts = {"c": (2.0, 5.0, 300.0), "a": (1.0, 1.0, 100.0), "b": (3.0, 7.0, 200.0)}
    for job in state.plan.jobs[:3]:
        started, took, size = facts[job.name]
        state.records[job.id] = msgspec.structs.replace(
            state.record(job), started=started, measurements={"duration": took, "max_rss": size}
        )
    assert " ".join(job.name for job in in_order(state, state.plan.jobs, order)) == names
