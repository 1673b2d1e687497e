"""The class of a verdict."""

import pytest

from canary_wf.verdict.failure_class import OOM_KILL, class_of, out_of_memory
from canary_wf.verdict.status import Outcome, Status


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_that_is_not_a_pass_has_a_class(outcome: Outcome) -> None:
    """And those that passed, or have no verdict, have none."""
    found = class_of(Status.of(outcome), {})
    expected = {Outcome.ERROR: "failed", Outcome.INVALID: "failed"}.get(outcome, outcome.name.lower())
    none = {Outcome.NONE, Outcome.SUCCESS, Outcome.XDIFF, Outcome.XFAIL}
    assert found == (None if outcome in none else expected)


def test_killed_and_out_of_memory_are_told_from_failed() -> None:
    """The outcome is FAILED in each case."""
    killed = Status(Outcome.FAILED, "killed by signal 9 (SIGKILL)", -9)
    assert class_of(killed, {}) == "killed"
    assert class_of(killed, {OOM_KILL: 1}) == "oom"
    assert class_of(Status(Outcome.FAILED, "exit code 1", 1), {}) == "failed"
    # What was asked for stays what it is, whatever the kernel says.
    expected = Status.of(Outcome.XFAIL)
    assert out_of_memory(expected) == expected
    assert class_of(expected, {OOM_KILL: 1}) is None
