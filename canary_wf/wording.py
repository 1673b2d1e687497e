"""Small words that several messages share: a number with its noun, some of many, the command to type next."""

import os
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 3
_KIBI = 1024


def count(number: int, one: str, many: str | None = None) -> str:
    """Return `number` with the noun in its right form."""
    return f"{number} {one if number == 1 else many or one + 's'}"


_ONE = {"cpus": "cpu", "gpus": "gpu"}


def amount(number: float, kind: str) -> str:
    """Return `number` slots of the resource type `kind`, as in ``1 gpu`` and ``2 gpus``; other types have one form.

    A type that is called as one of the former is named as a type, so that the two are not one word.
    """
    digits = str(number) if isinstance(number, int) else f"{number:g}"
    if kind in _ONE.values():
        return f"{digits} of the type {kind!r}"
    return f"{digits} {_ONE.get(kind, kind) if number == 1 else kind}"


def next_command(out: Path, scheduler: str) -> str:
    """Return what to type to run the workflow in `out` with the profile of `scheduler`."""
    import shlex

    here = os.path.relpath(out)
    place = str(out) if here.startswith((os.pardir, "-")) else here
    change = "" if here == os.curdir else f"cd {shlex.quote(place)} && "
    return f"{change}snakemake --profile {scheduler}"


def some(names: Sequence[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def size(number: float) -> str:
    """Return `number` bytes in words, such as ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < _KIBI:
            return f"{number:.4g} {unit}"
        number /= _KIBI
    return f"{number:.4g} TiB"
