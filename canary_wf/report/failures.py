"""The failures of a session as text: each with its reason and its log, or with the end of its output as well."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.report.closing import at_session, from_here
from canary_wf.report.colour import painter
from canary_wf.report.html.page_link import PageLinks
from canary_wf.report.printable import printable_tail
from canary_wf.report.session import SessionState, read_error
from canary_wf.report.table import status_word
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.verdict.status import Outcome
from canary_wf.wording import count, some
from canary_wf.workflow.writer import RESULTS_LINK

MOST_FAILURES = 20
LONGEST_LINE = 500
"""Characters shown of a line of a failure's output; some programs print a megabyte without a line end."""


def print_failures(
    state: SessionState, file: TextIO, *, lines: int = 0, jobs: Sequence[PlannedJob] | None = None
) -> None:
    """Print the failures of `state`, or `jobs`: reason, the last `lines` lines of output, and the path of the log.

    With output, the link to the job on the session's page follows, if there is one. Without output, a failure takes two
    lines. Of many failures, only the first are printed, and a command for the rest.
    A blank line ends the list.
    """
    failed = state.failed if jobs is None else jobs
    paint = painter(file)
    logs = jobs_folder(state)
    links = PageLinks(state) if lines else None
    for number, job in enumerate(failed[:MOST_FAILURES]):
        record = state.record(job)
        after = "" if record.duration is None else f" after {format_duration(record.duration)}"
        reason = one_line(record.status.reason or "")
        about = f" ({job.id[:8]}, {one_line(job.path)})" if lines else f": {reason}" if reason else ""
        word = paint(status_word(record), record.status.category)
        between = "\n" if lines and number else ""
        file.write(f"{between}{word} {one_line(job.name)}{after}{about}\n")
        if lines and reason:
            file.write(f"  {reason}\n")
        file.writelines(f"{line}\n" for line in _output(state.paths.job(job.directory), logs / job.directory, lines))
        if links is not None and (link := links.of(job.id)):
            file.write(f"  page: {one_line(from_here(state.paths.out / link))}\n")
    more = len(failed) - MOST_FAILURES
    if more > 0:
        file.write(f"and {count(more, 'more failure')}, which canary-wf status -r failed{at_session(state)} lists\n")
    if failed:
        file.write("\n")


def _output(folder: Path, shown: Path, lines: int) -> Iterator[str]:
    """Yield the last `lines` lines of the output in a job's `folder`, and its path, which is named as `shown`."""
    log = folder / OUTPUT_FILE
    for line in printable_tail(log, lines) if lines else ():
        yield f"  | {line[:LONGEST_LINE]}".rstrip() + (" …" if len(line) > LONGEST_LINE else "")
    problem = read_error(log)
    if problem is not None or os.path.exists(log):  # noqa: PTH110 - also False without permission
        cannot = f" cannot be read ({problem})" if problem else ""
        yield f"  log: {one_line(from_here(shown / OUTPUT_FILE))}{cannot}"


def jobs_folder(state: SessionState) -> Path:
    """Return the shortest path of the jobs' folders: the link in the workspace, if it leads there."""
    link = state.paths.out / RESULTS_LINK
    try:
        leads_there = link.is_symlink() and link.samefile(state.paths.jobs)
    except OSError:
        leads_there = False
    return link if leads_there else state.paths.jobs


def blocked_jobs(state: SessionState) -> Iterator[str]:
    """Yield one line with the first blocked jobs and the jobs that block them; nothing if no job is blocked."""
    blocked = [job for job in state.plan.jobs if state.record(job).status.outcome is Outcome.BLOCKED]
    if not blocked:
        return
    jobs = {job.id: job for job in state.plan.jobs}
    by = dict.fromkeys(one_line(_what_blocks(state, jobs, job).name) for job in blocked)
    names = some([one_line(job.name) for job in blocked])
    yield f"blocked: {names} (by {some(list(by))}); canary-wf status -r blocked{at_session(state)} says why"


def _what_blocks(state: SessionState, jobs: Mapping[str, PlannedJob], job: PlannedJob) -> PlannedJob:
    """Return the job at the root of what blocks `job`: one that is not blocked itself and did not pass, if there is."""
    while state.record(job).status.outcome is Outcome.BLOCKED:
        upstreams = [jobs[name] for name in job.upstreams if name in jobs]
        open_ones = [other for other in upstreams if not state.record(other).status.is_pass]
        if not (open_ones or upstreams):
            break
        job = (open_ones or upstreams)[0]
    return job


def damage(state: SessionState) -> Iterator[str]:
    """Yield a line for each batch with lost or damaged state."""
    for batch, what in state.damaged.items():
        yield f"batch {batch} is damaged: {one_line(what)}"
