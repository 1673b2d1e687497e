"""The batch specification: the text after ``-b spec=`` that says how jobs are partitioned into batches.

This module reads and writes the text. `canary_wf.batch.partition` applies it to jobs.
"""

import re
from collections.abc import Callable
from typing import Any, Literal, Self

import msgspec

from canary_wf.durations import parse_positive_duration
from canary_wf.errors import InputError

Layout = Literal["flat", "atomic"]
Nodes = Literal["any", "same"]
Count = int | Literal["auto", "max"]

DEFAULT_DURATION = 1800.0
"""Target duration of a batch in seconds when neither count nor duration is given."""

COUNT_LIMIT = 2**63
"""The smallest count that is refused. Larger numbers are treated as typos."""

_ALLOWED = {
    "layout": "write layout:flat or layout:atomic",
    "count": "write count:N for at most N batches, a whole number, or count:max or count:auto",
    "duration": "write duration:T with T in seconds or as 40s, 5m, 4h30m30s, above zero and at most ten years",
    "nodes": "write nodes:any or nodes:same",
}
_EXPECTED = "write for example duration:30m, count:8 or layout:atomic, with commas between"
_PAIR = re.compile(r"([^:=]*)[:=](.*)", re.DOTALL)
_WHOLE = re.compile(r"\+?[0-9]+")
_DIGITS = len(str(COUNT_LIMIT))
_QUOTED = 200


class BatchSpecificationError(InputError):
    """The text of a batch specification is malformed. The message quotes the item and says what is allowed there."""


class BatchSpecification(msgspec.Struct, frozen=True):
    """How jobs are partitioned into batches.

    `layout`: with flat, no job of a batch depends on another job of that batch; with atomic, a batch holds whole
    dependency components. `count`: the largest number of batches; ``max``: one for each job (atomic: for each
    component); ``auto``: as many as `duration` requires. `duration`: target duration of a batch in seconds, None unless
    count is ``auto``. `nodes`: with same, all jobs of a batch ask for the same number of nodes. Raises
    BatchSpecificationError for values that contradict each other.
    """

    layout: Layout = "flat"
    count: Count = "auto"
    duration: float | None = DEFAULT_DURATION
    nodes: Nodes = "any"

    def __post_init__(self) -> None:
        self._check_words()
        if self.layout == "atomic" and self.nodes == "same":
            raise _refusal("layout:atomic with nodes:same", "layout:atomic takes nodes:any only")
        if isinstance(self.count, int) and not 0 <= self.count < COUNT_LIMIT:
            raise _refusal(f"count:{_quoted(str(self.count))}", _ALLOWED["count"])
        if (self.count == "auto") != (self.duration is not None):
            raise _refusal(
                f"count:{self.count} with duration:{self.duration}",
                "duration and count may not both be set, except count:auto, which needs a duration",
            )
        if self.duration is not None:
            _duration(self.duration, f"duration:{self.duration}")

    def _check_words(self) -> None:
        """Raise BatchSpecificationError for values of wrong types. `parse` makes none, but callers may pass them."""
        words: dict[str, object] = {"layout": self.layout, "nodes": self.nodes, "duration": self.duration}
        number: object = self.count
        if type(number) is not int and number not in ("auto", "max"):
            raise _refusal(f"count:{_quoted(repr(number))}", _ALLOWED["count"])
        if words["layout"] not in ("flat", "atomic"):
            raise _refusal(f"layout:{_quoted(repr(self.layout))}", _ALLOWED["layout"])
        if words["nodes"] not in ("any", "same"):
            raise _refusal(f"nodes:{_quoted(repr(self.nodes))}", _ALLOWED["nodes"])
        if type(words["duration"]) not in (int, float, type(None)):
            raise _refusal(f"duration:{_quoted(repr(self.duration))}", _ALLOWED["duration"])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `text`: ``key:value`` or ``key=value`` items, separated by commas.

        Case does not matter. The last occurrence of a key wins, and missing keys have their defaults. Raises
        BatchSpecificationError for anything else.
        """
        if not isinstance(text, str):
            raise _refusal(_quoted(repr(text)), _EXPECTED)
        given: dict[str, str] = {}
        values: dict[str, Any] = {"layout": "flat", "count": "auto", "duration": None, "nodes": "any"}
        for item in text.split(",") if text.strip() else ():
            key, value = _pair(item)
            given[key], values[key] = item, _READERS[key](value, item)
        count, duration = values["count"], values["duration"]
        if count != "auto" and duration is not None:
            raise _refusal(
                f"{_quoted(given['count'])} with {_quoted(given['duration'])}",
                "duration and count may not both be set; keep one, or write count:auto",
            )
        return cls(
            layout=values["layout"],
            count=count,
            duration=(DEFAULT_DURATION if duration is None else duration) if count == "auto" else None,
            nodes=values["nodes"],
        )

    @property
    def canonical(self) -> str:
        """The shortest text with every setting that applies. It parses back to the same specification."""
        items = [f"layout:{self.layout}", f"count:{self.count}", f"nodes:{self.nodes}"]
        if self.duration is not None:
            items.insert(2, f"duration:{self.duration!r}")
        return ",".join(items)

    def __str__(self) -> str:
        return self.canonical


def _pair(item: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(item)
    if found is None:
        raise _refusal(_quoted(item), _EXPECTED)
    key, value = found[1].strip().casefold(), found[2].strip()
    if key not in _ALLOWED:
        raise _refusal(_quoted(item), f"the keys are {', '.join(_ALLOWED)}")
    return key, value


def _layout(value: str, item: str) -> Layout:
    match value.casefold():
        case "flat":
            return "flat"
        case "atomic":
            return "atomic"
    raise _refusal(_quoted(item), _ALLOWED["layout"])


def _nodes(value: str, item: str) -> Nodes:
    match value.casefold():
        case "any":
            return "any"
        case "same":
            return "same"
    raise _refusal(_quoted(item), _ALLOWED["nodes"])


def _count(value: str, item: str) -> Count:
    match value.casefold():
        case "auto":
            return "auto"
        case "max":
            return "max"
    digits = value.lstrip("+0") or "0"
    # Check the length first: converting a million digits to a number would let an attacker block the process.
    if _WHOLE.fullmatch(value) and len(digits) <= _DIGITS and int(digits) < COUNT_LIMIT:
        return int(digits)
    raise _refusal(_quoted(item), _ALLOWED["count"])


def _duration(value: float | str, item: str) -> float:
    try:
        return parse_positive_duration(value.casefold() if isinstance(value, str) else value)
    except InputError:
        raise _refusal(_quoted(item), _ALLOWED["duration"]) from None


_READERS: dict[str, Callable[[str, str], Layout | Count | float | Nodes]] = {
    "layout": _layout,
    "count": _count,
    "duration": _duration,
    "nodes": _nodes,
}


def _quoted(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def _refusal(item: str, allowed: str) -> BatchSpecificationError:
    return BatchSpecificationError(f"batch specification: {item!r} is not allowed", hint=allowed)
