"""How canary behaves, fact by fact, where this package does the same; and where it does not, with the reason.

The facts were tried on canary 2026-07-02, 2026-08-22 and 26.10.15. Verdicts and names of whole trees are compared with
canary itself in `e2e/test_canary_comparison.py`. Facts about batches, the pool, exit codes and
durations stand with the tests of these.
"""

import random
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from factories import spec
from session_jobs import ended, job_in

from canary_wf.discovery.parameter_expression import parse_parameter_expression
from canary_wf.discovery.pyt.conditions import Situation, parse_condition
from canary_wf.discovery.pyt.parameters import parameter_rows, product
from canary_wf.discovery.selection import keyword_filter
from canary_wf.durations import parse_duration
from canary_wf.errors import InputError, UsageError
from canary_wf.job import Dependency, Job
from canary_wf.rpool import ResourcePool
from canary_wf.runtime.canary import enums
from canary_wf.verdict.exit_code import status_of_exit
from canary_wf.verdict.status import Outcome, Status

LISTED, CENTERED, RANDOM = (
    enums.list_parameter_space,
    enums.centered_parameter_space,
    enums.random_parameter_space,
)


def _space(names: str, values: list[Any], kind: object = LISTED, **named: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return parameter_rows({"names": names, "values": values, "type": kind, **named})


@pytest.mark.parametrize(
    ("names", "values", "rows"),
    [
        ("a", [1, 2, 3], [{"a": 1}, {"a": 2}, {"a": 3}]),
        ("a,b", [[1, 2], [3, 4]], [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
        ("a", [1, 1.0, True], [{"a": 1}]),
        ("a", [], []),
    ],
)
def test_parameter_sets(names: str, values: list[Any], rows: list[dict[str, Any]]) -> None:
    """param: one name, zipped names, equal values are one, and an empty list makes nothing."""
    assert _space(names, values) == rows


def test_several_spaces_multiply_with_the_last_fastest() -> None:
    """param: the product keeps the order of the calls."""
    rows = product([_space("a", [1, 2]), _space("b", ["x", "y"])])
    assert list(rows) == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_centered_space_goes_through_each_name() -> None:
    """param: the centre first, then each name from below to above."""
    rows = _space("a,b", [[0, 1, 1], [10, 2, 1]], CENTERED)
    assert [tuple(row.values()) for row in rows] == [(0, 10), (-1, 10), (1, 10), (0, 8), (0, 12)]


def test_random_points_lie_in_their_ranges() -> None:
    """param: as many as asked for, uniform between low and high, drawn by Python's generator from the seed."""
    rows = _space("a,b", [[0, 1], [5, 6]], RANDOM, samples=7, random_seed=3.0)
    assert len(rows) == 7
    assert all(0 <= row["a"] <= 1 and 5 <= row["b"] <= 6 for row in rows)
    assert rows[0]["a"] == random.Random(3.0).uniform(0, 1)  # noqa: S311 - the points are what is asserted


@pytest.mark.parametrize(
    ("names", "values", "kind"), [("a,b", [[3]], LISTED), ("x", [[0, 1, 1]], CENTERED), ("x", [[0, 1]], RANDOM)]
)
def test_spaces_that_do_not_fit_their_names(names: str, values: list[Any], kind: object) -> None:
    """param: rows of the wrong length, and spaces that need two names, are ValueErrors."""
    with pytest.raises(ValueError, match=r"names|two"):
        _space(names, values, kind)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"outcome": "SUCCESS"}, ("PASS", "SUCCESS", None, 0)),
        ({"outcome": "XDIFF"}, ("PASS", "XDIFF", None, 10)),
        ({"outcome": "XFAIL"}, ("PASS", "XFAIL", None, 11)),
        ({"outcome": "DIFFED"}, ("FAIL", "DIFFED", None, 64)),
        ({"outcome": "FAILED"}, ("FAIL", "FAILED", None, 65)),
        ({"outcome": "ERROR"}, ("FAIL", "ERROR", None, 66)),
        ({"outcome": "BROKEN"}, ("FAIL", "BROKEN", None, 67)),
        ({"outcome": "TIMEOUT"}, ("FAIL", "TIMEOUT", None, 68)),
        ({"outcome": "INVALID"}, ("FAIL", "INVALID", None, 69)),
        ({"outcome": "CANCELLED"}, ("CANCEL", "CANCELLED", None, 70)),
        ({"outcome": "INTERRUPTED"}, ("CANCEL", "INTERRUPTED", None, 71)),
        ({"outcome": "SKIPPED"}, ("SKIP", "SKIPPED", None, 80)),
        ({"outcome": "BLOCKED"}, ("SKIP", "BLOCKED", None, 81)),
        ({"category": "PASS"}, ("PASS", "SUCCESS", None, 0)),
        ({"category": "FAIL"}, ("FAIL", "FAILED", None, 65)),
        ({"category": "CANCEL"}, ("CANCEL", "CANCELLED", None, 70)),
        ({"category": "SKIP"}, ("SKIP", "SKIPPED", None, 80)),
        ({"outcome": "FAILED", "code": 3}, ("FAIL", "FAILED", None, 3)),
    ],
)
def test_a_status_by_names(tmp_path: Path, names: dict[str, Any], expected: tuple[object, ...]) -> None:
    """status: each outcome has its category and code, a category its usual outcome, and a code may be given."""
    job = job_in(tmp_path, spec("a"))
    job.set_status(**names)
    status = job.status
    assert (status.category.value, status.outcome.name, status.reason, status.code) == expected


def test_a_status_that_contradicts_itself() -> None:
    """status: an outcome of another category is a ValueError."""
    with pytest.raises(ValueError, match="implies category FAIL"):
        Status.named(category="PASS", outcome="FAILED")


@pytest.mark.parametrize(
    ("when", "outcomes"),
    [
        ("on_success", "SUCCESS XDIFF XFAIL"),
        ("on_failure", "DIFFED FAILED ERROR BROKEN TIMEOUT INVALID"),
        ("success or diffed", "SUCCESS DIFFED"),
        ("fail", "DIFFED FAILED ERROR BROKEN TIMEOUT INVALID"),
        ("pass", "SUCCESS XDIFF XFAIL"),
        ("blocked", "BLOCKED"),
        ("timeout", "TIMEOUT"),
        ("not success", "XDIFF XFAIL DIFFED FAILED ERROR BROKEN TIMEOUT INVALID CANCELLED INTERRUPTED SKIPPED BLOCKED"),
        ("always", " ".join(outcome.name for outcome in Outcome if outcome is not Outcome.NONE)),
        (None, " ".join(outcome.name for outcome in Outcome if outcome is not Outcome.NONE)),
    ],
)
def test_conditions_of_dependencies(tmp_path: Path, when: str | None, outcomes: str) -> None:
    """when: for which outcomes of the upstream job a dependency is satisfied; for all others it is not."""
    found = [
        outcome.name
        for outcome in Outcome
        if outcome is not Outcome.NONE
        and Dependency(ended(job_in(tmp_path / outcome.name, spec("up")), outcome.name), when).is_satisfied()
    ]
    assert sorted(found) == sorted(outcomes.split())


def test_a_dependency_that_is_not_done_satisfies_nothing(tmp_path: Path) -> None:
    """when: not even `always`."""
    assert not Dependency(job_in(tmp_path, spec("up")), "always").is_satisfied()


def _kept(expression: str, *keywords: str) -> bool:
    return keyword_filter(expression)(spec("job", keywords=keywords)) is None


@pytest.mark.parametrize(
    ("expression", "keywords", "kept"),
    [
        ("a and not b", ("a",), True),
        ("a and not b", ("a", "b"), False),
        ("FAST", ("fast",), True),
        ("fast", ("Fast",), True),
        ("fas", ("fast",), False),
        ("fas*", ("fast",), True),
        (":all:", (), True),
        ("", ("a",), False),
    ],
)
def test_keyword_expressions(expression: str, keywords: tuple[str, ...], kept: bool) -> None:
    """expr: whole words in any case, with wildcards; an empty expression keeps nothing."""
    assert _kept(expression, *keywords) is kept


def test_an_unfinished_keyword_expression() -> None:
    """expr: it is an error."""
    with pytest.raises(UsageError, match="the end"):
        keyword_filter("a and")


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("cpus>1", True),
        ("cpus=4", True),
        ("nothing>1", False),
        ("cpus=*", True),
        ("!np", True),
        ("!cpus", False),
        ("cpus=4 and n=2", True),
        ("n in (1, 2)", True),
        ("not n=2", False),
    ],
)
def test_parameter_expressions(expression: str, holds: bool) -> None:
    """expr: comparisons over parameters; one that is not there makes the expression false."""
    assert parse_parameter_expression(expression)({"cpus": 4, "n": 2}) is holds


def test_options_of_a_condition() -> None:
    """expr: the options turned on are its names."""
    condition = parse_condition("options='opt and not dbg'")
    assert condition is not None
    assert condition.holds(Situation(options=frozenset({"opt"})))
    assert not condition.holds(Situation(options=frozenset({"opt", "dbg"})))


def test_the_cost_of_a_job(tmp_path: Path) -> None:
    """formula: the length of CPUs and seconds, as in canary of 2026-07-02."""
    job: Job = job_in(tmp_path, spec("a", cpus=4, runtime=30.0))
    assert job.cost() == pytest.approx(30.265492, abs=1e-6)


def _names(cli: CommandLine, *options: str) -> list[str]:
    return sorted(job["name"] for job in cli("find", cli.tree, "--json", *options).json["jobs"] if not job["masked"])


def test_names_of_parameterized_jobs(cli: CommandLine) -> None:
    """e2e.generation: keys in order, floats by %g."""
    cli.write(
        "p.pyt",
        "import canary\ncanary.directives.testname('alpha')\ncanary.directives.parameterize('cpus', [1, 2])\n"
        "canary.directives.parameterize('b', [1e5, 1e6, 0.1])\n",
    )
    assert _names(cli) == [f"alpha.b={b}.cpus={cpus}" for b in ("0.1", "100000", "1e+06") for cpus in (1, 2)]


def test_an_aggregate_is_named_after_the_family(cli: CommandLine) -> None:
    """e2e.generation: one more job, behind all others of the file, called with the flag."""
    cli.write(
        "p.pyt",
        "import canary\ncanary.directives.parameterize('n', [1, 2])\ncanary.directives.aggregate(flag='--analyze')\n",
    )
    jobs = {job["name"]: job for job in cli("find", cli.tree, "--json").json["jobs"]}
    assert sorted(jobs) == ["p", "p.n=1", "p.n=2"]
    cli.generate()
    plan = cli("plan", cli.tree, *cli.PLANNED, "--json", "-d", cli.out).json
    (last,) = [batch for batch in plan["batches"] if jobs["p"]["id"] in batch["jobs"]]
    assert last["dependencies"]


def test_keywords_under_a_condition(cli: CommandLine) -> None:
    """e2e.generation: they are there with the option only."""
    cli.write("p.pyt", "import canary\ncanary.directives.keywords('extra', when='options=opt')\n")
    assert _names(cli, "-o", "opt", "-k", "extra") == ["p"]
    without = cli("find", cli.tree, "-k", "extra")
    said = "canary-wf: -k 'extra' selects none of 1 job; canary-wf find -v shows why\n"
    assert (without.code, without.out, without.err) == (3, "", said)


def test_masked_jobs_take_those_behind_them_along(cli: CommandLine) -> None:
    """e2e.mask: what is disabled, skipped, or depends on a masked job is left out, each with its reason."""
    cli.write("up.pyt", "import canary\ncanary.directives.enable(False)\n")
    cli.write("down.pyt", "import canary\ncanary.directives.depends_on('up')\n")
    cli.write("why.pyt", "import canary\ncanary.directives.skipif(True, reason='why not')\n")
    cli.write("runs.pyt", "import canary\n")
    masked = {job["name"]: job["masked"] for job in cli("find", cli.tree, "--json").json["jobs"]}
    assert masked["runs"] is None
    assert masked["why"] == "why not"
    assert "enable" in masked["up"]
    assert masked["down"] == "depends on up, which is left out"


TIMED = {"none": "", "fast": "'fast'", "long": "'long'", "both": "'fast', 'long'", "turned": "'long', 'fast'"}


def _timeouts(cli: CommandLine, *options: str) -> dict[str, float]:
    for name, keywords in {**TIMED, "other": "'other'"}.items():
        cli.write(f"{name}.pyt", f"import canary\ncanary.directives.keywords({keywords})\n")
    cli.write("own.pyt", "import canary\ncanary.directives.timeout('1m10s')\n")
    return {job["name"]: job["timeout"] for job in cli("find", cli.tree, "--json", *options).json["jobs"]}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), {"none": 300, "fast": 120, "long": 900, "both": 120, "turned": 900, "other": 300, "own": 70}),
        (("--timeout", "default=5"), dict.fromkeys([*TIMED, "other"], 5) | {"own": 70}),
        (("--timeout", "*=4"), dict.fromkeys([*TIMED, "other"], 4) | {"own": 70}),
        (
            ("--timeout", "fast=7", "--timeout", "other=8"),
            {"none": 300, "fast": 7, "long": 900, "both": 7, "turned": 7, "other": 8, "own": 70},
        ),
    ],
)
def test_time_limits(cli: CommandLine, options: tuple[str, ...], expected: dict[str, float]) -> None:
    """e2e.timeout: the directive, then the command line by keyword and for all, then the defaults by keyword."""
    assert _timeouts(cli, *options) == expected


def test_a_parameter_given_twice_with_other_values_is_wrong_input(cli: CommandLine) -> None:
    """e2e.misc: two jobs would be the same."""
    cli.write(
        "p.pyt",
        "import canary\ncanary.directives.parameterize('a', [1, 2])\ncanary.directives.parameterize('a', [3])\n",
    )
    assert cli("find", cli.tree).code == 3


def test_a_cycle_is_wrong_input(cli: CommandLine) -> None:
    """e2e.misc: its jobs are named."""
    cli.write("bad.pyt", "import canary\ncanary.directives.depends_on('b2')\n")
    cli.write("b2.pyt", "import canary\ncanary.directives.depends_on('bad')\n")
    done = cli("find", cli.tree)
    assert done.code == 3
    assert "bad" in done.err
    assert "b2" in done.err


def test_a_second_positional_argument_is_the_condition(cli: CommandLine) -> None:
    """e2e.misc: `depends_on('a', 'b')` is an error, not two dependencies."""
    cli.write("p.pyt", "import canary\ncanary.directives.depends_on('a', 'b')\n")
    done = cli("find", cli.tree)
    assert done.code == 3
    assert "'b'" in done.err


# What follows is where canary behaves otherwise. Each test names what overrules it.


@pytest.mark.parametrize("text", ["", "2 hours"])
def test_overruled_an_empty_duration_is_refused(text: str) -> None:
    """time: canary reads an empty text as zero. Here, a text that is not a duration is an error."""
    with pytest.raises(InputError):
        parse_duration(text)


def test_overruled_category_names() -> None:
    """status: 26.10.15 says ABORTED and NOTRUN where canary of 2026-07-02, and canary-wf, say CANCEL and SKIP."""
    with pytest.raises(ValueError, match="ABORTED"):
        Status.named(category="ABORTED")


def test_overruled_the_reason_names_the_expected_code() -> None:
    """exit: canary names the code that came; a known fault of the peer."""
    assert status_of_exit(8, 7).reason == "expected exit code 7, but it ended with exit code 8"


def test_overruled_a_wrong_timeout_option_is_a_wrong_command_line(cli: CommandLine) -> None:
    """e2e.timeout: canary exits with 3; here a wrong command line is 2."""
    cli.write("p.pyt", "import canary\n")
    done = cli("find", cli.tree, "--timeout", "bogus")
    assert done.code == 2
    assert "bogus" in done.err


def test_overruled_two_gpus_are_two_devices() -> None:
    """e2e.misc: canary takes both from one device with two slots; asked for two, people mean two devices."""
    gpus = [{"id": "0", "slots": 2}, {"id": "1", "slots": 2}]
    given = ResourcePool({"resources": {"gpus": gpus}}).checkout([{"type": "gpus", "slots": 1}] * 2)
    assert sorted(item["id"] for item in given["gpus"]) == ["0", "1"]


def test_overruled_a_real_ctest_specification_is_read(cli: CommandLine) -> None:
    """e2e.misc: canary refuses CTest's own form, in which `local` is a list. It is the documented form of CTest."""
    file = cli.write(
        "spec.json", '{"version": {"major": 1, "minor": 0}, "local": [{"gpus": [{"id": "7", "slots": 2}]}]}'
    )
    done = cli("pool", "--resource-pool-file", file)
    assert done.code == 0, done.err
    assert "'7'" in done.out
