"""The options of one `find`, `plan` or `generate` that discovery takes, and the time limits that follow from them.

Precedence: docs/reference/peers.md, "Time limits".
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from canary_wf.discovery.reading_cache import ReadingCache
from canary_wf.durations import parse_positive_duration
from canary_wf.errors import InputError, UsageError


class DiscoveryOptions(msgspec.Struct, frozen=True):
    """The choices of one discovery.

    `options` are the names turned on by ``-o``; `keyword_expression` (``-k``), `parameter_expression` (``-p``),
    `owners`, `regex`, and what ``-R``, ``-E``, ``-L`` and ``-LE`` say of names and labels select jobs; `exclude` are
    folders and files not to be looked at; `timeouts` maps the types of ``--timeout TYPE=T`` to seconds or durations;
    `resource_types` are the types of the resource pool, which a
    parameter of that name sets. `alone` says that jobs of other files are not looked for: a dependency that matches
    no job is told in the result instead of being an error. `ctest_config` is the configuration of CMake's build trees
    that have several. `readings` is where readings of unchanged test files come from and where new ones are kept; None
    reads every file. `path` is that of a file that is given alone, as seen from the top of its tree; None is its name.
    """

    options: frozenset[str] = frozenset()
    keyword_expression: str | None = None
    parameter_expression: str | None = None
    owners: tuple[str, ...] = ()
    regex: str | None = None
    names_matching: str | None = None
    names_not_matching: str | None = None
    labels_matching: tuple[str, ...] = ()
    labels_not_matching: tuple[str, ...] = ()
    exclude: tuple[Path, ...] = ()
    timeouts: dict[str, float | str] = {}
    resource_types: frozenset[str] = frozenset()
    ctest_config: str | None = None
    alone: bool = False
    path: str | None = None
    readings: ReadingCache | None = None


DEFAULT_TIMEOUT = 300.0
KEYWORD_TIMEOUTS = {"fast": 120.0, "long": 900.0}
"""Seconds by keyword; the first keyword of the job that is known here decides."""

_FOR_ALL = ("*", "all", "default")
_NOT_HONOURED = {
    "session": ("a session has no time limit of its own", "give its batches one with -b spec=duration:T"),
    "queue": ("how long a batch waits is up to the scheduler", "set a limit there, or in slurm/config.yaml"),
}


_LARGEST_FACTOR = 1e6


class Timeouts:
    """The time limits of one discovery. Raises UsageError for a value that is not a duration above zero."""

    def __init__(self, chosen: Mapping[str, float | str]) -> None:
        self._chosen = {kind: _seconds(kind, value) for kind, value in chosen.items()}
        self.multiplier = self._chosen.pop("multiplier", 1.0)
        """The kill limit of a job is its time limit times this."""

    def of(self, keywords: Sequence[str], declared: float | None = None, *, default: float | None = None) -> float:
        """Return the time limit in seconds of a job with these keywords, `declared` being what its file says.

        `default` replaces the limits by keyword and the usual default, but nothing that the command line says.
        """
        return self._default(keywords, default) if declared is None else declared

    def _default(self, keywords: Sequence[str], default: float | None) -> float:
        usual = KEYWORD_TIMEOUTS if default is None else {}
        for table, names in ((self._chosen, (*keywords, *_FOR_ALL)), (usual, keywords)):
            for name in names:
                if name in table:
                    return table[name]
        return DEFAULT_TIMEOUT if default is None else default


def _seconds(kind: str, value: float | str) -> float:
    if kind in _NOT_HONOURED:
        what, hint = _NOT_HONOURED[kind]
        raise UsageError(what, where=f"--timeout {kind}={value}", hint=hint)
    try:
        if kind == "multiplier":
            return _factor(value)
        return parse_positive_duration(value)
    except InputError as error:
        raise UsageError(f"--timeout {kind}={value}: {error.what}", hint=error.hint) from None


def _factor(value: float | str) -> float:
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= _LARGEST_FACTOR:
        raise InputError("is not a number above zero")
    return factor
