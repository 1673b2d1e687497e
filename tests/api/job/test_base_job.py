"""The base class of jobs and batches: what a subclass has to bring, and what it may leave out."""

from typing import Any

import pytest

from canary_wf.errors import CanaryWfError
from canary_wf.job import BaseJob, JobPhase, JobState


class Minimal(BaseJob):
    """What the abstract methods ask for, and nothing else."""

    id = "m"

    def cost(self) -> float:
        """Return anything."""
        return 1.0

    def required_resources(self) -> list[dict[str, Any]]:
        """Ask for nothing."""
        return []

    def assign_resources(self, arg: Any) -> None:  # noqa: ANN401 - as in canary's API
        """Hold nothing."""

    def free_resources(self) -> dict[str, list[dict[str, Any]]]:
        """Give nothing back."""
        return {}

    def refresh_readiness(self) -> None:
        """Wait for nothing."""

    def is_runnable(self) -> bool:
        """Return that it can run."""
        return True

    def is_ready(self) -> bool:
        """Return that it can run now."""
        return True

    def total_timeout(self) -> float:
        """Return a second."""
        return 1.0

    def refresh(self) -> None:
        """Know everything."""

    def save(self) -> None:
        """Keep nothing."""

    def display_name(self, **kwargs: Any) -> str:  # noqa: ANN401 - as in canary's API
        """Return a name."""
        del kwargs
        return "minimal"


class WithStateOnly(Minimal):
    """One whose `__init__` sets the phase, and does not call that of the base."""

    def __init__(self, phase: JobPhase = JobPhase.PENDING) -> None:
        self.state = JobState(phase=phase)


@pytest.mark.parametrize("kind", [Minimal, WithStateOnly])
def test_a_subclass_need_not_set_anything(kind: type[Minimal]) -> None:
    """Every method of the base works on one that set its state alone, or nothing."""
    job, other = kind(), kind()
    job.validate_enqueuable()
    job.on_submitted()
    job.on_started()
    assert (job.state.phase, job.timekeeper.started is None) == (JobPhase.RUNNING, False)
    job.on_finished()
    job.set_status(outcome="FAILED", reason="so")
    job.add_measurement("a", 1)
    assert (job.state.is_done(), job.status.reason, job.measurements.data) == (True, "so", {"a": 1})
    assert (other.state.phase, other.timekeeper.started, other.measurements.data) == (JobPhase.PENDING, None, {})
    assert not other.status.reason


def test_what_cannot_be_queued_is_an_error_about_a_value() -> None:
    """Callers may know it by either class."""
    with pytest.raises(ValueError, match="minimal: is RUNNING already") as caught:
        WithStateOnly(JobPhase.RUNNING).validate_enqueuable()
    assert isinstance(caught.value, CanaryWfError)
