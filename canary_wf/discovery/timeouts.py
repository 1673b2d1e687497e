"""The time limit of a job that does not say one: from the command line's ``--timeout TYPE=T``, else by keyword.

Precedence: `reference/canary-e3.md` 1.4.
"""

from collections.abc import Mapping, Sequence

from canary_wf.durations import parse_positive_duration
from canary_wf.errors import InputError, UsageError

DEFAULT_TIMEOUT = 300.0
KEYWORD_TIMEOUTS = {"fast": 120.0, "long": 900.0}
"""Seconds by keyword; the first keyword of the job that is known here decides."""

_FOR_ALL = ("*", "all", "default")
_NOT_OF_A_JOB = {"session", "queue"}


class Timeouts:
    """The time limits of one discovery. Raises UsageError for a value that is not a duration above zero."""

    def __init__(self, chosen: Mapping[str, float | str]) -> None:
        self._chosen = {kind: _seconds(kind, value) for kind, value in chosen.items()}
        self._multiplier = self._chosen.pop("multiplier", 1.0)

    def of(self, keywords: Sequence[str], declared: float | None = None) -> float:
        """Return the time limit in seconds of a job with these keywords, `declared` being what its file says."""
        return self._multiplier * (self._default(keywords) if declared is None else declared)

    def _default(self, keywords: Sequence[str]) -> float:
        for table, names in ((self._chosen, (*keywords, *_FOR_ALL)), (KEYWORD_TIMEOUTS, keywords)):
            for name in names:
                if name in table:
                    return table[name]
        return DEFAULT_TIMEOUT


def _seconds(kind: str, value: float | str) -> float:
    if kind in _NOT_OF_A_JOB:
        raise UsageError(f"--timeout {kind}=… is not supported yet", hint="a batch has its own limit")
    try:
        return parse_positive_duration(value)
    except InputError as error:
        raise UsageError(f"--timeout {kind}={value}: {error.what}", hint=error.hint) from None
