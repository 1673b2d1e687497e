"""What a view shows of a run at one moment: sums, the jobs that run, what waits, what failed since the last look."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from canary_wf.report.closing import COUNTED
from canary_wf.report.live.run_reader import Change, RunJob, RunReader
from canary_wf.report.live.slow import SlowJobs
from canary_wf.report.live.waits import Wait, Waits
from canary_wf.run.job.environment import NODES
from canary_wf.state.record import EarlierRun, JobRecord
from canary_wf.state.session_paths import SessionPaths


class RunningJob(NamedTuple):
    """A job that has run for `seconds` on `node`; `is_slow` compares that with its earlier runs."""

    job: RunJob
    seconds: float
    node: str
    is_slow: bool


class Snapshot(NamedTuple):
    """A run at one moment. Times are seconds; `spent` is how long batches ran so far, None before the first one.

    `running` begins with the job that has run longest. Since the last snapshot, `failed` jobs have failed for good,
    `retried` ones will run again after a run that failed, and `slow` ones have become slow.
    """

    total: int
    done: int
    counts: Mapping[str, int]
    flaky: int
    running: tuple[RunningJob, ...]
    waits: tuple[Wait, ...]
    spent: float | None
    left: float
    failed: tuple[tuple[RunJob, JobRecord], ...]
    retried: tuple[tuple[RunJob, EarlierRun], ...]
    slow: tuple[RunningJob, ...]

    @property
    def bad(self) -> int:
        """The number of jobs that have failed or were cancelled."""
        return self.counts.get("failed", 0) + self.counts.get("cancelled", 0)

    def without_news(self) -> "Snapshot":
        """Return the same without what is reported once."""
        return self._replace(failed=(), retried=(), slow=())


class Snapshots:
    """Takes snapshots of one run; unless `patient`, they do not wait for Slurm to say why batches wait."""

    def __init__(self, paths: SessionPaths, *, patient: bool = False) -> None:
        """Read the plan. Raises WorkspaceError."""
        self.run = RunReader(paths)
        self._waits = Waits(patient=patient)
        self._slow = SlowJobs(paths)
        self._told: set[str] = set()
        self._changes: list[Change] = []

    def look(self) -> None:
        """Read on; the next snapshot reports what has failed. Raises OSError and WorkspaceError."""
        self._changes += self.run.look()

    def forget(self) -> None:
        """Tell nothing of what has failed so far."""
        self._changes.clear()

    def take(self, now: float | None = None) -> Snapshot:
        """Return the run as it is at the time `now` (epoch seconds; None: the present).

        Raises OSError and WorkspaceError when its files cannot be read.
        """
        run = self.run
        self.look()
        changes = self._changes
        now = time.time() if now is None else now
        running = self._running(now)
        slow = tuple(each for each in running if each.is_slow and each.job.id not in self._told)
        snapshot = Snapshot(
            total=len(run.plan.jobs),
            done=run.done,
            counts={word: run.counts[word] for word in COUNTED if run.counts[word]},
            flaky=run.flaky,
            running=running,
            waits=tuple(self._waits.of(run)),
            spent=run.seconds_run(now),
            left=run.seconds_left(now),
            failed=tuple((change.job, change.after) for change in changes if _has_failed(change)),
            retried=tuple((change.job, run) for change in changes for run in _retried(change)),
            slow=slow,
        )
        self._changes = []  # only now, as reading may have failed until here
        self._told |= {each.job.id for each in slow}
        return snapshot

    def _running(self, now: float) -> tuple[RunningJob, ...]:
        found = []
        for job, batch in self.run.running.values():
            record = batch.records[job.id]
            found.append((job, max(0.0, now - (record.started or now)), _node(record) or batch.host))
        slow = self._slow.among((job, seconds) for job, seconds, _ in found)
        jobs = [RunningJob(job, seconds, node, job.id in slow) for job, seconds, node in found]
        return tuple(sorted(jobs, key=lambda each: (-each.seconds, each.job.name)))


def _has_failed(change: Change) -> bool:
    """Return whether the job has failed for good; one that the machine cut short runs again."""
    status = change.after.status
    return status.counts_as_failed and status.is_final and change.before.status != status


def _retried(change: Change) -> tuple[EarlierRun, ...]:
    """Return the runs of a job that have failed since the last look and are followed by another one."""
    return change.after.earlier[len(change.before.earlier) :]


def _node(record: JobRecord) -> str:
    """Return the nodes that a job of several nodes runs on, empty for any other job."""
    names = record.ids(NODES)
    return names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else ""
