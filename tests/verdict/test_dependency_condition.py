import pytest

from canary_wf.errors import InputError
from canary_wf.verdict.dependency_condition import AnyMatcher, check_when, is_satisfied
from canary_wf.verdict.status import Outcome, Status


@pytest.mark.parametrize(
    ("when", "outcome", "expected"),
    [
        ("on_success", "SUCCESS", True),
        ("on_success", "XFAIL", True),
        ("on_success", "XDIFF", True),
        ("on_success", "DIFFED", False),
        ("on_success", "SKIPPED", False),
        ("on_success", "FAILED", False),
        ("on_failure", "FAILED", True),
        ("on_failure", "DIFFED", True),
        ("on_failure", "SKIPPED", False),
        ("on_failure", "BLOCKED", False),
        ("on_failure", "CANCELLED", False),
        ("always", "CANCELLED", True),
        ("*", "BLOCKED", True),
        (None, "FAILED", True),
        ("success or diffed", "DIFFED", True),
        ("not (success or diffed)", "DIFFED", False),
        ("fail", "TIMEOUT", True),
        ("pass", "XDIFF", True),
        ("blocked", "BLOCKED", True),
        ("TIMEOUT", "TIMEOUT", True),
    ],
)
def test_conditions_on_the_upstreams_outcome(when: str | None, outcome: str, expected: bool) -> None:
    """`when` speaks of outcomes and categories, in any case."""
    assert is_satisfied(when, Status.of(Outcome[outcome])) is expected


def test_choices_may_be_written_in_any_case() -> None:
    """As they are asked for in any case."""
    holds = AnyMatcher({"Success", "FAIL"})
    assert [holds(name) for name in ("success", "SUCCESS", "fail", "failed")] == [True, True, True, False]


@pytest.mark.parametrize("when", ["", "on_sucess", "pass and", "great or pass"])
def test_a_condition_with_an_unknown_word_is_refused_while_planning(when: str) -> None:
    """A slip of the pen must not block a job for ever."""
    with pytest.raises(InputError):
        check_when(when)


@pytest.mark.parametrize("when", ["on_success", "always", "*", "success or diffed", "not FAILED", "timeout"])
def test_known_conditions_are_accepted(when: str) -> None:
    """What the documentation names is accepted as it is."""
    assert check_when(when) == when
