"""The written forms of a pool, and the places that errors name."""

from typing import Any

import pytest

from canary_wf.errors import InputError
from canary_wf.resources.layout import LayoutError, read_layout


@pytest.mark.parametrize(
    "pool",
    [
        {"resources": {"gpus": [{"id": "0", "slots": 2}]}},
        {"additional_properties": None, "resources": {"gpus": [{"id": "0", "slots": 2.0}]}},
        {"resource_pool": {"additional_properties": {}, "resources": {"gpus": [{"id": 0, "slots": 2}]}}},
        {"local": {"gpus": [{"id": "0", "slots": 2}]}},
        {"version": {"major": 1, "minor": 0}, "local": [{"gpus": [{"id": "0", "slots": 2}]}]},
    ],
)
def test_all_forms_are_read(pool: dict[str, Any]) -> None:
    """The two documented forms, each with and without its wrapping, and CTest's own give the same pool."""
    assert read_layout(pool) == ({"gpus": [{"id": "0", "slots": 2}]}, {})


def test_properties_are_kept_as_a_copy() -> None:
    """Additional properties come through, and later changes to the source do not."""
    source: dict[str, Any] = {"additional_properties": {"nodes": {"count": 2}}, "resources": {}}
    _, properties = read_layout(source)
    source["additional_properties"]["nodes"]["count"] = 5
    assert properties == {"nodes": {"count": 2}}


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ([], "resource pool: must be a mapping, not a list"),
        ({}, "resource pool: the key 'resources' is missing"),
        ({"resource_pool": None}, "resource_pool: must be a mapping, not nothing"),
        ({"resource_pool": {"resources": {}}, "x": 1}, "x: unknown key 'x'; known are resource_pool"),
        ({"resources": {}, "nodes": []}, "nodes: unknown key 'nodes'"),
        ({"resources": [1]}, "resources: must be a mapping, not a list"),
        ({"resources": {1: []}}, "resources: the key 1 must be a text"),
        ({"resources": {"cpus": {"id": "0"}}}, "resources.cpus: must be a list of ids, not a dict"),
        ({"resources": {"cpus": 4}}, "resources.cpus: must be a list of ids, not 4"),
        ({"resources": {"cpus": ["0"]}}, "resources.cpus[0]: must be a mapping, not '0'"),
        ({"resources": {"cpus": [{"slots": 1}]}}, "resources.cpus[0]: the key 'id' is missing"),
        ({"resources": {"cpus": [{"id": None}]}}, "resources.cpus[0].id: must be a text, not nothing"),
        ({"resources": {"cpus": [{"id": "0", "slots": "2"}]}}, "cpus[0].slots: must be a whole number, not '2'"),
        ({"resources": {"cpus": [{"id": "0", "slots": -1}]}}, "cpus[0].slots: must be 0 or more, not -1"),
        ({"resources": {"cpus": [{"id": "0", "slots": 0.5}]}}, "cpus[0].slots: must be a whole number, not 0.5"),
        ({"resources": {"cpus": [{"id": "0", "slots": True}]}}, "cpus[0].slots: must be a whole number, not True"),
        ({"resources": {"cpus": [{"id": "0", "n": 1}]}}, "cpus[0].n: unknown key 'n'; known are id, slots"),
        ({"resources": {"cpus": [{"id": "1"}, {"id": 1}]}}, "cpus[1].id: the id '1' is already used by entry 0"),
        ({"local": [{}, {}]}, "local: must hold exactly one machine, not 2"),
        ({"local": ["x"]}, "local[0]: must be a mapping, not 'x'"),
        ({"version": {"major": 2}, "local": [{}]}, "version.major: only version 1"),
        ({"additional_properties": 1, "resources": {}}, "additional_properties: must be a mapping, not 1"),
    ],
)
def test_mistakes_are_told_with_their_place(pool: object, message: str) -> None:
    """Every wrong form is one line that starts with the key path; the error is an input error."""
    with pytest.raises(LayoutError) as caught:
        read_layout(pool)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, InputError)
