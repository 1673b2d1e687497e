"""The `when=` of directives."""

import pytest

from canary_wf.discovery.pyt.conditions import Situation, parse_condition
from canary_wf.errors import InputError

JOB = Situation(frozenset({"dbg", "abc"}), "foo", {"cpus": 4, "a": 1}, ("Fast", "unit"))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("options=dbg", True),
        ("option=opt", False),
        ("options='dbg and not opt'", True),
        ("options='a*'", True),
        ("options=DBG", False),
        ("options=", False),
        ("keywords=fast", True),
        ("keywords='fast and not unit'", False),
        ("keywords=uni", False),
        ("parameters='cpus>1'", True),
        ("parameters='cpus=*'", True),
        ("parameters=missing=1", False),
        ("testname=foo", True),
        ("testname='foo or bar'", True),
        ("testname=FOO", False),
        ("platforms=linux", True),
        ("platform=Linux", True),
        ("platforms='not linux'", False),
        ("options='not opt' parameters='cpus>1'", True),
        ("options='not dbg' parameters='cpus>1'", False),
        ({"options": "dbg", "parameters": "a=1"}, True),
        ({"keyword": "slow"}, False),
    ],
)
def test_holds(when: str | dict[str, str], expected: bool) -> None:
    """Each key, its singular, and text and mapping forms are judged on the job."""
    condition = parse_condition(when)
    assert condition is not None
    assert condition.holds(JOB) is expected
    assert (condition.unmet(JOB) is None) is expected


@pytest.mark.parametrize("when", [None, "", "  ", {}])
def test_nothing_said_is_no_condition(when: object) -> None:
    """An empty condition always holds."""
    assert parse_condition(when) is None


@pytest.mark.parametrize(
    "when",
    ["dbg", "not dbg", "options=a or b", "foo=a", {"foo": "a"}, {"options": 3}, 3, "options='a", "options='a and'",
     "options='(a'", "parameters='a='", "options=a,platforms=linux", "testname=a;options=b"],
)  # fmt: skip
def test_malformed_conditions_are_refused(when: object) -> None:
    """An unknown key, a stray word or a malformed expression is an input error."""
    with pytest.raises(InputError):
        parse_condition(when)


def test_conditions_of_includes_must_hold_too() -> None:
    """The conditions around an included file are added to the directive's own."""
    condition = parse_condition("options=dbg", ("testname=bar",))
    assert condition is not None
    assert condition.unmet(JOB) == "testname=bar"
