"""Run times that other programs kept: our own export, pytest-split's durations, CTest's cost data.

A file is known by its content, not by its name. Whose run times they are is settled by the caller, because only our own
format knows job ids.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.errors import InputError
from canary_wf.job.history import SCHEMA, History
from canary_wf.plain_files import LARGEST_INPUT

_EXPECTED = "give it what canary-wf history export wrote, pytest-split's .test_durations, or CTest's CTestCostData.txt"
_COST_LINE = re.compile(r"(?P<name>\S.*?)\s+(?P<runs>\d+)\s+(?P<cost>\S+)")
_END_OF_COSTS = "---"
"""What CTest writes between the costs and the names of the tests that failed."""


class NamedDurations(msgspec.Struct, frozen=True):
    """Seconds by the name another program has for a test; `source` is that program."""

    source: str
    seconds: dict[str, float]


def read_durations(path: Path) -> History | NamedDurations:
    """Return the run times in `path`. Raises InputError, naming file and line or key, for a file of no known form."""
    try:
        with path.open("rb") as file:  # named by the user: a pipe, as of <(zcat FILE), will do
            content = file.read(LARGEST_INPUT + 1)
        text = content.decode()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    except UnicodeDecodeError as error:
        raise InputError("is not text", where=path, hint=_EXPECTED) from error
    if len(content) > LARGEST_INPUT:
        raise InputError(f"is larger than {LARGEST_INPUT >> 20} MiB", where=path, hint=_EXPECTED)
    if text.lstrip().startswith("{"):
        return _from_json(text, path)
    return _from_costs(text, path)


def _from_json(text: str, path: Path) -> History | NamedDurations:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON ({error})", where=path, hint=_EXPECTED) from error
    if "schema" in content:
        return _own(content, path)
    for name, seconds in content.items():
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise InputError("is not a number of seconds", where=f"{path}: {name!r}", hint=_EXPECTED)
    checked = {name: _checked(seconds, f"{path}: {name!r}") for name, seconds in content.items()}
    return NamedDurations("pytest-split", checked)


def _own(content: Mapping[str, Any], path: Path) -> History:
    if content["schema"] != SCHEMA:
        raise InputError(f"is of format {content['schema']!r}, not {SCHEMA!r}", where=path, hint=_EXPECTED)
    try:
        history = msgspec.convert(content, History)
    except (msgspec.ValidationError, OverflowError) as error:
        raise InputError(f"is not a history ({error})", where=path, hint=_EXPECTED) from error
    problem = history.problem()
    if problem is not None:
        raise InputError(problem, where=path)
    return history


def _from_costs(text: str, path: Path) -> NamedDurations:
    """Read lines of name, number of runs and mean seconds, as CTest writes them; tests that never ran are left out."""
    found = {}
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() == _END_OF_COSTS:
            break
        if not line.strip():
            continue
        match = _COST_LINE.fullmatch(line.strip())
        if match is None:
            raise InputError("is not 'name runs seconds'", where=f"{path}:{number}", hint=_EXPECTED)
        seconds = _checked(_number(match["cost"]), f"{path}:{number}")
        if match["runs"].strip("0"):
            found[match["name"]] = seconds
    if not found and _END_OF_COSTS not in {line.strip() for line in lines}:
        raise InputError("holds no run times", where=path, hint=_EXPECTED)
    return NamedDurations("CTest", found)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _checked(seconds: float, where: str) -> float:
    # Compared first: a whole number may be too large for a float.
    if not 0 <= seconds <= LONGEST:
        raise InputError("is not a number of seconds from zero to ten years", where=where)
    return float(seconds)
