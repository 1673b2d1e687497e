"""The declarations of one test file by field, each with its condition and its location."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from canary_wf.discovery.dependencies import DependencyArguments
from canary_wf.discovery.pyt.conditions import Condition, Situation, parse_condition
from canary_wf.discovery.pyt.directives import HANDLERS
from canary_wf.discovery.pyt.protocol import Call, FileReading
from canary_wf.errors import InputError, MistakeList

_FACTS_OF_A_FILE = frozenset({"options", "platforms"})
_FACTS_OF_A_FAMILY = _FACTS_OF_A_FILE | {"testname"}
_FACTS = {
    "family": _FACTS_OF_A_FILE,
    "owners": _FACTS_OF_A_FILE,
    "skip": _FACTS_OF_A_FILE,
    "stages": _FACTS_OF_A_FILE,
}
"""The facts that conditions of some fields may use. Conditions of all other fields may use any fact."""

_BEFORE_JOBS = frozenset({"rows", "aggregate"})
"""Fields that are evaluated before jobs exist, so parameters and keywords are unknown."""


class Declaration(msgspec.Struct, frozen=True):
    """One declared value, its condition (None: always), and its location `place` (``file:line``)."""

    value: Any
    condition: Condition | None
    place: str

    def unmet(self, situation: Situation) -> str | None:
        """Return the part of the condition that does not hold, or None. Raises InputError with the location."""
        if self.condition is None:
            return None
        try:
            return self.condition.unmet(situation)
        except InputError as error:
            raise InputError(error.what, where=self.place, hint=error.hint) from None


class Declarations:
    """The declarations of one file by field, in the order of the calls."""

    def __init__(self, file: str, reading: FileReading) -> None:
        self._fields: defaultdict[str, list[Declaration]] = defaultdict(list)
        mistakes = MistakeList()
        for call in reading.calls:
            place = f"{call.file or file}:{call.line}"
            try:
                self._add(call, place)
            except InputError as error:
                mistakes.add(InputError(f"{call.name}: {error.what}", where=place, hint=error.hint))
        mistakes.raise_any()

    def _add(self, call: Call, place: str) -> None:
        condition = parse_condition(call.arguments.get("when"), call.conditions)
        for field, value in HANDLERS[call.name](call.arguments):
            if condition is not None and not condition.keys <= _FACTS.get(field, condition.keys):
                refused = ", ".join(sorted(condition.keys - _FACTS[field]))
                raise InputError(f"a condition on {refused} cannot be used here")
            self._fields[field].append(Declaration(value, condition, place))
            if field in _BEFORE_JOBS and condition is not None:
                self._warn_of_early(call.name, condition, place)

    def _warn_of_early(self, directive: str, condition: Condition, place: str) -> None:
        early = sorted(condition.keys - _FACTS_OF_A_FAMILY)
        if early:
            line = place.rpartition(":")[2]
            what = f"{directive} in line {line} is decided before there are jobs, so its condition on"
            warning = f"{what} {' and '.join(early)} sees none"
            self._fields["warnings"].append(Declaration(warning, None, place))

    @cached_property
    def is_uniform(self) -> bool:
        """Whether all jobs of a family are alike: nothing depends on parameters or keywords."""
        return not any(_varies(declaration) for declarations in self._fields.values() for declaration in declarations)

    def __getitem__(self, field: str) -> list[Declaration]:
        return self._fields.get(field, [])

    def active(self, field: str, situation: Situation) -> Iterator[Declaration]:
        """Yield the declarations of `field` whose condition holds, in order."""
        return active(self[field], situation)

    def values(self, field: str, situation: Situation) -> list[Any]:
        """Return the values of `field` whose condition holds, in order."""
        return [declaration.value for declaration in self.active(field, situation)]

    def last(self, field: str, situation: Situation, default: Any = None) -> Any:  # noqa: ANN401 - a field's value
        """Return the last value of `field` whose condition holds, or `default`."""
        values = self.values(field, situation)
        return values[-1] if values else default


def _varies(declaration: Declaration) -> bool:
    if declaration.condition is not None and not declaration.condition.keys <= _FACTS_OF_A_FAMILY:
        return True
    return _has_placeholder(declaration.value)


def _has_placeholder(value: object) -> bool:
    """Return whether `value` contains placeholders for names of the job."""
    match value:
        case str():
            return "$" in value or "{" in value
        case tuple() | list():
            return any(map(_has_placeholder, value))
        case DependencyArguments():
            return _has_placeholder(value.patterns)
    return False


def active(declarations: Iterable[Declaration], situation: Situation) -> Iterator[Declaration]:
    """Yield the declarations whose condition holds."""
    return (each for each in declarations if each.unmet(situation) is None)


def merged(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return the words of all lists in order, without duplicates."""
    return tuple(dict.fromkeys(word for words in lists for word in words))
