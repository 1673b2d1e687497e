"""Two sessions side by side: each job is told under the one word that fits, and noise is not told at all."""

from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec

from canary_wf.history.run_times import History
from canary_wf.report.comparison import compare
from canary_wf.report.session import SessionState
from canary_wf.state.record import PENDING, JobRecord
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import JobPhase, Outcome, Status

OK, FAILED, TIMEOUT = Outcome.SUCCESS, Outcome.FAILED, Outcome.TIMEOUT
ID = spec("a").id


def _state(outcome: Outcome | None, seconds: float = 10.0, name: str = "a", session: str = "1") -> SessionState:
    plan = msgspec.structs.replace(plan_of([spec(name)]), session=session)
    record = JobRecord(JobPhase.DONE, Status.of(outcome), 0.0, seconds) if outcome is not None else PENDING
    return SessionState(
        SessionPaths(Path("/nowhere"), session), plan, {plan.jobs[0].id: record}, live=False, begun=True
    )


def _kinds(before: SessionState, after: SessionState, history: History | None = None) -> list[str]:
    found = compare(before, after, history or History())
    kinds = ("newly_failing", "still_failing", "fixed", "slower", "faster", "added", "removed", "not_run")
    return [kind for kind in kinds if getattr(found, kind)]


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (OK, FAILED, ["newly_failing"]),
        (None, FAILED, ["newly_failing"]),
        (Outcome.SKIPPED, Outcome.CANCELLED, ["newly_failing"]),
        (FAILED, TIMEOUT, ["still_failing"]),
        (FAILED, OK, ["fixed"]),
        (FAILED, Outcome.SKIPPED, []),
        (FAILED, None, ["not_run"]),
        (OK, Outcome.INTERRUPTED, ["newly_failing"]),
        (None, None, []),
        (OK, OK, []),
        (OK, Outcome.XFAIL, []),
        (Outcome.SKIPPED, OK, []),
    ],
)
def test_each_job_is_told_once(before: Outcome | None, after: Outcome | None, kinds: list[str]) -> None:
    """A job that was skipped is not mended, and one that never failed is no news."""
    assert _kinds(_state(before), _state(after)) == kinds


@pytest.mark.parametrize(
    ("before", "after", "spread", "kinds"),
    [
        (10.0, 10.9, 0.0, []),
        (10.0, 14.9, 0.0, []),
        (10.0, 16.0, 0.0, ["slower"]),
        (10.0, 6.7, 0.0, []),
        (10.0, 6.5, 0.0, ["faster"]),
        (0.2, 1.5, 0.0, ["slower"]),
        (10.0, 12.0, 1.0, []),
        (10.0, 14.0, 1.0, ["slower"]),
        (0.01, 0.09, 0.0, []),
        (0.0, 5.0, 0.0, ["slower"]),
    ],
)
def test_only_times_beyond_the_spread_are_told(before: float, after: float, spread: float, kinds: list[str]) -> None:
    """A job that usually varies may; one with one earlier run has to take half as long again."""
    deviation = spread / 1.4826
    runs = [(f"0{number}", before + side * deviation) for number, side in enumerate((-1, 1, -1, 1))]
    history = History(runtimes={ID: runs}) if spread else History()
    assert _kinds(_state(OK, before), _state(OK, after), history) == kinds


def test_jobs_of_only_one_session_are_named() -> None:
    """What is new and fails is newly failing, too."""
    found = compare(_state(OK, name="old"), _state(FAILED, name="new"), History())
    assert (found.added, found.removed) == (("new",), ("old",))
    assert [(one.name, one.before, one.after) for one in found.newly_failing] == [("new", "NONE", "FAILED")]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_run_does_not_excuse_itself(*, recorded: bool) -> None:
    """The history up to the second session counts, whether that one is in it or not, and later ones do not."""
    runs = [("01", 0.21), ("02", 0.19), ("03", 0.2), *([("04", 1.5)] if recorded else []), ("05", 9.0)]
    before, after = _state(OK, 0.2, session="03"), _state(OK, 1.5, session="04")
    found = compare(before, after, History(runtimes={ID: runs}))
    assert [(one.name, one.earlier_runs) for one in found.slower] == [("a", 3)]
    second = compare(_state(OK, 0.2, session="01"), after, History(runtimes={ID: [("01", 0.2), ("04", 1.5)]}))
    assert [(one.name, one.earlier_runs) for one in second.slower] == [("a", 1)]
