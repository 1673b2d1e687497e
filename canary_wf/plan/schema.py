"""The JSON Schema of `plan.json`: its fields and their types from the structs, the rest from a table.

What a type cannot say, a smallest number, the form of an id or what a field means, is in `plan_fields.json`, by the
names of part and field. Nothing else of the schema is written by hand.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.plan.model import BatchSpecFields, LeftOut, Origin, Plan
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.spec.ctest_rules import CTestRules, ResourceItem
from canary_wf.spec.job_spec import Artifact, Asset, Baseline, DependencyEdge, EnvironmentModule, Preparation

_FIELDS = Path(__file__).with_name("plan_fields.json")

PARTS: dict[str, type[msgspec.Struct]] = {
    "plan": Plan,
    "batchSpec": BatchSpecFields,
    "slurm": Plan.__annotations__["slurm"],
    "leftOut": LeftOut,
    "origin": Origin,
    "asset": Asset,
    "dependency": DependencyEdge,
    "artifact": Artifact,
    "baseline": Baseline,
    "job": PlannedJob,
    "batch": PlannedBatch,
    "environmentModule": EnvironmentModule,
    "preparation": Preparation,
    "resourceItem": ResourceItem,
    "ctest": CTestRules,
}
"""The structs of a plan, by the names of their parts of the schema."""


@cache
def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every `plan.json` keeps to."""
    _, components = msgspec.json.schema_components([Plan])
    fields = json.loads(_FIELDS.read_text(encoding="utf-8"))
    names = {kind.__name__: part for part, kind in PARTS.items()}
    parts = {
        part: described(_strict(_renamed(components[kind.__name__], names), kind), fields.get(part, {}))
        for part, kind in PARTS.items()
    }
    whole = parts.pop("plan")
    title = "A plan of canary-wf: jobs, batches and estimates of one session"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **whole, "$defs": parts}


def _renamed(part: Any, names: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return `part` with references to the parts by their names in the schema."""
    if isinstance(part, list):
        return [_renamed(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: f"#/$defs/{names[value.rpartition('/')[2]]}" if key == "$ref" else _renamed(value, names)
        for key, value in part.items()
    }


def _strict(part: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of what is written of a struct: no other fields, and what always stands is required.

    A field that is left out where it has its default is never null for the want of a value.
    """
    omits = kind.__struct_config__.omit_defaults
    properties = {name: _written(field, omits=omits) for name, field in part["properties"].items()}
    required = list(part.get("required", ())) if omits else list(properties)
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _written(field: dict[str, Any], *, omits: bool) -> dict[str, Any]:
    kept = {key: value for key, value in field.items() if key != "default"}
    if omits and field.get("default", ...) is None and "anyOf" in kept:
        left = [each for each in kept.pop("anyOf") if each != {"type": "null"}]
        kept |= left[0] if len(left) == 1 else {"anyOf": left}
    return kept


def described(part: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Return `part` with what is said of its `fields` beyond their types. Raises KeyError for a field it lacks."""
    for name, further in fields.items():
        part["properties"][name] = _merged(part["properties"][name], further)
    return part


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    inner = {
        key: _merged(one[key], value) if isinstance(value, dict) and isinstance(one.get(key), dict) else value
        for key, value in other.items()
    }
    return one | inner
