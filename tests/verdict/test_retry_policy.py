"""How often jobs are run again, as the command line says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import UsageError
from canary_wf.verdict.retry_policy import ANY, RETRIED, allows_another, others, parse_retry, timeouts


def test_a_policy_is_a_list_of_classes_with_numbers() -> None:
    """In any case, with or without spaces."""
    assert parse_retry("timeout:1") == {"timeout": 1}
    assert parse_retry("OOM:2, any:0,failed:99") == {"oom": 2, "any": 0, "failed": 99}


@pytest.mark.parametrize(
    "text", ["", "timeout", "timeout:", "timeout:-1", "slow:1", "any:1,any:2", "any:100", "blocked:1"]
)
def test_anything_else_is_a_usage_error(text: str) -> None:
    """Told with where and what to write."""
    with pytest.raises(UsageError, match="-b retry"):
        parse_retry(text)


def test_runs_count_for_their_own_class_or_for_any() -> None:
    """A class that the policy names does not use up what is there for the others."""
    policy = {"timeout": 1, "any": 2}
    assert allows_another(policy, [], "timeout")
    assert not allows_another(policy, ["timeout"], "timeout")
    assert allows_another(policy, ["timeout", "failed"], "diffed")
    assert not allows_another(policy, ["timeout", "failed", "killed"], "diffed")
    assert not allows_another(policy, [], "interrupted")
    assert not allows_another({}, [], "failed")


_POLICIES = st.dictionaries(st.sampled_from([*RETRIED, ANY]), st.integers(0, 5))


@given(_POLICIES, st.data())
def test_no_sequence_of_failures_goes_on_for_ever_or_beyond_the_room_in_time_limits(
    policy: dict[str, int], data: st.DataObject
) -> None:
    """What a plan leaves room for is never less than what a job may do."""
    ended: list[str] = []
    while allows_another(policy, ended, now := data.draw(st.sampled_from(list(RETRIED)))):
        ended.append(now)
    hangs = ended.count("timeout")
    assert hangs <= timeouts(policy)
    assert len(ended) - hangs <= others(policy)


def test_any_leaves_room_only_for_classes_that_are_not_named() -> None:
    """Time limits are no longer than they have to be."""
    named = {"oom": 1, "killed": 1, "failed": 1, "diffed": 1, "broken": 1}
    assert (others({**named, "any": 5}), timeouts({**named, "any": 5})) == (5, 5)
    del named["broken"]
    assert others({**named, "timeout": 3, "any": 5}) == 9
