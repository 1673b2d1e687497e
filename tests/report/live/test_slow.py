"""A job is slow when it runs clearly longer than before, and that is told before its limit ends it."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import STARTED, recorded

from canary_wf.history.run_times import update_history
from canary_wf.plan.model import Plan
from canary_wf.report.live import slow
from canary_wf.report.live.slow import slow_after
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.report.live.views.running_table import running_table
from canary_wf.report.live.views.wording import announcements
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome


@pytest.mark.parametrize(
    ("usual", "spread", "limit", "expected"),
    [
        (0.1, 0.0, 300.0, 10.1),  # ten seconds more
        (100.0, 0.0, 3600.0, 150.0),  # half as much again
        (100.0, 40.0, 3600.0, 220.0),  # three times the usual deviation
        (40.0, 0.0, 50.0, 45.0),  # half of what is left to the limit
        (60.0, 0.0, 60.0, 60.0),
    ],
)
def test_the_rule(usual: float, spread: float, limit: float, expected: float) -> None:
    """The largest of three margins, or half way to the limit."""
    assert slow_after(usual, spread, limit) == pytest.approx(expected)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 1e6))
def test_a_job_below_its_limit_is_slow_before_it(usual: float, spread: float, limit: float) -> None:
    """Never sooner than usual."""
    after = slow_after(usual, spread, limit)
    assert after >= usual
    assert after <= max(usual, limit)


def _session(out: Path, source: RuntimeSource, runs: list[float]) -> SessionPaths:
    """Return a session with a running job that took `runs` before, and is expected to take their median."""
    import msgspec

    plan: Plan = plan_of([spec("a"), spec("b")])
    runtime = sorted(runs)[len(runs) // 2]
    jobs = tuple(msgspec.structs.replace(job, runtime=runtime, runtime_source=source) for job in plan.jobs)
    paths = recorded(out, msgspec.structs.replace(plan, jobs=jobs), {"a": Outcome.SUCCESS}, running=["b"], alive=True)

    def remember(history: object) -> None:
        for number, seconds in enumerate(runs):
            history.add(jobs[1].id, f"2025010{number}T000000.000000", seconds)  # type: ignore[attr-defined]

    update_history(out, remember)
    return paths


def test_a_slow_job_is_told_once_and_stays_marked(tmp_path: Path) -> None:
    """From the moment that the rule says."""
    snapshots = Snapshots(_session(tmp_path, "history", [20.0, 20.0, 20.0]))
    assert not snapshots.take(STARTED + 29).running[0].is_slow
    found = [snapshots.take(STARTED + seconds) for seconds in (31, 40)]
    assert [[each.job.name for each in snapshot.slow] for snapshot in found] == [["b"], []]
    assert all(snapshot.running[0].is_slow for snapshot in found)
    (said,) = announcements(found[0])
    assert (said.word, said.name) == ("SLOW", "b")
    assert said.text.startswith(": 31s so far, usually 20s, limit 5m00s on ")
    rows = list(running_table(found[1].running, None))
    assert [piece.text for piece in rows[1]][2].strip() == "40s SLOW"


def test_a_job_whose_times_differ_anyway_is_not_slow_soon(tmp_path: Path) -> None:
    """Its deviation is known from the history only, not from the plan."""
    snapshots = Snapshots(_session(tmp_path, "history", [10.0, 20.0, 30.0]))
    assert not snapshots.take(STARTED + 60).running[0].is_slow
    assert snapshots.take(STARTED + 66).running[0].is_slow


@pytest.mark.parametrize("source", ["declared", "default"])
def test_a_job_without_earlier_runs_is_never_slow(tmp_path: Path, source: RuntimeSource) -> None:
    """What somebody wrote into a file, or a share of the limit, is no experience."""
    assert not Snapshots(_session(tmp_path, source, [1.0])).take(STARTED + 290).running[0].is_slow


def test_a_history_that_cannot_be_read_leaves_the_expected_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view does not end because of it, and reads it again a little later."""
    snapshots = Snapshots(_session(tmp_path, "history", [10.0, 20.0, 30.0]))
    file = tmp_path / ".canary-wf" / "history" / "runtimes.json"
    right = file.read_text()
    file.write_text("{")
    assert snapshots.take(STARTED + 31).running[0].is_slow
    file.write_text(right)
    assert snapshots.take(STARTED + 32).running[0].is_slow
    monkeypatch.setattr(slow, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 11))
    assert not snapshots.take(STARTED + 33).running[0].is_slow
