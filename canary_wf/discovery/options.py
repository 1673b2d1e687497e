"""The options of `find`, `plan` and `generate` that discovery reads, and the time limits that follow from them.

Precedence: docs/reference/peers.md, "Time limits".
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec

from canary_wf.discovery.reading_cache import ReadingCache
from canary_wf.discovery.shards import Shard
from canary_wf.durations import parse_positive_duration
from canary_wf.errors import InputError, UsageError


class DiscoveryOptions(msgspec.Struct, frozen=True):
    """The options of one discovery.

    `options` are the names turned on by ``-o``. These select jobs: `keyword_expression` (``-k``),
    `parameter_expression` (``-p``), `owners`, `regex`, and `names_matching`, `names_not_matching`, `labels_matching`
    and `labels_not_matching` (``-R``, ``-E``, ``-L``, ``-LE``); of these, `shard` keeps one part. `exclude` are folders
    and files that are not searched. `timeouts` maps the types of ``--timeout TYPE=T`` to seconds or durations. A
    parameter with the name of one of `resource_types`, the types of the resource pool, sets that resource. `alone` says
    that jobs of other files are unknown: a dependency that matches no job is reported in the result instead of being an
    error. `ctest_config` is the configuration of CMake build trees that have several. `readings` is the cache of
    readings of test files; None reads every file. `path` is the path below its tree of a file that is given alone; None
    means its name.
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
    shard: Shard | None = None


DEFAULT_TIMEOUT = 300.0
KEYWORD_TIMEOUTS = {"fast": 120.0, "long": 900.0}
"""Time limits in seconds by keyword. The first keyword of the job that occurs here decides."""

_FOR_ALL = ("*", "all", "default")
_NOT_HONOURED = {
    "session": ("a session has no time limit of its own", "give its batches one with -b spec=duration:T"),
    "queue": ("how long a batch waits is up to the scheduler", "set a limit there, or in slurm/config.yaml"),
}


_LARGEST_FACTOR = 1e6


class Timeouts:
    """The time limits of one discovery. Raises UsageError for a value that is not a positive duration."""

    def __init__(self, chosen: Mapping[str, float | str]) -> None:
        self._chosen = {limit_type: _seconds(limit_type, value) for limit_type, value in chosen.items()}
        self.multiplier = self._chosen.pop("multiplier", 1.0)
        """The job is killed after its time limit times this factor."""

    def of(self, keywords: Sequence[str], declared: float | None = None, *, default: float | None = None) -> float:
        """Return the time limit in seconds of a job with these keywords. `declared` is the limit in its file.

        `default` replaces the limits by keyword and the usual default, but not the limits of the command line.
        """
        return self._default(keywords, default) if declared is None else declared

    def _default(self, keywords: Sequence[str], default: float | None) -> float:
        usual = KEYWORD_TIMEOUTS if default is None else {}
        for table, names in ((self._chosen, (*keywords, *_FOR_ALL)), (usual, keywords)):
            for name in names:
                if name in table:
                    return table[name]
        return DEFAULT_TIMEOUT if default is None else default


def misspelt_types(chosen: Iterable[str], keywords: Collection[str]) -> Iterator[str]:
    """Yield a warning for each of the types of ``--timeout`` that is not a keyword of a job, but looks like one.

    Other keywords that no job has are not reported, because a configuration may set their limits for other trees.
    """
    known = [*keywords, *KEYWORD_TIMEOUTS, *_FOR_ALL, "multiplier"]
    for limit_type in chosen:
        near = [] if limit_type in known else get_close_matches(limit_type, known, n=1)
        if near:
            yield f"--timeout {limit_type}: no job has this keyword; did you mean {near[0]}?"


def _seconds(limit_type: str, value: float | str) -> float:
    if limit_type in _NOT_HONOURED:
        what, hint = _NOT_HONOURED[limit_type]
        raise UsageError(what, where=f"--timeout {limit_type}={value}", hint=hint)
    try:
        if limit_type == "multiplier":
            return _factor(value)
        return parse_positive_duration(value)
    except InputError as error:
        raise UsageError(f"--timeout {limit_type}={value}: {error.what}", hint=error.hint) from None


def _factor(value: float | str) -> float:
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= _LARGEST_FACTOR:
        raise InputError("is not a positive number")
    return factor
