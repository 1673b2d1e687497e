"""The runner's lines for the batch's log."""

import pytest

from canary_wf.execution.progress import ProgressLog
from canary_wf.hooks.dispatch import Hooks
from canary_wf.job.events import Event, JobFinished


def test_lines_of_jobs_that_end_together_are_written_before_the_runner_sleeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line a verdict, in order; listeners are told when nothing happens for a while."""
    progress = ProgressLog({"1": "one", "2": "a\ntwo"}, 7, 10)
    told: list[Event] = []
    hooks = Hooks([told.append])
    rests: list[int] = []

    def before_rest() -> None:
        progress.flush()
        rests.append(len(told))

    hooks.add(progress, before_rest)
    hooks.emit(JobFinished(time=1.0, job="1", outcome="SUCCESS", code=0, measurements={"duration": 0.5}))
    hooks.emit(JobFinished(time=1.0, job="2", outcome="FAILED", code=3, reason="exit code 3"))
    assert rests == []
    hooks.rest()
    assert rests == [2]
    assert capsys.readouterr().out.splitlines() == [
        "[ 8/10] PASS SUCCESS one in 0.50s",
        "[ 9/10] FAIL FAILED a\\ntwo: exit code 3",
    ]
