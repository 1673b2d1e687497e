"""The run time a batch asks for: more only after an attempt that ended by its limit."""

from pathlib import Path

import pytest
from factories import plan_of, spec

from canary_wf.job.events import AttemptEnded, AttemptStarted
from canary_wf.job.journal import JournalWriter
from canary_wf.plan.store import write_session
from canary_wf.workflow.limits import runtime_minutes


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
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    if reasons:
        writer = JournalWriter(paths.batch(plan.batches[0].id).journal)
        for number, reason in enumerate(reasons):
            writer.append(AttemptStarted(time=1.0, token=str(number), host="h", pid=1))
            writer.append(AttemptEnded(time=2.0, token=str(number), reason=reason))
        writer.close()
    assert runtime_minutes(str(paths.plan), plan.batches[0].id, 10) == minutes
