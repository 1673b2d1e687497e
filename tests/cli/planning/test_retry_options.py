"""From the command line to the plan: what is run again, and binding."""

import json

import pytest
from command_line import CommandLine, assert_one_line


def _plan(cli: CommandLine, *options: str) -> dict[str, object]:
    done = cli.generate("--json", *options)
    assert done.code == 0, done.err
    found: dict[str, object] = json.loads((cli.out / str(done.json["plan"])).read_text())
    return found


def test_the_plan_carries_the_policy_and_makes_room_for_it(small: CommandLine) -> None:
    """Time limits of batches grow with the number of further runs."""
    limits = []
    for options, policy in (
        ((), {}),
        (("-b", "retry=timeout:1"), {"timeout": 1}),
        (("-b", "retry=timeout:2,failed:2", "--repeat-until-pass", "3"), {"timeout": 2, "failed": 2, "any": 2}),
        (("--repeat-until-pass", "1", "--bind"), {"any": 0}),
    ):
        plan = _plan(small, *options)
        assert (plan["retry"], plan["bind"]) == (policy, "--bind" in options)
        batches = plan["batches"]
        assert isinstance(batches, list)
        limits.append(sum(batch["time_limit"] for batch in batches))
    assert limits[0] == limits[3] < limits[1] < limits[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-b", "retry=slow:1"), ("-b retry", "slow", "timeout")),
        (("-b", "retry=any:1", "--repeat-until-pass", "2"), ("--repeat-until-pass", "retry=any")),
        (("--repeat-until-pass", "0"), ("repeat-until-pass",)),
    ],
)
def test_what_is_not_understood_is_told(small: CommandLine, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    """As a mistake of the command line."""
    assert_one_line(small.generate(*options), 2, *words)
