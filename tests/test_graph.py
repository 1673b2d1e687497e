"""Orders, closures, cycles and chains of graphs, against what `graphlib` and their definitions say."""

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.graph import components, cycle_in, dependents_of, downstream, levels, topological

LONG = 50_000

graphs = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size)
)


def _has_cycle(upstreams: list[list[int]]) -> bool:
    try:
        graphlib.TopologicalSorter(dict(enumerate(upstreams))).prepare()
    except graphlib.CycleError:
        return True
    return False


@given(graphs)
def test_an_order_has_each_node_after_its_upstreams_or_a_cycle_is_named(upstreams: list[list[int]]) -> None:
    """What is missing in the order is on a cycle or behind one, and the cycle that is named is one."""
    nodes = range(len(upstreams))
    order = topological(nodes, upstreams.__getitem__)
    place = {node: number for number, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[upstream] < place[node] for node in order for upstream in upstreams[node])
    assert (len(order) < len(upstreams)) == _has_cycle(upstreams)
    if len(order) < len(upstreams):
        cycle = cycle_in(nodes, upstreams.__getitem__, order)
        assert all(after in upstreams[node] for node, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def test_equals_keep_the_order_in_which_they_were_given() -> None:
    """So that plans are the same whenever their jobs are; what is not of the graph counts as done."""
    upstreams = {"d": ["b"], "c": [], "b": ["elsewhere"], "a": ["c"]}
    assert topological(upstreams, upstreams.__getitem__) == ["c", "b", "a", "d"]


@given(graphs, st.sets(st.integers(0, 11)))
def test_downstream_is_the_closure_without_its_roots(upstreams: list[list[int]], chosen: set[int]) -> None:
    """Each is named with a node that it depends on, which is a root or was reached before."""
    roots = {root for root in chosen if root < len(upstreams)}
    dependents = dependents_of(range(len(upstreams)), upstreams.__getitem__)
    found = downstream(roots, dependents.get)
    closure = set(roots)
    while further := {node for node, needed in enumerate(upstreams) if closure.intersection(needed)} - closure:
        closure |= further
    assert set(found) == closure - roots
    seen = set(roots)
    for node, through in found.items():
        assert through in seen
        assert through in upstreams[node]
        seen.add(node)


def test_the_nearest_root_is_named() -> None:
    """A reason says what is at hand, not what is far away."""
    dependents = {"far": ["between"], "between": ["job"], "near": ["job"]}
    assert downstream(["far", "near"], dependents.get) == {"between": "far", "job": "near"}


def test_levels_are_the_longest_chains() -> None:
    """A node may have short ways to the start beside the longest one."""
    upstreams: list[list[int]] = [[], [0], [0, 1], [0], [2, 3]]
    assert levels(topological(range(5), upstreams.__getitem__), upstreams) == [0, 1, 2, 1, 3]


@given(graphs)
def test_components_hold_what_is_connected_and_nothing_else(upstreams: list[list[int]]) -> None:
    """Each is called by its smallest node."""
    found = components(upstreams)
    links = {(node, upstream) for node, needed in enumerate(upstreams) for upstream in needed}
    dependents = dependents_of(
        range(len(upstreams)), lambda node: [*upstreams[node], *(n for n, u in links if u == node)]
    )
    for node in range(len(upstreams)):
        assert found[node] == min({node, *downstream([node], dependents.get)})


@pytest.mark.parametrize("shape", ["chain", "cycle"])
def test_long_chains_need_no_recursion(shape: str) -> None:
    """A chain of jobs may be as long as it likes."""
    upstreams = [[LONG - 1] if shape == "cycle" else [], *([number] for number in range(LONG - 1))]
    order = topological(range(LONG), upstreams.__getitem__)
    if shape == "cycle":
        assert order == []
        assert len(cycle_in(range(LONG), upstreams.__getitem__, order)) == LONG
    else:
        assert order == list(range(LONG))
        assert len(downstream([0], dependents_of(range(LONG), upstreams.__getitem__).get)) == LONG - 1
        assert components(upstreams) == [0] * LONG
