"""Resolves which tests of a build tree wait for which others, by DEPENDS and fixtures, as CTest does.

Source: CMake's manual on DEPENDS and FIXTURES_REQUIRED. DEPENDS is order only, whatever the verdict. If the set-up of a
fixture neither passed nor was skipped, the tests that require the fixture do not run. The clean-up waits for all of
them and always runs. Disabled tests do not take part, but the order between tests before and after them remains.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ORDER = "always"
SET_UP = "pass or skipped"
"""The condition on a set-up: CTest counts a skipped set-up as successful."""


def upstreams(names: Sequence[str], properties: Sequence[Mapping[str, Any]]) -> list[dict[int, str]]:
    """Return for each test the indexes of the tests that it waits for, with the condition on each."""
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        first.setdefault(name, number)
    disabled = {number for number, each in enumerate(properties) if each.get("DISABLED")}
    set_up = _by_fixture("FIXTURES_SETUP", properties, disabled)
    required = _by_fixture("FIXTURES_REQUIRED", properties, disabled)
    depends = [[first[name] for name in each.get("DEPENDS", ()) if name in first] for each in properties]
    found: list[dict[int, str]] = []
    for number, each in enumerate(properties):
        if number in disabled:
            found.append({})
            continue
        waits = dict.fromkeys(_enabled(depends, number, disabled), ORDER)
        for fixture in each.get("FIXTURES_CLEANUP", ()):
            waits.update(dict.fromkeys([*set_up[fixture], *required[fixture]], ORDER))
        for fixture in each.get("FIXTURES_REQUIRED", ()):
            waits.update(dict.fromkeys(set_up[fixture], SET_UP))
        found.append(waits)
    return found


def companions(properties: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Return for each test the indexes of the set-ups and clean-ups of the fixtures that it requires.

    As in ctest, selecting the test selects them too.
    """
    disabled = {number for number, each in enumerate(properties) if each.get("DISABLED")}
    properties_ = [_by_fixture(name, properties, disabled) for name in ("FIXTURES_SETUP", "FIXTURES_CLEANUP")]
    return [
        [
            other
            for fixture in each.get("FIXTURES_REQUIRED", ())
            for role in properties_
            for other in role.get(fixture, ())
        ]
        for each in properties
    ]


def fixtures_of(properties: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return for each test its fixtures that have a set-up. A disabled test has no fixtures."""
    disabled = {number for number, each in enumerate(properties) if each.get("DISABLED")}
    set_up = set(_by_fixture("FIXTURES_SETUP", properties, disabled))
    roles = ("FIXTURES_SETUP", "FIXTURES_REQUIRED", "FIXTURES_CLEANUP")
    named = [[name for role in roles for name in each.get(role, ()) if name in set_up] for each in properties]
    return [[] if number in disabled else list(dict.fromkeys(names)) for number, names in enumerate(named)]


def _enabled(depends: Sequence[Sequence[int]], number: int, disabled: set[int]) -> Iterator[int]:
    """Yield the tests that a test waits for. A disabled test is replaced by the tests that it waits for itself."""
    seen: set[int] = set()
    waiting = list(reversed(depends[number]))
    while waiting:
        upstream = waiting.pop()
        if upstream not in disabled:
            yield upstream
        elif upstream not in seen:
            seen.add(upstream)
            waiting.extend(reversed(depends[upstream]))


def _by_fixture(name: str, properties: Sequence[Mapping[str, Any]], disabled: set[int]) -> defaultdict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(properties):
        if number not in disabled:
            for fixture in each.get(name, ()):
                found[fixture].append(number)
    return found
