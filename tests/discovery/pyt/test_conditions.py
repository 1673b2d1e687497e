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
        ("name=foo", True),
        ("name='b*'", False),
        ("options = 'dbg'", True),
        ("options='dbg'testname='foo'", True),
        ("options='dbg'\n  testname=foo", True),
        ("options='''dbg or x'''", True),
        ("parameters=name=3", False),
        ({"options": "'opt or dbg'"}, True),
        ({"options": "'opt' or 'dbg'"}, True),
        ({"options": "dbg", "platforms": None}, True),
        ("parameters='cpus=$CPUS and ${a}<{}'".replace("{}", "2"), True),
        ("testname='${name}'", True),
        ("parameters='a={a}'", True),
        ("options='$$x'", False),
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
     "options='(a'", "parameters='a='", "options=a,platforms=linux", "testname=a;options=b",
     "testname=a,name=b", "testnames=foo", {"name": "foo"}, {3: "a"}, "options= keywords=x", ["options=dbg"], True],
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


def test_a_name_that_is_no_parameter_is_refused() -> None:
    """A condition that could hold for no job is told, unless only the job behind others lacks the parameter."""
    condition = parse_condition("options='$opt'")
    assert condition is not None
    assert "parameters" in condition.keys
    with pytest.raises(InputError, match=r"\$opt"):
        condition.holds(JOB)
    assert not condition.holds(Situation(absent=frozenset({"opt"})))


def test_a_site_names_its_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CANARY_PLATFORM and the older variables hold are names of this platform; ``any`` stands for all."""
    condition = parse_condition("platforms='site and cluster'")
    assert condition is not None
    assert not condition.holds(JOB)
    monkeypatch.setenv("CANARY_PLATFORM", "other,Site")
    monkeypatch.setenv("SNLCLUSTER", "cluster")
    assert condition.holds(JOB)
    monkeypatch.setenv("CANARY_PLATFORM", "any")
    other = parse_condition("platforms=darwin")
    assert other is not None
    assert other.holds(JOB)
