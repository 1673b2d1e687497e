import pytest

from canary_wf.errors import InputError
from canary_wf.verdict.status import Category, Outcome, Status


def test_outcomes_have_the_documented_codes() -> None:
    """The numbers other programs rely on."""
    expected = {"NONE": -1, "SUCCESS": 0, "XDIFF": 10, "XFAIL": 11, "DIFFED": 64, "FAILED": 65, "ERROR": 66}
    expected |= {"BROKEN": 67, "TIMEOUT": 68, "INVALID": 69, "CANCELLED": 70, "INTERRUPTED": 71, "SKIPPED": 80}
    assert {outcome.name: outcome.value for outcome in Outcome} == expected | {"BLOCKED": 81}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_one_category(outcome: Outcome) -> None:
    """No outcome is forgotten."""
    assert isinstance(outcome.category, Category)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"outcome": "SUCCESS"}, ("PASS", "SUCCESS", None, 0)),
        ({"outcome": "XFAIL"}, ("PASS", "XFAIL", None, 11)),
        ({"outcome": "FAILED"}, ("FAIL", "FAILED", None, 65)),
        ({"outcome": "BROKEN"}, ("FAIL", "BROKEN", None, 67)),
        ({"outcome": "INVALID"}, ("FAIL", "INVALID", None, 69)),
        ({"outcome": "INTERRUPTED"}, ("CANCEL", "INTERRUPTED", None, 71)),
        ({"outcome": "blocked", "reason": "why"}, ("SKIP", "BLOCKED", "why", 81)),
        ({"category": "FAIL"}, ("FAIL", "FAILED", None, 65)),
        ({"category": "CANCEL"}, ("CANCEL", "CANCELLED", None, 70)),
        ({"outcome": "FAILED", "code": 3}, ("FAIL", "FAILED", None, 3)),
    ],
)
def test_a_status_is_set_by_names(names: dict[str, object], expected: tuple[object, ...]) -> None:
    """A category alone means its usual outcome; FAIL means FAILED, not the peer's DIFFED."""
    status = Status.named(**names)  # type: ignore[arg-type]
    assert (status.category, status.outcome.name, status.reason, status.code) == expected


@pytest.mark.parametrize(
    "names", [{"category": "ABORTED"}, {"outcome": "GREAT"}, {"category": "PASS", "outcome": "FAILED"}]
)
def test_unknown_or_contradicting_names_are_refused(names: dict[str, str]) -> None:
    """The error says what is known, or what contradicts."""
    with pytest.raises(InputError):
        Status.named(**names)  # type: ignore[arg-type]


def test_final_and_failed_are_as_the_contract_says() -> None:
    """INTERRUPTED is run again, CANCELLED is not; both count as failed, SKIP does not."""
    final = {outcome.name for outcome in Outcome if Status.of(outcome).is_final}
    assert final == set(Outcome.__members__) - {"NONE", "INTERRUPTED"}
    failed = {outcome.category for outcome in Outcome if Status.of(outcome).counts_as_failed}
    assert failed == {Category.FAIL, Category.CANCEL}
