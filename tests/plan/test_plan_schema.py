"""The JSON Schema of `plan.json`: real plans keep to it, it has the fields of the structs, and it can say no."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from workspace import EXAMPLES

from canary_wf.batch.specification import BatchSpecification
from canary_wf.discovery import DiscoveryOptions
from canary_wf.generation import generate_workflow
from canary_wf.plan.cluster.target import choose_target
from canary_wf.plan.model import Plan
from canary_wf.plan.planner import PlanSettings
from canary_wf.plan.schema import PARTS, described, plan_schema

VALIDATOR = jsonschema.Draft202012Validator(plan_schema())


def _example_plan(name: str, out: Path, text: str = "", **resources: int) -> dict[str, Any]:
    target = choose_target("local", {"cpus": 2, **resources}, None)
    settings = PlanSettings(batch_spec=BatchSpecification.parse(text))
    done = generate_workflow([EXAMPLES / name], DiscoveryOptions(), settings, target, out)
    content: dict[str, Any] = json.loads(done.paths.plan.read_text())
    return content


def test_the_schema_is_one() -> None:
    """It is valid by the rules of its draft."""
    jsonschema.Draft202012Validator.check_schema(plan_schema())


@pytest.mark.parametrize(
    "name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "ctest")
)
@pytest.mark.parametrize("text", ["", "count:1,layout:atomic", "count:max"])
def test_the_plans_of_all_examples_keep_to_the_schema(tmp_path: Path, name: str, text: str) -> None:
    """What generate writes is what the schema promises, left-out jobs too; the CMake project has to be built first."""
    content = _example_plan(name, tmp_path / "out", text, gpus=2)
    assert [error.message for error in VALIDATOR.iter_errors(content)] == []


def test_every_struct_of_a_plan_is_a_part() -> None:
    """So that no field goes undescribed; what is said by hand of a field that is not there is an error."""
    _, components = msgspec.json.schema_components([Plan])
    assert {kind.__name__ for kind in PARTS.values()} == set(components)
    parts = plan_schema()["$defs"] | {"plan": plan_schema()}
    for name, kind in PARTS.items():
        assert list(parts[name]["properties"]) == list(kind.__struct_fields__)
    with pytest.raises(KeyError):
        described({"properties": {}}, {"cpus": {"minimum": 0}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "canary-wf/plan/2"),
        (("jobs",), []),
        (("jobs", 0, "id"), "short"),
        (("jobs", 0, "runtime_source"), "guess"),
        (("jobs", 0, "cpus"), -1),
        (("jobs", 0, "extra"), 1),
        (("batches", 0, "time_limit"), 61),
        (("batches", 0, "memory"), "2GiB"),
        (("batches", 0, "jobs"), []),
        (("batch_spec", "count"), "some"),
        (("left_out",), [{"id": "x"}]),
        (("node", "cpus"), None),
    ],
)
def test_a_plan_with_a_mistake_does_not_pass(tmp_path: Path, path: tuple[Any, ...], value: object) -> None:
    """The schema is worth something only when it refuses."""
    content = copy.deepcopy(_example_plan("chain", tmp_path / "out"))
    assert VALIDATOR.is_valid(content)
    part = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert not VALIDATOR.is_valid(content)
