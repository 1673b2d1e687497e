"""The last lines about a session: the sum, where the report is, and the command to type next."""

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.report.batch_runs import BatchRun
from canary_wf.report.colour import painter
from canary_wf.report.columns import cut_middle
from canary_wf.report.html.page_link import page_of
from canary_wf.report.session import SessionState
from canary_wf.snakemake.parent_workflows import last_parent_workflow
from canary_wf.state.session_paths import session_names
from canary_wf.verdict.status import Category, JobPhase, Outcome
from canary_wf.wording import count, run_command, some

_LONGEST = 40
"""Columns that the name of a flaky job may take in the sum; `status -r flaky` shows all of it."""


def closing_lines(
    state: SessionState,
    now: float | None = None,
    *,
    over: bool = False,
    part: SessionState | None = None,
    cut_short: str | None = None,
) -> list[str]:
    """Return the last lines about `state` at the time `now` (epoch seconds): sum, report, and what to type next.

    `over` says that the run is over although its Snakemake still lives. `part` is the part of `state` that ran now, if
    not all of it did: the sum is that of the part, and another line has the counts of the session. `cut_short` says in
    a word how the run ended if that is known and jobs are left.
    """
    is_live = state.live and not over
    lines = [sum_line(part or state, time.time() if now is None else now, over=over, cut_short=cut_short)]
    if part is not None and len(part.plan.jobs) < len(state.plan.jobs):
        lines.append(
            f"Session: {counts_in_words(state, over=over, with_names=False)}; canary-wf status{_at(state.paths.out)}"
        )
    page = None if is_live else page_of(state)
    if page is not None:
        lines.append(f"Report: {one_line(from_here(page))}")
    return [*lines, *_next(state, is_live=is_live)]


def print_closing(
    state: SessionState,
    file: TextIO,
    now: float | None = None,
    *,
    over: bool = False,
    part: SessionState | None = None,
    cut_short: str | None = None,
) -> None:
    """Print the lines of `closing_lines` to `file`: the sum in green when all is well, in red when jobs failed."""
    paint = painter(file)
    total, *others = closing_lines(state, now, over=over, part=part, cut_short=cut_short)
    summed_up = part or state
    if summed_up.failed:
        total = paint(total, Category.FAIL)
    elif not summed_up.not_done:
        total = paint(total, Category.PASS)
    file.writelines(f"{line}\n" for line in (total, *others))


def sum_line(state: SessionState, now: float, *, over: bool = False, cut_short: str | None = None) -> str:
    """Return the counts of `state` and the time that its batches ran, until `now` (epoch seconds), in one line.

    `cut_short` is as in `closing_lines`.
    """
    counts = counts_in_words(state, over=over)
    spent = seconds_run(state, now)
    took = f" in {format_duration(spent)}" if state.runs else ""
    left = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    total = len(state.plan.jobs)
    passed = sum(state.record(job).status.is_pass for job in state.plan.jobs)
    if passed == total:
        return f"{f'All {total} jobs' if total != 1 else 'The job'} passed{_flaky(state)}{took}{left}"
    if state.live and not over:
        return f"Running: {counts}{took.replace(' in ', ' after ')}{left}"
    if not state.begun and not state.records:
        return f"{count(total, 'job')}, not run yet{left}"
    how = f"{cut_short or _cut_short(state)}: " if _goes_on(state) else ""
    return f"{how}{counts}{took}{left}"


def _cut_short(state: SessionState) -> str:
    """Return in a word how the run of `state`, which has jobs left, came to its end, according to its batches."""
    runs = [state.runs.get(job.batch) for job in state.unfinished]
    reasons = {each[-1].reason for each in runs if each}  # none where a journal lost its first line
    return next((word for reason, word in _CUT_SHORT.items() if reason in reasons), "Incomplete")


def _goes_on(state: SessionState) -> bool:
    """Return whether the next run goes on with `state`; verdicts that were lost have to be reset first."""
    return bool(state.unfinished) and not (state.damaged and state.failed)


def counts_in_words(state: SessionState, *, over: bool = False, with_names: bool = True) -> str:
    """Return how many jobs passed, failed and so on; flaky jobs are named, or only counted."""
    found: Counter[str] = Counter()
    blocked = 0
    is_live = state.live and not over
    for job in state.plan.jobs:
        record = state.record(job)
        blocked += record.status.outcome is Outcome.BLOCKED
        found[counted_as(record.phase, record.status.outcome, is_live=is_live)] += 1
    return in_words(found, _flaky(state, with_names=with_names), blocked)


def in_words(found: Mapping[str, int], flaky: str, blocked: int) -> str:
    """Return the counts `found` of the words in `COUNTED`; the note `flaky` stands behind the jobs that passed."""
    notes = {"passed": flaky, "skipped": f" ({blocked} blocked)" if blocked else ""}
    return ", ".join(f"{found[word]} {word}{notes.get(word, '')}" for word in COUNTED if found.get(word))


_CUT_SHORT = {"signal": "Paused", "max_fail": "Stopped early"}
"""How a run ended, by the reason why a batch did; a crash, a full disk and the like leave it incomplete."""

COUNTED = ("passed", "failed", "cancelled", "interrupted", "skipped", "running", "queued", "waiting", "not run")
"""The words for what became of jobs, in the order in which sums have them."""

WORDS = {"PASS": "passed", "FAIL": "failed", "CANCEL": "cancelled", "SKIP": "skipped", "NONE": "not run"}
"""What became of jobs of a category, for people."""


def counted_as(phase: JobPhase, outcome: Outcome, *, is_live: bool) -> str:
    """Return the word under which a job counts in sums, of a session that is live or not."""
    if outcome.category is Category.CANCEL:
        return outcome.name.lower()
    if outcome is not Outcome.NONE:
        return WORDS[outcome.category.value]
    if phase is JobPhase.RUNNING:
        return "running"
    if phase is JobPhase.SUBMITTED:
        return "queued"
    return "waiting" if is_live else "not run"


def _flaky(state: SessionState, *, with_names: bool = True) -> str:
    """Return the number and names of the flaky jobs, in brackets; nothing if there are none."""
    names = [cut_middle(one_line(job.name), _LONGEST) for job in state.plan.jobs if state.record(job).is_flaky]
    return f" ({len(names)} flaky{f': {some(names)}' if with_names else ''})" if names else ""


def seconds_run(state: SessionState, now: float) -> float:
    """Return the number of seconds during which at least one batch ran; pauses between runs do not count."""
    return time_covered((run for runs in state.runs.values() for run in runs), now)


def time_covered(runs: Iterable[BatchRun], now: float) -> float:
    """Return the number of seconds, until `now` (epoch seconds), during which at least one of `runs` went on."""
    spans = sorted((run.started, now if run.ended is None else run.ended) for run in runs)
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _next(state: SessionState, *, is_live: bool) -> Iterator[str]:
    """Yield the line with the command to type next; none where nothing is left to do, or for an earlier session."""
    out = state.paths.out
    if session_names(out)[-1:] != [state.paths.session]:
        return
    if is_live:
        yield f"Watch: canary-wf status --watch{_at(out)}"
    elif parent := last_parent_workflow(out, since=state.plan.created):
        if _goes_on(state):
            yield f"Go on: snakemake, in {one_line(from_here(parent))}"
        elif state.failed:
            yield f"Again: canary-wf rerun --failed{_at(out)}, then snakemake in {one_line(from_here(parent))}"
    elif _goes_on(state):
        yield f"{'Go on' if state.begun else 'Next'}: {run_command(out)}"
    elif state.failed:
        yield f"Again: {run_command(out, '--failed')}"


def at_session(state: SessionState) -> str:
    """Return the options by which a command finds the session of `state`; nothing for the newest one here."""
    newest = session_names(state.paths.out)[-1:] == [state.paths.session]
    return _at(state.paths.out) + ("" if newest else f" --session {state.paths.session}")


def _at(out: Path) -> str:
    """Return the option for the workspace `out`, where it is not the current folder."""
    here = from_here(out)
    return "" if here == os.curdir else f" -d {shlex.quote(here)}"


def from_here(path: Path) -> str:
    """Return the shortest form of `path` that leads there: relative to the current folder, or absolute."""
    here = os.path.relpath(path)
    return here if not here.startswith(os.pardir) else min(here, str(path), key=len)
