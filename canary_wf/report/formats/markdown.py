"""The Markdown report: a summary and the failures, short enough for a CI job's summary page."""

import re

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.plan.explanation.wording import left_out_lines
from canary_wf.report.html.page_link import PageLinks
from canary_wf.report.printable import printable_tail
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.wording import count

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~&]|(?<![^\W_])[+\-._]|[+\-._](?![^\W_]))")
"""Characters special in Markdown: full stops, dashes, pluses and underscores only outside of words.

Brackets and exclamation marks mean something only beside square brackets, which are escaped.
"""

MOST_FAILURES = 50
MOST_BYTES = 900_000
"""GitHub refuses a step summary above 1 MiB."""


def markdown_report(state: SessionState) -> str:
    """Return the session as Markdown."""
    counts = state.counts()
    left = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    verdict = "passed" if not state.failed and not state.not_done else "did not pass"
    lines = [
        f"# {count(len(state.plan.jobs), 'job')}: {verdict}{left}",
        "",
        "| " + " | ".join(counts) + " |",
        "|" + " ---: |" * len(counts),
        "| " + " | ".join(str(count) for count in counts.values()) + " |",
        "",
    ]
    links = PageLinks(state)
    shown, size = 0, 0
    for job in state.failed[:MOST_FAILURES]:
        failure = _failure(state, job, links)
        size += sum(len(line.encode()) + 1 for line in failure)
        if size > MOST_BYTES:
            break
        lines += failure
        shown += 1
    if len(state.failed) > shown:
        lines.append(f"… and {len(state.failed) - shown} more failures.")
    lines += _flaky(state)
    if state.plan.left_out:
        lines += ["", f"## Left out: {count(len(state.plan.left_out), 'job')}", ""]
        lines += [f"- {escaped(line)}" for line in left_out_lines(state.plan.left_out)]
    return "\n".join(lines).rstrip() + "\n"


def _flaky(state: SessionState) -> list[str]:
    """Return the lines about jobs that passed only after a retry."""
    flaky = [(job, state.record(job)) for job in state.plan.jobs if state.record(job).is_flaky]
    if not flaky:
        return []
    lines = ["", f"## Flaky: {count(len(flaky), 'job')} passed, but not at once", ""]
    for job, record in flaky[:MOST_FAILURES]:
        before = ", ".join(run.failure or run.status.outcome.name for run in record.earlier)
        lines.append(f"- {escaped(job.name)}: attempt {record.attempts}, before that {escaped(before)}")
    if len(flaky) > MOST_FAILURES:
        lines.append(f"- … and {len(flaky) - MOST_FAILURES} more.")
    return lines


def _failure(state: SessionState, job: PlannedJob, links: PageLinks) -> list[str]:
    record = state.record(job)
    duration = "" if record.duration is None else f" after {format_duration(record.duration)}"
    reason = f": {escaped(record.status.reason)}" if record.status.reason else ""
    output = printable_tail(state.paths.job(job.directory) / OUTPUT_FILE, 10)
    heading = f"## {escaped(job.name)}: {record.status.outcome.name}"
    # Indented by four, so that the test's output cannot end the block.
    return [
        heading,
        "",
        f"{escaped(job.path)}{duration}{reason}",
        "",
        *(f"    {line}" for line in output),
        "",
        *((f"Page: `{link}`", "") if (link := links.of(job.id)) else ()),
    ]


def escaped(text: str) -> str:
    """Return `text` escaped, so that Markdown shows it unchanged."""
    return _SPECIAL.sub(r"\\\1", one_line(text))
