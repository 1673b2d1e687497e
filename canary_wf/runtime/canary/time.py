"""Small helpers for durations and points in time that tests use; all values are in seconds."""

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PER_DAY = 86400


def time_in_seconds(arg: "int | float | str") -> float:
    """Return `arg` in seconds: a number, ``HH:MM:SS``, or text such as ``1h30m``. Raises ValueError."""
    import re

    if isinstance(arg, int | float):
        return float(arg)
    text = arg.strip()
    if ":" in text:
        return sum(float(part) * 60.0**position for position, part in enumerate(reversed(text.split(":"))))
    parts = re.findall(r"(\d+\.?\d*|\.\d+)\s*(ns|us|µs|ms|s|m|h|d)", text)
    if parts and re.fullmatch(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)\s*(?:ns|us|µs|ms|s|m|h|d)\s*)+", text):
        total = sum(float(number) * _UNITS[unit] for number, unit in parts)
        return -total if text.startswith("-") else total
    return float(text) if text else 0.0


def hhmmss(seconds: "float | None", threshold: float = 2.0) -> str:
    """Return `seconds` as ``HH:MM:SS``, with hundredths below `threshold`; dashes for None."""
    if seconds is None:
        return "--:--:--"
    hundredths = int(seconds * 100) if seconds < threshold else int(seconds) * 100
    hundredths %= _PER_DAY * 100
    whole = f"{hundredths // 360000:02}:{hundredths // 6000 % 60:02}:{hundredths // 100 % 60:02}"
    return f"{whole}.{hundredths % 100:02}" if seconds < threshold else whole


def pretty_seconds(seconds: "str | int | float") -> str:
    """Return `seconds` in a suitable unit: ``1.500s``, ``20.000ms``."""
    value = float(seconds)
    for unit in ("s", "ms", "us"):
        if value >= _UNITS[unit]:
            return f"{value / _UNITS[unit]:.3f}{unit}"
    return f"{value / _UNITS['ns']:.3f}ns"


def timestamp(local: bool = True) -> float:
    """Return the current time: whole epoch seconds, or exact ones if not `local`."""
    import time

    return float(int(time.time())) if local else time.time()


def strftimestamp(timestamp: float, fmt: str = "%b %d %H:%M") -> str:
    """Return epoch seconds as local time in `fmt`, with the time zone's name."""
    import time

    moment = time.localtime(timestamp)
    return f"{time.strftime(fmt, moment)} {moment.tm_zone}"


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
