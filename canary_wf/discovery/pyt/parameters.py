"""The parameter sets of `parameterize`: lists, points around a centre, random points, and their product.

Source: docs/reference/peers.md, "Directives". Random numbers come from Python's generator, which each call seeds anew.
"""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from canary_wf.errors import InputError
from canary_wf.runtime.canary import enums

Row = dict[str, Any]

MOST_JOBS = 1_000_000
"""Largest number of jobs in one file."""

_PER_CENTRE = 3
_PER_RANGE = 2


def parameter_rows(arguments: dict[str, Any]) -> list[Row]:
    """Return the rows of one `parameterize` call with these `arguments`. Raises InputError."""
    names = parameter_names(arguments["names"])
    values = arguments["values"]
    if isinstance(values, str):
        values = list(values)
    if not isinstance(values, list):
        raise InputError(f"the values of {', '.join(names)} are not a list")
    space_type = arguments.get("type", enums.list_parameter_space)
    match space_type:
        case enums.list_parameter_space:
            rows = _list_rows(names, values)
        case enums.centered_parameter_space:
            rows = _centered_rows(names, values)
        case enums.random_parameter_space:
            seed, samples = arguments.get("random_seed", 1234.0), arguments.get("samples", 10)
            rows = _random_rows(names, values, samples, seed)
        case _:
            raise InputError(f"type={space_type!r} is not one of the parameter spaces of canary")
    return _without_repeats(rows)


def parameter_names(names: object) -> list[str]:
    """Return the names in ``"a,b"`` or ``["a", "b"]``. Raises InputError for one that is not an identifier."""
    split = [name for name in names.split(",") if name.strip()] if isinstance(names, str) else names
    if not isinstance(split, list) or not all(isinstance(name, str) for name in split):
        raise InputError(f"{names!r:.80} are not names of parameters")
    found = [name.strip() for name in split]
    for name in found:
        if not name.isidentifier():
            raise InputError(f"{name!r} is not a name for a parameter", hint="use letters, digits and _")
    if not found:
        raise InputError("no parameter is named")
    return found


def product(spaces: Sequence[Sequence[Row]]) -> Iterable[Row]:
    """Return all combinations of the rows of `spaces`. The last space changes fastest.

    If a space has no rows, the result is one row without parameters. If two spaces have the same parameter, the later
    value counts, and equal rows are merged. Raises InputError for more than `MOST_JOBS` rows, and for rows that become
    equal although the spaces have no common value of the parameter.
    """
    if not spaces or not all(spaces):
        return [{}]
    size = math.prod(len(rows) for rows in spaces)
    if size > MOST_JOBS:
        raise InputError(f"these parameters make {size} jobs; at most {MOST_JOBS} per file are allowed")
    if len(spaces) == 1:
        return spaces[0]
    rows = ({key: value for row in rows for key, value in row.items()} for rows in itertools.product(*spaces))
    repeated = repeated_names(spaces)
    if not repeated:
        return rows
    found = _without_repeats(rows)
    apart = next((name for name in repeated if _are_apart(name, spaces)), None)
    if apart is not None and len(found) < size:
        raise InputError(f"parameter {apart!r} is given twice with different values, so that jobs would be the same")
    return found


def _are_apart(name: str, spaces: Sequence[Sequence[Row]]) -> bool:
    """Return whether the spaces with the parameter `name` have no common value of it."""
    values = [{_hashable(row[name]) for row in rows} for rows in spaces if name in rows[0]]
    return not set.intersection(*values)


def repeated_names(spaces: Sequence[Sequence[Row]]) -> list[str]:
    """Return the parameters that more than one of `spaces` has."""
    counts = Counter(name for rows in spaces if rows for name in rows[0])
    return sorted(name for name, count in counts.items() if count > 1)


def given_twice(name: str) -> str:
    """Return the warning about the parameter `name`, which is given more than once."""
    return f"parameter {name!r} is given twice; the later value counts, and jobs that are the same are made once"


def _list_rows(names: list[str], values: list[Any]) -> list[Row]:
    rows = []
    for value in values:
        row = value if isinstance(value, list) else [value]
        if len(row) != len(names):
            raise InputError(f"{len(names)} names ({', '.join(names)}) but {len(row)} values in {value!r:.80}")
        rows.append(dict(zip(names, row, strict=True)))
    return rows


def _centered_rows(names: list[str], values: list[Any]) -> list[Row]:
    triples = _numbers(names, values, _PER_CENTRE, "(initial, step, count)")
    counts = [count for _, _, count in triples]
    if any(count != int(count) or count < 0 for count in counts):
        raise InputError(f"the counts {counts} of a centered space are not whole numbers from 0")
    if 1 + 2 * sum(counts) > MOST_JOBS:
        raise InputError(f"these parameters make more than {MOST_JOBS} jobs")
    centre = {name: initial for name, (initial, _, _) in zip(names, triples, strict=True)}
    rows = [centre]
    for name, (initial, step, count) in zip(names, triples, strict=True):
        steps = [each for each in range(-int(count), int(count) + 1) if each]
        rows.extend({**centre, name: initial + each * step} for each in steps)
    return rows


def _random_rows(names: list[str], values: list[Any], samples: object, seed: object) -> list[Row]:
    ranges = _numbers(names, values, _PER_RANGE, "(low, high)")
    if not isinstance(samples, int) or isinstance(samples, bool) or not 1 <= samples <= MOST_JOBS:
        raise InputError(f"samples={samples!r} is not a number from 1 to {MOST_JOBS}")
    if not isinstance(seed, int | float | str):
        raise InputError(f"random_seed={seed!r:.80} is not a number")
    generator = random.Random(seed)  # noqa: S311 - the points must be reproducible
    columns = [[generator.uniform(low, high) for _ in range(samples)] for low, high in ranges]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _numbers(names: list[str], values: list[Any], size: int, form: str) -> list[list[Any]]:
    if len(names) == 1:
        raise InputError("this kind of parameter space needs at least two names")
    if len(values) != len(names):
        raise InputError(f"{len(names)} names ({', '.join(names)}) but {len(values)} times {form}")
    for value in values:
        fits = isinstance(value, list) and len(value) == size
        if not fits or any(isinstance(each, bool) or not isinstance(each, int | float) for each in value):
            raise InputError(f"{value!r:.80} is not {form}")
    return values


def _without_repeats(rows: Iterable[Row]) -> list[Row]:
    """Return `rows` without duplicates. 1, 1.0 and True are equal."""
    seen: set[Any] = set()
    found = []
    for row in rows:
        key = tuple(_hashable(value) for value in row.values())
        if key not in seen:
            seen.add(key)
            found.append(row)
    return found


def _hashable(value: object) -> object:
    if isinstance(value, list):
        return ("list", *map(_hashable, value))
    if isinstance(value, dict):
        return ("dict", *sorted((key, _hashable(each)) for key, each in value.items()))
    return value
