"""Which jobs of a session a user means: by what became of them, and by an expression over their keywords."""

import math
from collections.abc import Iterable, Sequence

from canary_wf.errors import UsageError
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import JobRecord
from canary_wf.verdict.failure_class import FailureClass
from canary_wf.verdict.status import Category, JobPhase, Outcome

_GROUPS = {"PASSED": Category.PASS.value}
"""Words that people use for a category."""

WORDS = tuple(
    dict.fromkeys(
        word.lower()
        for words in (("all", "failed", "passed", "flaky"), JobPhase, Category, Outcome, FailureClass)
        for word in (words if isinstance(words, tuple) else words.__members__)
    )
)
"""All that a user may say, in small letters."""

ORDERS = ("plan", "name", "time", "status", "start", "memory")
"""Orders of jobs: as planned, by name, the longest first, failures first, the first started, the largest first."""


def select(state: SessionState, selection: str, *, where: str = "-r") -> list[PlannedJob]:
    """Return the jobs of `state` that one of the words of `selection` names, which commas separate, in any case.

    A word is ``all``, ``failed``, ``passed``, ``flaky``, a phase, a category, an outcome or a class of failure.
    ``failed`` are all that count as failed, not only those with the outcome FAILED. Raises UsageError for a word that
    names nothing; it came with the option `where`.
    """
    words = {_known(word.strip(), where) for word in selection.split(",")}
    if "ALL" in words:
        return list(state.plan.jobs)
    return [job for job in state.plan.jobs if not words.isdisjoint(_words(state.record(job)))]


def in_order(state: SessionState, jobs: Sequence[PlannedJob], order: str) -> list[PlannedJob]:
    """Return `jobs` in one of the `ORDERS`; jobs that are equal in it stay as they are."""

    def rank(job: PlannedJob) -> tuple[float, str]:
        record = state.record(job)
        match order:
            case "name":
                return 0.0, job.name
            case "time":
                return -_known_or(record.duration, -1.0), ""
            case "status":
                return _RANKS[record.status.category], record.status.outcome.name
            case "start":
                return _known_or(record.started, math.inf), ""
            case "memory":
                return -_known_or(record.measured("max_rss"), -1.0), ""
            case _:
                return 0.0, ""

    return sorted(jobs, key=rank)


_RANKS = {
    category: number
    for number, category in enumerate((Category.FAIL, Category.CANCEL, Category.NONE, Category.SKIP, Category.PASS))
}


def _known_or(value: float | None, other: float) -> float:
    return other if value is None else value


def with_keywords(jobs: Iterable[PlannedJob], expression: str | None) -> list[PlannedJob]:
    """Return those of `jobs` for which `expression` holds, as ``-k`` of `find`; all of them for None."""
    if expression is None:
        return list(jobs)
    from canary_wf.discovery.selection import keyword_filter  # it comes with all of discovery

    left_out = keyword_filter(expression)
    return [job for job in jobs if left_out(job) is None]


def _known(word: str, where: str) -> str:
    name = _GROUPS.get(word.upper(), word.upper())
    if word.lower() not in WORDS:
        from difflib import get_close_matches

        begun = sorted((each for each in WORDS if word and each.startswith(word.lower())), key=len)
        near = begun[:3] or get_close_matches(word.lower(), WORDS, n=3, cutoff=_NEAR)
        hint = f"did you mean {' or '.join(near)}?" if near else f"write {_COMMON}, or another outcome or class"
        raise UsageError(f"{word!r} is not known", where=where, hint=hint)
    return name


_NEAR = 0.7
"""How similar a word has to be to be meant: `nonsense` is not `none`, and `timout` is `timeout`."""

_COMMON = "all, failed, passed, flaky, skipped, running, timeout, oom"


def _words(record: JobRecord) -> set[str]:
    status = record.status
    # FAILED means more than the outcome of that name, which is among what counts as failed.
    failed = {"FAILED"} if status.counts_as_failed else set()
    flaky = {"FLAKY"} if record.is_flaky else set()
    failure = {record.failure.name} - {"FAILED"} if record.failure else set()
    return {record.phase.value, status.category.value, status.outcome.name} | failed | flaky | failure
