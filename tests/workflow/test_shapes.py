"""Resource shapes: which batches share a rule, and how a rule finds its own."""

import re
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import write_json
from canary_wf.plan.model import Plan
from canary_wf.state.session_paths import SessionPaths
from canary_wf.workflow.batch_table import BatchTable, distinguishing_regex, write_batch_table
from canary_wf.workflow.shapes import minutes_of, shapes_of, uses_shapes

_IDS = st.sets(st.text("0123456789abcdef", min_size=12, max_size=12), max_size=40)


def _plan(*limits: float, memory: int | None = None) -> Plan:
    """Return a plan with a batch of one job for each of `limits` in seconds."""
    plan = plan_of(*([spec(f"j{number}")] for number in range(len(limits))))
    batches = (
        msgspec.structs.replace(batch, time_limit=limit, memory=memory)
        for batch, limit in zip(plan.batches, limits, strict=True)
    )
    return msgspec.structs.replace(plan, batches=tuple(batches))


def test_a_shape_asks_for_what_its_largest_batch_needs() -> None:
    """All of it, and no more than a bucket above what the smallest needs."""
    shapes = shapes_of(_plan(350.0, 400.0, 480.0, memory=100))
    assert [(shape.minutes, shape.memory, len(shape.batches)) for shape in shapes] == [(8, 100, 3)]
    assert shapes[0].name == "shape_1cpus_0gpus_1nodes_100mib_8min"


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=50))
def test_no_batch_asks_for_much_more_than_it_needs(limits: list[float]) -> None:
    """Less than the square root of two times its minutes, and never less than them; each batch is in one shape."""
    plan = _plan(*limits)
    shapes = shapes_of(plan)
    assert sorted(batch.id for shape in shapes for batch in shape.batches) == sorted(b.id for b in plan.batches)
    assert len({shape.name for shape in shapes}) == len(shapes)
    for shape in shapes:
        for batch in shape.batches:
            assert minutes_of(batch) <= shape.minutes <= 2**0.5 * minutes_of(batch)


def test_batches_of_which_only_some_know_their_memory_have_two_shapes() -> None:
    """Not to say is not the same as to ask for nothing."""
    one = _plan(300.0, 300.0)
    batches = (one.batches[0], msgspec.structs.replace(one.batches[1], memory=1))
    assert len(shapes_of(msgspec.structs.replace(one, batches=batches))) == 2


def test_batches_of_which_only_some_fit_a_partition_have_two_shapes() -> None:
    """A retry may ask for as much as the partition allows that takes the batch; the names tell the shapes apart."""
    one = _plan(300.0, 300.0, 300.0)
    longest = (None, 60, 120)
    batches = (msgspec.structs.replace(b, longest=most) for b, most in zip(one.batches, longest, strict=True))
    shapes = shapes_of(msgspec.structs.replace(one, batches=tuple(batches)))
    assert {shape.longest: shape.name.rpartition("1nodes_")[2] for shape in shapes} == {
        None: "5min",
        60: "5min_of60min",
        120: "5min_of120min",
    }


@pytest.mark.parametrize(("count", "auto"), [(500, False), (501, True)])
def test_the_number_of_batches_decides_unless_told(count: int, auto: bool) -> None:
    """Up to five hundred batches are read one by one."""
    plan = _plan(*[300.0] * count)
    assert uses_shapes(plan, "auto") is auto
    assert uses_shapes(plan, "shape")
    assert not uses_shapes(plan, "batch")


@given(_IDS, _IDS)
def test_a_pattern_tells_members_from_others(members: set[str], others: set[str]) -> None:
    """It matches each member and none of the others."""
    pattern = re.compile(distinguishing_regex(members, others - members))
    assert all(pattern.fullmatch(word) for word in members)
    assert not any(pattern.fullmatch(word) for word in others - members)


def test_a_pattern_is_short() -> None:
    """One that need tell nothing apart says nothing; a few among many take a few letters."""
    words = {f"{number * 7919:012x}"[::-1] for number in range(10_000)}
    few = set(sorted(words)[:3])
    assert distinguishing_regex(words, set()) == r"\w*"
    assert len(distinguishing_regex(few, words - few)) < 40
    assert len(distinguishing_regex(words - few, few)) < 40


def test_the_table_is_what_the_rules_look_up(tmp_path: Path) -> None:
    """Inputs and results by batch, relative to OUT; the session's state file is small."""
    plan = plan_of([spec("a")], [spec("b", "a")])
    paths = SessionPaths(tmp_path, plan.session)
    paths.folder.mkdir(parents=True)
    write_batch_table(shapes_of(plan), paths)
    table = BatchTable(str(paths.plan))
    first, second = (f".canary-wf/sessions/{plan.session}/batches/{batch.id}/result.json" for batch in plan.batches)
    assert table.results() == [first, second]
    assert table.inputs(SimpleNamespace(batch=plan.batches[1].id)) == [first]
    assert table.inputs(SimpleNamespace(batch=plan.batches[0].id)) == []
    assert table.result(shapes_of(plan)[0].name).endswith("/batches/{batch,\\w*}/result.json")


def test_what_the_table_does_not_know_is_told(tmp_path: Path) -> None:
    """A batch or shape that is not there, and a table that is missing or damaged."""
    paths = SessionPaths(tmp_path, "s")
    paths.folder.mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        BatchTable(str(paths.plan))
    write_json(paths.batch_table, {"shapes": {}})
    with pytest.raises(WorkspaceError, match="damaged"):
        BatchTable(str(paths.plan))
    write_batch_table([], paths)
    table = BatchTable(str(paths.plan))
    with pytest.raises(WorkspaceError, match="no batch 'abc'"):
        table.inputs(SimpleNamespace(batch="abc"))
    with pytest.raises(WorkspaceError, match="no shape 'x'"):
        table.result("x")
