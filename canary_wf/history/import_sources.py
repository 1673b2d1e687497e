"""Run times that other programs kept: our own export, pytest-split's durations, CTest's cost data.

A file is known by its content, not by its name. Whose run times they are is settled by the caller, because only our own
format knows job ids.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.errors import InputError
from canary_wf.files.plain_files import LARGEST_INPUT
from canary_wf.history.run_times import SCHEMA, History

_EXPECTED = "give it what canary-wf history export wrote, pytest-split's .test_durations, or CTest's CTestCostData.txt"
_COST_LINE = re.compile(r"(?P<name>\S.*?)\s+(?P<runs>\d+)\s+(?P<cost>\S+)")
SECONDS = "a number of seconds from zero to ten years"

_END_OF_COSTS = "---"
"""What CTest writes between the costs and the names of the tests that failed."""


class NamedDurations(msgspec.Struct, frozen=True):
    """Seconds by the name another program has for a test; `source` is that program."""

    source: str
    seconds: dict[str, float]


class Durations(msgspec.Struct, frozen=True):
    """The run times in a file, and the keys or lines of it that were skipped, as they hold no number of seconds."""

    known: History | NamedDurations
    skipped: tuple[str, ...] = ()


class _Exported(msgspec.Struct, frozen=True):
    """Our own export, whose numbers may be anything."""

    runtimes: dict[str, list[tuple[str, Any]]]
    names: dict[str, tuple[str, str]] = {}


def read_durations(path: Path) -> Durations:
    """Return the run times in `path`; single values that are not a number of seconds are skipped.

    Raises InputError, naming file and line or key, for a file of no known form, and for one without a run time.
    """
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


def _from_json(text: str, path: Path) -> Durations:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON ({error})", where=path, hint=_EXPECTED) from error
    if "schema" in content:
        return _own(content, path)
    found = {name: float(seconds) for name, seconds in content.items() if _is_duration(seconds)}
    skipped = tuple(repr(name) for name in content if name not in found)
    _check_some(found, skipped, path)
    return Durations(NamedDurations("pytest-split", found), skipped)


def _check_some(found: Sized, skipped: Sequence[str], path: Path) -> None:
    if skipped and not found:
        raise InputError(f"is not {SECONDS}", where=f"{path}: {skipped[0]}", hint=_EXPECTED)


def _own(content: Mapping[str, Any], path: Path) -> Durations:
    if content["schema"] != SCHEMA:
        raise InputError(f"is of format {content['schema']!r}, not {SCHEMA!r}", where=path, hint=_EXPECTED)
    try:
        exported = msgspec.convert(content, _Exported)
    except (msgspec.ValidationError, OverflowError) as error:
        raise InputError(f"is not a history ({error})", where=path, hint=_EXPECTED) from error
    good = {
        job: [(session, float(seconds)) for session, seconds in runs if _is_duration(seconds)]
        for job, runs in exported.runtimes.items()
    }
    skipped = tuple(repr(job) for job, runs in exported.runtimes.items() if len(good[job]) < len(runs))
    found = {job: runs for job, runs in good.items() if runs}
    _check_some(found, skipped, path)
    names = {job: name for job, name in exported.names.items() if job in found}
    return Durations(History(runtimes=found, names=names), skipped)


def _from_costs(text: str, path: Path) -> Durations:
    """Read lines of name, number of runs and mean seconds, as CTest writes them; tests that never ran are left out."""
    found: dict[str, float] = {}
    skipped: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() == _END_OF_COSTS:
            break
        if not line.strip():
            continue
        match = _COST_LINE.fullmatch(line.strip())
        if match is None:
            raise InputError("is not 'name runs seconds'", where=f"{path}:{number}", hint=_EXPECTED)
        seconds = _number(match["cost"])
        if not _is_duration(seconds):
            skipped.append(f"line {number}, {match['name']!r}")
        elif match["runs"].strip("0"):
            found[match["name"]] = seconds
    _check_some(found, skipped, path)
    if not found and _END_OF_COSTS not in {line.strip() for line in lines}:
        raise InputError("holds no run times", where=path, hint=_EXPECTED)
    return Durations(NamedDurations("CTest", found), tuple(skipped))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_duration(value: object) -> bool:
    # Compared before it is converted: a whole number may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST
