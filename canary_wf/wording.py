"""Phrases that several messages share: a number with its noun, some of many, the command to type next."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

_SHOWN = 3
_KIBI = 1024


def count(number: int, one: str, many: str | None = None) -> str:
    """Return `number` with its noun in the singular or plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"


_ONE = {"cpus": "cpu", "gpus": "gpu"}


def amount(number: float, resource_type: str) -> str:
    """Return `number` slots of a resource type, such as ``1 gpu`` and ``2 gpus``; other types have only one form.

    A type whose own name is such a singular is quoted, so that it is not mistaken for the other type.
    """
    digits = str(number) if isinstance(number, int) else f"{number:g}"
    if resource_type in _ONE.values():
        return f"{digits} of the type {resource_type!r}"
    return f"{digits} {_ONE.get(resource_type, resource_type) if number == 1 else resource_type}"


def next_command(out: Path, scheduler: str) -> str:
    """Return the command that runs the workflow in `out` with the profile of `scheduler`."""
    import shlex

    here = os.path.relpath(out)
    folder = str(out) if here.startswith((os.pardir, "-")) else here
    change = "" if here == os.curdir else f"cd {shlex.quote(folder)} && "
    return f"{change}snakemake --profile {scheduler}"


def run_command(out: Path, *words: str) -> str:
    """Return the command `canary-wf run` with `words`, for the workspace `out` seen from the current folder."""
    import shlex

    here = os.path.relpath(out)
    folder = str(out) if here.startswith((os.pardir, "-")) else here
    return shlex.join(["canary-wf", "run", *words, *(() if here == os.curdir else ("-d", folder))])


def some(names: Sequence[str]) -> str:
    """Return the first of `names`, and the number of the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def moment(seconds: float, *, exact: bool = False) -> str:
    """Return a point in time (epoch seconds) to the minute, or `exact` to the second, in UTC as in sessions' names.

    A number that is not a point in time, as in a damaged file, is returned as text.
    """
    try:
        return time.strftime(f"%Y-%m-%d %H:%M{':%S' if exact else ''} UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s UTC"


def size(number: float) -> str:
    """Return `number` bytes in readable units, such as ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < _KIBI:
            return f"{number:.4g} {unit}"
        number /= _KIBI
    return f"{number:.4g} TiB"
