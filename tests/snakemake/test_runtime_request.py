"""The run time a batch asks for: more only after an attempt that ended by its limit."""

from pathlib import Path

import pytest
from factories import plan_of, spec

from canary_wf.plan.store import write_session
from canary_wf.snakemake.runtime_request import runtime_minutes
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import JournalWriter
from canary_wf.state.session_paths import SessionPaths


@pytest.mark.parametrize(
    ("reasons", "minutes"),
    [
        ([], 10),
        (["complete"], 10),
        (["lost", "signal", "error"], 10),
        (["time_limit"], 20),
        (["time_limit", "lost", "time_limit"], 40),
        (["time_limit"] * 30, 640),
    ],
)
def test_each_attempt_that_hit_its_limit_doubles_the_time(tmp_path: Path, reasons: list[str], minutes: int) -> None:
    """Other ends ask for no more, and the doubling itself has an end."""
    plan, batch = _ended(tmp_path, reasons)
    assert runtime_minutes(plan, batch, 10) == minutes


@pytest.mark.parametrize(("longest", "minutes"), [(None, 40), (60, 40), (35, 35), (10, 10), (5, 10)])
def test_no_retry_asks_for_more_than_a_partition_allows(tmp_path: Path, longest: int | None, minutes: int) -> None:
    """It would wait for ever; what is planned, which a user may have changed, is asked for all the same."""
    plan, batch = _ended(tmp_path, ["time_limit", "time_limit"])
    assert runtime_minutes(plan, batch, 10, longest=longest) == minutes


def test_a_batch_whose_state_cannot_be_read_asks_for_what_is_planned(tmp_path: Path) -> None:
    """Its runner says what is wrong; an error here would keep Snakemake from all the others."""
    plan, batch = _ended(tmp_path, ["time_limit"])
    SessionPaths.of_plan(Path(plan)).batch(batch).folder.rename(tmp_path / "gone")
    assert runtime_minutes(plan, batch, 10) == 10
    assert runtime_minutes(plan, "b" * 300, 10) == 10  # no file can have such a name, so the system refuses to look


def _ended(out: Path, reasons: list[str]) -> tuple[str, str]:
    """Write a session whose only batch had attempts that ended for `reasons`; return the plan's path and the batch."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, out)
    batch = plan.batches[0].id
    if reasons:
        writer = JournalWriter(paths.batch(batch).journal)
        for number, reason in enumerate(reasons):
            writer.append(AttemptStarted(time=1.0, token=str(number), host="h", pid=1))
            writer.append(AttemptEnded(time=2.0, token=str(number), reason=reason))
        writer.close()
    return str(paths.plan), batch
