"""Which jobs of a session a user means: by what became of them, and by an expression over their keywords."""

from collections.abc import Iterable

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
        for words in (("all", "failed", "passed"), JobPhase, Category, Outcome, FailureClass)
        for word in (words if isinstance(words, tuple) else words.__members__)
    )
)
"""All that a user may say, in small letters."""


def select(state: SessionState, selection: str, *, where: str = "-r") -> list[PlannedJob]:
    """Return the jobs of `state` that one of the words of `selection` names, which commas separate, in any case.

    A word is ``all``, ``failed``, ``passed``, a phase, a category, an outcome or a class of failure. ``failed`` are all
    that count as failed, not only those with the outcome FAILED. Raises UsageError for a word that names nothing; it
    came with the option `where`.
    """
    words = {_known(word.strip(), where) for word in selection.split(",")}
    if "ALL" in words:
        return list(state.plan.jobs)
    return [job for job in state.plan.jobs if not words.isdisjoint(_words(state.record(job)))]


def with_keywords(jobs: Iterable[PlannedJob], expression: str | None) -> list[PlannedJob]:
    """Return those of `jobs` for which `expression` holds, as ``-k`` of `find`; all of them for None."""
    if expression is None:
        return list(jobs)
    from canary_wf.discovery.selection import keyword_filter  # it comes with all of discovery

    left_out = keyword_filter(expression)
    return [job for job in jobs if left_out(job) is None]


def _known(word: str, where: str) -> str:
    name = _GROUPS.get(word.upper(), word.upper())
    words = (*JobPhase.__members__, *Category.__members__, *Outcome.__members__, *FailureClass.__members__)
    known = list(dict.fromkeys(words))
    if name not in {"ALL", "FAILED", *known}:
        hint = f"write all, failed, passed or one of {', '.join(known)}"
        raise UsageError(f"{word!r} is not known", where=where, hint=hint)
    return name


def _words(record: JobRecord) -> set[str]:
    status = record.status
    # FAILED means more than the outcome of that name, which is among what counts as failed.
    failed = {"FAILED"} if status.counts_as_failed else set()
    failure = {record.failure.name} - {"FAILED"} if record.failure else set()
    return {record.phase.value, status.category.value, status.outcome.name} | failed | failure
