"""Durations as people write them (`90`, `1.5`, `40s`, `2h`, `4h30m30s`, `1d`, `01:30:00`) in seconds and back."""

import math
import os
import re
from functools import lru_cache

from canary_wf.errors import InputError, UsageError

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
LONGEST = 3660 * DAY
"""Ten years. Longer values are treated as typos."""

_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)", re.ASCII)
_EXPECTED = "write seconds or a Go-style duration such as 40s, 5m or 1h30m"


def parse_duration(value: float | str) -> float:
    """Return `value` in seconds. A string is a number, a Go-style duration or ``[H:]M:S``.

    Raises InputError for any other string, and for values that are not finite or exceed ten years.
    """
    try:
        seconds = float(value) if isinstance(value, int | float) else _from_text(value.strip())
    except OverflowError:
        # Not quoted: Python refuses to print integers with thousands of digits.
        raise InputError("duration of more than 300 digits is out of range", hint=_EXPECTED) from None
    if not math.isfinite(seconds) or abs(seconds) > LONGEST:
        raise InputError(f"duration {value!r} is out of range", hint=_EXPECTED)
    return seconds


def parse_positive_duration(value: float | str) -> float:
    """Return `value` in seconds like `parse_duration`; zero and negative values are refused, too."""
    seconds = parse_duration(value)
    if seconds <= 0:
        raise InputError(f"duration {value!r} is not above zero", hint=_EXPECTED)
    return seconds


def environment_seconds(name: str, default: float, least: float = 0.0, most: float = LONGEST) -> float:
    """Return the environment variable `name` in seconds, or `default` if it is not set.

    Raises UsageError for anything but a duration from `least` to `most`.
    """
    text = os.environ.get(name)
    if not text:
        return default
    try:
        seconds = parse_duration(text)
    except InputError as error:
        raise UsageError(error.what, where=name, hint=error.hint) from None
    if seconds < 0:
        raise UsageError(f"duration {text!r} is below zero", where=name, hint=_EXPECTED)
    if not least <= seconds <= most:
        hint = f"write one from {format_duration(least)} to {format_duration(most)}"
        raise UsageError(f"duration {text!r} is out of range", where=name, hint=hint)
    return seconds


@lru_cache(maxsize=256)
def _from_text(text: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups(default="0")
        # float() instead of int(), which refuses thousands of digits with an error of its own.
        return float(hours) * HOUR + float(minutes) * MINUTE + float(seconds)
    # Late: only strings with units need it.
    import durationpy

    try:
        return float(durationpy.from_str(text).total_seconds()) if text else math.nan
    except (ValueError, OverflowError):
        raise InputError(f"duration {text!r} is not understood", hint=_EXPECTED) from None


def format_duration(seconds: float) -> str:
    """Return `seconds` for people: ``0.03s``, ``4.2s``, ``42s``, ``3m20s``, ``2h05m``, ``3d04h``."""
    if seconds < 1:
        return f"{seconds:.2f}s"
    if seconds < 10:  # noqa: PLR2004 - below ten seconds, tenths matter
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < DAY:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
