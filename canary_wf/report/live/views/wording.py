"""How the live views call what they show: sums, the time left, failures, and jobs that are slow."""

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from canary_wf.durations import format_duration
from canary_wf.plan.time_left import left_in_words
from canary_wf.report.colour import COLOURS
from canary_wf.report.live.run_reader import RunJob
from canary_wf.report.live.snapshot import RunningJob, Snapshot
from canary_wf.report.live.views.lines import Piece
from canary_wf.report.table import status_word
from canary_wf.state.record import EarlierRun, JobRecord

_COLOURS = {"passed": "green", "failed": "red", "cancelled": "magenta", "interrupted": "magenta", "skipped": "yellow"}


class Announcement(NamedTuple):
    """What is said once of a job: a `word` in a style, the job's `name`, and what there is to say."""

    word: str
    style: str
    name: str
    text: str


def announcements(snapshot: Snapshot) -> Iterator[Announcement]:
    """Yield what is to be said of jobs that have failed, will run again or have become slow since the last snapshot.

    Runs that ended come in the order of their ends, then the jobs that are slow by now.
    """
    ended = [(record.finished or 0.0, _failure(job, record)) for job, record in snapshot.failed]
    ended += [(run.finished, _retry(job, run)) for job, run in snapshot.retried]
    for _, announcement in sorted(ended, key=itemgetter(0)):
        yield announcement
    for running in snapshot.slow:
        yield _slow(running)


def _failure(job: RunJob, record: JobRecord) -> Announcement:
    after = "" if record.duration is None else f" after {format_duration(record.duration)}"
    reason = f": {record.status.reason}" if record.status.reason else ""
    return Announcement(status_word(record), COLOURS[record.status.category], job.name, f"{after}{reason}")


def _retry(job: RunJob, run: EarlierRun) -> Announcement:
    after = "" if run.started is None else f" after {format_duration(max(0.0, run.finished - run.started))}"
    reason = f": {run.status.reason}" if run.status.reason else ""
    return Announcement("RETRY", "yellow", job.name, f"{after}{reason}")


def _slow(running: RunningJob) -> Announcement:
    job = running.job
    times = f"{format_duration(running.seconds)} so far, usually {format_duration(job.runtime)}"
    where = f" on {running.node}" if running.node else ""
    return Announcement("SLOW", "yellow", job.name, f": {times}, limit {format_duration(job.limit)}{where}")


def sums(snapshot: Snapshot) -> Iterator[Piece]:
    """Yield how many jobs passed, failed, run and so on, each with its colour."""
    for word, number in snapshot.counts.items():
        flaky = f" ({snapshot.flaky} flaky)" if word == "passed" and snapshot.flaky else ""
        yield Piece(f"{number} {word}{flaky}", _COLOURS.get(word, ""))


def ahead(snapshot: Snapshot) -> str:
    """Return the time left in words, empty before the first job and after the last one."""
    if snapshot.spent is None or snapshot.done == snapshot.total:
        return ""
    return left_in_words(snapshot.left)
