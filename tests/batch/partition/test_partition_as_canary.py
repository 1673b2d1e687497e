"""What the peer answers on small specifications and job sets, where canary-wf answers the same, and where it does not.

The facts were taken from canary-wm 26.10.15 and two earlier versions. Those that canary-wf overrules, or on which
the versions differ, stand beside what holds here, with the reason.
"""

import pytest
from batch_problems import links, make

from canary_wf.batch.partition import partition
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError

PARSE = BatchSpecification.parse

CHAIN = [(1, 10.0), (1, 10.0, (0,)), (1, 10.0, (1,))]
TWO_CHAINS = [*CHAIN, (1, 10.0), (1, 10.0, (3,)), (1, 10.0, (4,))]
DIAMOND = [(1, 10.0), (1, 10.0, (0,)), (1, 10.0, (0,)), (1, 10.0, (1, 2))]


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("count:4", "count", 4),
        ("COUNT:4", "count", 4),
        ("count:2,count:3", "count", 3),
        ("duration:40s", "duration", 40.0),
        ("duration:4h30m30s", "duration", 16230.0),
        ("layout:flat", "layout", "flat"),
        ("nodes:any", "nodes", "any"),
        ("", "layout", "flat"),
        ("", "duration", 1800.0),
        ("duration:60", "duration", 60.0),
        ("layout:atomic,nodes:any,count:2", "count", 2),
        ("layout:atomic,nodes:any,count:2", "duration", None),
        ("count:max", "duration", None),
    ],
)
def test_texts_that_all_versions_read_alike(text: str, field: str, value: object) -> None:
    """These texts mean what they mean to the peer."""
    assert getattr(PARSE(text), field) == value


@pytest.mark.parametrize("text", ["count:-1", "duration:-5", "layout:foo", "foo:1", "layout:atomic,nodes:same"])
def test_texts_that_all_versions_refuse(text: str) -> None:
    """What the peer refuses is refused, with an error that is a ValueError."""
    with pytest.raises(ValueError, match="batch specification"):
        PARSE(text)


@pytest.mark.parametrize(
    ("text", "field", "value", "reason"),
    [
        ("count:auto", "count", "auto", "canary of 2026-07-02 has it; later versions dropped it"),
        ("layout=flat,count=auto,nodes=same,duration=1800", "duration", 1800.0, "auto goes with a duration"),
        ("", "nodes", "any", "documented: nothing given means any"),
        ("duration:60", "nodes", "any", "documented: nothing given means any"),
        ("count:max", "nodes", "any", "documented; the newest version agrees"),
        ("layout:atomic", "nodes", "any", "any is the default, so it contradicts nothing; two versions agree"),
        ("layout:atomic", "duration", 1800.0, "documented: atomic packs components to a duration"),
        ("count:max", "count", "max", "a word of its own, where the versions have numbers of their own"),
    ],
)
def test_texts_on_which_the_contract_decides(text: str, field: str, value: object, reason: str) -> None:
    """Where versions differ or canary-wf documents something else, its documentation holds."""
    assert getattr(PARSE(text), field) == value, reason


def test_a_word_without_a_key_is_refused() -> None:
    """Only the newest version reads `atomic` alone; the older ones ask for key and value."""
    with pytest.raises(ValueError, match="'atomic' is not allowed"):
        PARSE("atomic")


@pytest.mark.parametrize(
    ("rows", "text", "expected", "dependencies"),
    [
        (CHAIN, "duration:60", [[0], [1], [2]], [(), (0,), (1,)]),
        (CHAIN, "count:9", [[0], [1], [2]], [(), (0,), (1,)]),
        (CHAIN, "layout:atomic,count:2", [[0, 1, 2]], [()]),
        (TWO_CHAINS, "layout:atomic,count:5", [[0, 1, 2], [3, 4, 5]], [(), ()]),
        (TWO_CHAINS, "layout:atomic,count:max", [[0, 1, 2], [3, 4, 5]], [(), ()]),
        (DIAMOND, "count:max", [[0], [1], [2], [3]], [(), (0,), (0,), (1, 2)]),
        ([(1, 10.0)] * 3, "count:8", [[0], [1], [2]], [(), (), ()]),
        ([(1, 10.0)] * 3, "nodes:any", [[0, 1, 2]], [()]),
        ([(1, 10.0)] * 8, "duration:10", [list(range(8))], [()]),
        ([(1, 0.0)], "duration:60", [[0]], [()]),
    ],
)
def test_batches_that_the_peer_makes_too(
    rows: list[tuple[int, float]], text: str, expected: list[list[int]], dependencies: list[tuple[int, ...]]
) -> None:
    """The same batches in the same order with the same links; atomic as in the newer versions, which do not fail."""
    batches = partition(make(rows), PARSE(text))
    assert [list(batch.tasks) for batch in batches] == expected
    assert links(make(rows), batches) == dependencies


def test_twice_the_jobs_are_two_batches() -> None:
    """Sixteen jobs of the target's length on eight cpus."""
    assert len(partition(make([(1, 10.0)] * 16), PARSE("duration:10"))) == 2


def test_thousands_of_tiny_jobs_are_packed() -> None:
    """All versions hold all 3 000 jobs in their batches; one recursed too deep with a serial column of them."""
    batches = partition(make([(1, 1.0)] * 3000), PARSE("duration:1800"))
    assert sum(len(batch.tasks) for batch in batches) == 3000


@pytest.mark.parametrize("count", [1, 2])
def test_flat_counts_below_the_depth_are_refused(count: int) -> None:
    """No dependent jobs in one flat batch, and no silent change to atomic; the versions do both with `count:1`."""
    with pytest.raises(InputError, match="count:3 or more"):
        partition(make(CHAIN), PARSE(f"count:{count}"))


def test_a_job_wider_than_a_node_is_told() -> None:
    """Two versions make a batch that can never run; here the job has to be left out before, with its reason."""
    with pytest.raises(InputError, match="needs 9 cpus"):
        Problem.of(("cpus",), (8,), [Task("x", (9,), 1.0)])


def test_a_long_job_leaves_its_level_alone() -> None:
    """The oldest version stretched the target of a whole level to its longest job."""
    problem = make([(1, 60.0)] * 2000 + [(8, 5000.0)])
    lengths = sorted(simulate(problem, batch.tasks).length for batch in partition(problem, PARSE("duration:600")))
    assert lengths[-2] <= 600.0 < lengths[-1] == 5000.0


def test_nothing_makes_no_batches() -> None:
    """The newest version fails on an empty set."""
    assert partition(make([]), PARSE("")) == []
