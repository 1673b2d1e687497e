"""Which tests of a build tree wait for which: DEPENDS and fixtures, as CTest resolves them.

Facts: CMake's manual on DEPENDS and FIXTURES_REQUIRED. DEPENDS means order only, whatever the verdict. Where the set-up
of a fixture did not pass or skip, the tests that require the fixture do not run; its clean-up waits for all of them and
runs in any case. Disabled tests have no part in it, but the order that leads through one stays.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ORDER = "always"
SET_UP = "pass or skipped"
"""On which verdicts of its set-up a test runs: CTest counts a skipped set-up as one that worked."""


def upstreams(names: Sequence[str], properties: Sequence[Mapping[str, Any]]) -> list[dict[int, str]]:
    """Return for each test, by its number, the numbers of the tests it waits for, with the verdicts it needs."""
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
    """Return for each test the numbers of the set-ups and clean-ups of the fixtures it requires.

    Whoever selects the test selects them too, as with ctest.
    """
    disabled = {number for number, each in enumerate(properties) if each.get("DISABLED")}
    parts = [_by_fixture(name, properties, disabled) for name in ("FIXTURES_SETUP", "FIXTURES_CLEANUP")]
    return [
        [other for fixture in each.get("FIXTURES_REQUIRED", ()) for part in parts for other in part.get(fixture, ())]
        for each in properties
    ]


def fixtures_of(properties: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return for each test the fixtures in which it takes part, of those that have a set-up; a disabled one in none."""
    disabled = {number for number, each in enumerate(properties) if each.get("DISABLED")}
    set_up = set(_by_fixture("FIXTURES_SETUP", properties, disabled))
    parts = ("FIXTURES_SETUP", "FIXTURES_REQUIRED", "FIXTURES_CLEANUP")
    named = [[name for part in parts for name in each.get(part, ()) if name in set_up] for each in properties]
    return [[] if number in disabled else list(dict.fromkeys(names)) for number, names in enumerate(named)]


def _enabled(depends: Sequence[Sequence[int]], number: int, disabled: set[int]) -> Iterator[int]:
    """Yield what the test waits for; a disabled one stands for what it waits for itself."""
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
