"""`canary-wf rebaseline` where there is nothing to do."""

import pytest
from command_line import CommandLine
from factories import plan_of, spec
from sessions import recorded

from canary_wf.verdict.status import Outcome


@pytest.mark.parametrize(
    ("different", "why"),
    [
        (0, "no job ended with differences"),
        (1, "1 job ended with differences, but it declares no baseline"),
        (4, "4 jobs ended with differences, but none of them declares a baseline"),
    ],
)
def test_nothing_to_make_the_reference_is_explained(cli: CommandLine, different: int, why: str) -> None:
    """Who expected a new reference learns why there is none."""
    names = [f"j{number}" for number in range(5)]
    outcomes = {name: Outcome.DIFFED if number < different else Outcome.SUCCESS for number, name in enumerate(names)}
    recorded(cli.out, plan_of([spec(name) for name in names]), outcomes)
    done = cli("rebaseline", "-d", cli.out)
    assert (done.code, done.out) == (0, f"Made the results of 0 jobs the reference: {why}.\n")
