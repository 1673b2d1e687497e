"""The JSON Schema of `plan.json`, for programs that read plans; the package itself reads them by their types."""

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("plan.schema.json")


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every `plan.json` keeps to."""
    schema: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return schema
