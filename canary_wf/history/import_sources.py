"""Imports run times: our own export, pytest-split's durations, CTest's cost data.

The format of a file is recognised by its content, not by its name. Only our own format has job ids. `durations_by_job`
matches the names of other programs to jobs.
"""

import json
import math
import posixpath
import re
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.durations import LONGEST
from canary_wf.errors import InputError
from canary_wf.files.plain_files import LARGEST_INPUT
from canary_wf.history.run_times import SCHEMA, History
from canary_wf.spec.batch_slice import PlannedJob

_EXPECTED = "give it what canary-wf history export wrote, pytest-split's .test_durations, or CTest's CTestCostData.txt"
_COST_LINE = re.compile(r"(?P<name>\S.*?)\s+(?P<runs>\d+)\s+(?P<cost>\S+)")
SECONDS = "a number of seconds from zero to ten years"

_END_OF_COSTS = "---"
"""The line that CTest writes between the costs and the names of the tests that failed."""


class NamedDurations(msgspec.Struct, frozen=True):
    """Seconds by the name of a test in another program, `source`."""

    source: str
    seconds: dict[str, float]


class Durations(msgspec.Struct, frozen=True):
    """The run times in a file, and its keys or lines that were skipped because they are not a number of seconds."""

    known: History | NamedDurations
    skipped: tuple[str, ...] = ()


class _Exported(msgspec.Struct, frozen=True):
    """Our own export. Its numbers are not checked yet."""

    runtimes: dict[str, list[tuple[str, Any]]]
    names: dict[str, tuple[str, str]] = {}
    failures: dict[str, list[tuple[str, str]]] = {}
    retries: dict[str, list[str]] = {}


def read_durations(path: Path) -> Durations:
    """Return the run times in `path`. Values that are not a number of seconds are skipped.

    Raises InputError with file and line or key for an unknown format, and for a file without a run time.
    """
    try:
        with path.open("rb") as file:  # named by the user, and may be a pipe, as in <(zcat FILE)
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
    known = History(runtimes=found, failures=exported.failures, retries=exported.retries)
    known.names = {job: name for job, name in exported.names.items() if job in known.jobs}
    return Durations(known, skipped)


def _from_costs(text: str, path: Path) -> Durations:
    """Read lines of name, number of runs and mean seconds, as written by CTest. Tests that never ran are left out."""
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
    # Compare before converting: a whole number may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST


_NODE = "::"
"""The separator between file and test in a pytest node id."""


def durations_by_job(seconds: Mapping[str, float], jobs: Sequence[PlannedJob]) -> tuple[dict[str, float], int]:
    """Match the names in `seconds` to `jobs`. Return the seconds by job id, and the number of unmatched names.

    A name is a job's name or id, the name of its CTest test, or a pytest node id. A job whose command contains the node
    id, or its class or file, gets the sum of all matching nodes. Paths are relative to the top of the tree or to the
    folder of the job's file.
    """
    names: dict[str, list[str]] = {}
    for job in jobs:
        for name in {job.name, job.id, job.attributes.get("test", job.name) if job.kind == "ctest" else job.name}:
            names.setdefault(name, []).append(job.id)
    runners: dict[str, list[str]] = {}
    for job in jobs:
        for word in _spellings(job):
            runners.setdefault(word, []).append(job.id)
    found: dict[str, float] = {}
    unused = 0
    for name, duration in seconds.items():
        owners = names.get(name)
        if owners is None:
            owners = list(dict.fromkeys(owner for word in _words(name) for owner in runners.get(word, ())))
        unused += not owners
        for owner in owners:
            found[owner] = min(found.get(owner, 0.0) + duration, LONGEST)
    return found, unused


def _spellings(job: PlannedJob) -> set[str]:
    """Return the words of the job's command, also as paths relative to the folder of its file."""
    folder = posixpath.dirname(job.path)
    return {*job.command, *(posixpath.normpath(posixpath.join(folder, word)) for word in job.command)}


def _words(name: str) -> list[str]:
    """Return the words with which a command may select the pytest node `name`: the node, its class, its file."""
    components = name.split(_NODE)
    return [_NODE.join(components[:count]) for count in range(len(components), 0, -1)] if len(components) > 1 else []
