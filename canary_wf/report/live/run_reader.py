"""Reads a run that goes on: what became of its jobs since the last look, and sums that are kept, not counted anew.

A look costs a few checks of files for each batch that is not done, and the new lines of journals. So a session of
100 000 jobs can be looked at every second. Of the plan only what a view shows stays in memory.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json
from canary_wf.plan.time_left import BatchTimeLeft, Correction, whole_left
from canary_wf.report.batch_runs import BatchRun, runs_of
from canary_wf.report.closing import counted_as, time_covered
from canary_wf.report.live.journal_tail import JournalTail
from canary_wf.report.session import Stamp, batch_records, file_stamp, lives, read_batch
from canary_wf.spec.batch_slice import PlannedBatch, RuntimeSource, Scheduler
from canary_wf.state.attempt import AttemptFile
from canary_wf.state.journal import BatchState
from canary_wf.state.record import PENDING, JobRecord
from canary_wf.state.session_paths import SessionPaths, require_inside
from canary_wf.verdict.status import JobPhase, Outcome

_REST = 10
"""A finished batch is read once in this many looks: only a command of a user can change it."""


_OPEN = ("running", "queued", "waiting", "interrupted")


def _word(record: JobRecord) -> str:
    return counted_as(record.phase, record.status.outcome, is_live=True)


class RunJob(msgspec.Struct, frozen=True):
    """What views show of a planned job: `runtime` is expected, and `limit` is where it is ended (seconds)."""

    id: str
    name: str
    path: str
    directory: str
    batch: str
    runtime: float
    runtime_source: RuntimeSource
    timeout: float
    timeout_multiplier: float = 1.0

    @property
    def limit(self) -> float:
        """The seconds after which it is ended."""
        return self.timeout * self.timeout_multiplier


class RunPlan(msgspec.Struct, frozen=True):
    """The part of a plan that views of a run need."""

    session: str
    scheduler: Scheduler
    jobs: tuple[RunJob, ...]
    batches: tuple[PlannedBatch, ...]


class Change(NamedTuple):
    """What became of a job between two looks."""

    job: RunJob
    before: JobRecord
    after: JobRecord


class BatchReader:
    """One batch of a run: its files as last read, the records of its jobs, and its time left."""

    def __init__(
        self, paths: SessionPaths, batch: PlannedBatch, jobs: Mapping[str, RunJob], correction: Correction
    ) -> None:
        self.batch = batch
        self.files = paths.batch(batch.id)
        self.records: dict[str, JobRecord] = {}
        self.time_left = BatchTimeLeft(batch, [jobs[job] for job in batch.jobs], correction)
        self.alive = False
        self.open = len(batch.jobs)
        self.begun = False
        self.slurm_job: str | None = None
        self._submitted = 0
        self._paths, self._jobs = paths, jobs
        self._attempt: AttemptFile | None = None
        self.runs: tuple[BatchRun, ...] = ()
        self._state = BatchState()
        self._tail: JournalTail | None = None
        self._stamps: tuple[Stamp, ...] | None = None
        self._journal: Stamp = None
        self._looks = 0
        files = self.files  # whose paths are made anew each time
        self._files = files.attempt, files.result, files.submission
        self._journal_file = files.journal

    @property
    def is_submitted(self) -> bool:
        """Whether jobs of it wait in Slurm's queue, in the job `slurm_job` if that is known."""
        return self._submitted > 0

    @property
    def refusal(self) -> str | None:
        """Why Slurm did not take it, None where it was not refused."""
        first = self.records.get(self.batch.jobs[0], PENDING)
        return first.status.reason if first.status.outcome is Outcome.NONE else None

    @property
    def is_done(self) -> bool:
        """Whether all its jobs have a verdict."""
        return self.open == 0

    @property
    def host(self) -> str:
        """The host on which its newest runner runs or ran, empty before the first."""
        attempt = self._state.attempt
        return "" if attempt is None else attempt.host.partition("/")[0]

    def look(self) -> Iterator[Change]:
        """Yield what became of its jobs since the last look. Raises OSError and WorkspaceError."""
        self._looks += 1
        if self.is_done and not self.alive and self._looks % _REST:
            return
        # A heartbeat only touches the attempt file; new content comes as a new file.
        attempt, *others = map(file_stamp, self._files)
        stamps = (attempt and (*attempt[:2], 0), *others)
        journal = file_stamp(self._journal_file)
        known = self._attempt
        alive = known is not None and bool(known.token) and not known.ended and lives(self.files, known)
        is_same = stamps == self._stamps and alive == self.alive
        if is_same and journal == self._journal:
            return
        jobs: Iterable[str] | None = self._tail.look() if is_same and alive and self._tail is not None else None
        records: Mapping[str, JobRecord] = self._state.jobs
        if jobs is None:
            self._stamps = None  # should reading fail, the next look reads again
            jobs, records = self.batch.jobs, self._read_anew()
        self._stamps, self._journal = stamps, journal
        yield from self._differences(jobs, records)

    def _read_anew(self) -> Mapping[str, JobRecord]:
        found = read_batch(self._paths, self.batch, self._jobs)
        self._attempt, self.alive, self._state, self._tail = *found, None
        if self.alive:
            self._tail = JournalTail(self._journal_file)
            self._tail.look()
            self._state = self._tail.state
        self.runs = runs_of(self._state, alive=self.alive)
        return batch_records(self.files, self.batch.jobs, self._state, alive=self.alive)

    def _differences(self, jobs: Iterable[str], records: Mapping[str, JobRecord]) -> Iterator[Change]:
        for job in jobs:
            before, after = self.records.get(job, PENDING), records.get(job, PENDING)
            if after != before and job in self._jobs:
                self.records[job] = after
                self._reckon(job, before, after)
                yield Change(self._jobs[job], before, after)

    def _reckon(self, job: str, before: JobRecord, after: JobRecord) -> None:
        """Take `job` into account in what is open and how long that takes."""
        self.open += (after.phase is not JobPhase.DONE) - (before.phase is not JobPhase.DONE)
        self.begun = self.begun or after.started is not None
        self._submitted += (after.phase is JobPhase.SUBMITTED) - (before.phase is JobPhase.SUBMITTED)
        self.slurm_job = after.slurm_job_id if after.phase is JobPhase.SUBMITTED else self.slurm_job
        if after.phase is JobPhase.DONE:
            self.time_left.end(job, after.duration)
        elif after.phase is JobPhase.RUNNING and after.started is not None:
            self.time_left.start(job, after.started)
        else:
            self.time_left.wait(job)


class RunReader:
    """A run as last looked at: its `plan`, its `batches` and the sums over all jobs: `counts` by word."""

    def __init__(self, paths: SessionPaths) -> None:
        """Read the plan. Raises WorkspaceError."""
        self.paths = paths
        plan: RunPlan = read_json(paths.plan, RunPlan)
        require_inside(paths.plan, plan.jobs, [batch.id for batch in plan.batches], directories=False)
        jobs = {job.id: job for job in plan.jobs}
        if not all(job in jobs for batch in plan.batches for job in batch.jobs):
            raise WorkspaceError("is damaged (a batch has a job that is not in the plan)", where=paths.plan)
        correction = Correction()
        self.plan = plan
        self.batches = [BatchReader(paths, batch, jobs, correction) for batch in plan.batches]
        self.counts: Counter[str] = Counter({_word(PENDING): len(jobs)})
        self.running: dict[str, tuple[RunJob, BatchReader]] = {}
        self._changes: list[Change] = []
        self.flaky = 0

    @property
    def done(self) -> int:
        """The number of jobs with a verdict that stands; a job that the machine cut short runs again."""
        return len(self.plan.jobs) - sum(self.counts[word] for word in _OPEN)

    @property
    def begun(self) -> bool:
        """Whether a runner or a scheduler ever worked on it."""
        return (
            self.done > 0
            or any(batch.begun for batch in self.batches)
            or any(batch.is_submitted for batch in self.batches)
        )

    def look(self) -> list[Change]:
        """Return what became of jobs since the last look, batch by batch. Raises OSError and WorkspaceError.

        All batches are looked at also when one of them cannot be read; the next look then returns their changes.
        """
        failure: OSError | WorkspaceError | None = None
        for batch in self.batches:
            try:
                for change in batch.look():
                    self._count(change, batch)
                    self._changes.append(change)
            except (OSError, WorkspaceError) as error:
                failure = failure or error
        if failure is not None:
            raise failure
        changes, self._changes = self._changes, []
        return changes

    def _count(self, change: Change, batch: BatchReader) -> None:
        job, before, after = change
        self.counts[_word(before)] -= 1
        self.counts[_word(after)] += 1
        self.flaky += after.is_flaky - before.is_flaky
        if after.phase is JobPhase.RUNNING:
            self.running[job.id] = job, batch
        else:
            self.running.pop(job.id, None)

    def seconds_run(self, now: float) -> float | None:
        """Return the seconds in which a batch ran, until `now` (epoch seconds); None before the first run."""
        runs = [run for batch in self.batches for run in batch.runs]
        return time_covered(runs, now) if runs else None

    def seconds_left(self, now: float) -> float:
        """Return the seconds until all is done, at the time `now` (epoch seconds)."""
        left = [batch.time_left.seconds_left(now) for batch in self.batches]
        done, begun = [batch.is_done for batch in self.batches], [batch.begun for batch in self.batches]
        return whole_left(self.plan.batches, left, done, begun, scheduler=self.plan.scheduler)
