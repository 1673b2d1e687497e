"""The unfinished jobs of a batch: their dependencies, the queue of those that are ready, and the verdicts so far.

The order is that of `batch.reference_order`, so that what was simulated while planning is what happens. Nothing runs
here; the scheduler starts the processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self, TypeVar

from canary_wf.batch.ready_queue import ReadyQueue
from canary_wf.batch.reference_order import reference_order, upstream_places
from canary_wf.graph import downstream
from canary_wf.run.capacity import capacity_key
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.verdict.dependency_condition import why_unsatisfied
from canary_wf.verdict.status import Outcome, Status

Verdict = tuple[PlannedJob, Status]

T = TypeVar("T")


class _Columns(NamedTuple):
    """The columns that decide the order of jobs; `dependencies` are indices of jobs of the batch, each once."""

    ids: list[str]
    runtimes: list[float]
    dependencies: list[tuple[int, ...]]

    @classmethod
    def of(cls, jobs: Sequence[PlannedJob]) -> Self:
        return cls([job.id for job in jobs], [job.runtime for job in jobs], upstream_places(jobs))


class ReadyJobs:
    """The jobs of one batch that have no final state yet.

    `known` holds the verdicts that stand already: those of final jobs of this batch and of upstream jobs of other
    batches. `names` maps their ids to their names.
    """

    def __init__(self, jobs: Sequence[PlannedJob], known: Mapping[str, Status], names: Mapping[str, str]) -> None:
        self._jobs = jobs
        self._verdicts = dict(known)
        self._names = names
        unfinished = [index for index, job in enumerate(jobs) if job.id not in known]
        columns = _Columns.of(jobs)
        self._order = reference_order(columns, unfinished)
        self._number = {jobs[index].id: number for number, index in enumerate(self._order)}
        self._downstream: dict[str, list[PlannedJob]] = {}
        self._unmet = dict.fromkeys(self._number, 0)
        for index in unfinished:
            for upstream in columns.dependencies[index]:
                if jobs[upstream].id in self._number:
                    self._downstream.setdefault(jobs[upstream].id, []).append(jobs[index])
                    self._unmet[jobs[index].id] += 1
        keys: dict[tuple[object, ...], int] = {}
        self._ready = ReadyQueue(
            classes=[keys.setdefault(capacity_key(jobs[index]), len(keys)) for index in self._order]
        )

    @property
    def verdicts(self) -> Mapping[str, Status]:
        """The verdicts that stand now, by job id."""
        return self._verdicts

    def start(self) -> Iterator[Verdict]:
        """Queue the jobs that wait for no job of this batch; yield the jobs that are blocked from the start."""
        for job in self.unblocked():
            reason = self._blocking_reason(job)
            if reason is None:
                self.requeue(job)
            else:
                yield from self.judge(job, Status.of(Outcome.BLOCKED, reason))

    def take(self, lend: Callable[[PlannedJob], T | None]) -> Iterator[tuple[PlannedJob, T]]:
        """Yield the jobs to start now, each with what `lend` returned for it; None means that the job does not fit.

        `lend` is called in the order of the schedule, from the start after each job that fits.
        """
        order, jobs = self._order, self._jobs
        for number, lent in self._ready.lend(lambda number: lend(jobs[order[number]])):
            yield jobs[order[number]], lent

    def requeue(self, job: PlannedJob) -> None:
        """Queue `job`, which was taken before, once more."""
        self._ready.push(self._number[job.id])

    def judge(self, job: PlannedJob, status: Status) -> Iterator[Verdict]:
        """Note the verdict on `job` and queue the jobs that waited for it; yield it and the jobs blocked by it.

        An interrupted job runs again, so the jobs behind it keep waiting. Iterative, because chains may be long.
        """
        todo = [(job, status)]
        while todo:
            current, verdict = todo.pop()
            self._verdicts[current.id] = verdict
            yield current, verdict
            if verdict.outcome is not Outcome.INTERRUPTED:
                todo += self._release_dependents(current)

    def has_unfinished_dependents(self, job: str) -> bool:
        """Return whether a job of this batch that depends on `job` has no verdict yet."""
        return any(True for _ in self._unfinished(job))

    def unfinished_dependents(self, job: str) -> set[str]:
        """Return the jobs without a verdict that depend on `job`, directly or through others."""
        return set(downstream([job], self._unfinished))

    def _unfinished(self, job: str) -> Iterator[str]:
        return (each.id for each in self._downstream.get(job, ()) if each.id not in self._verdicts)

    def unblocked(self) -> list[PlannedJob]:
        """Return the jobs without a verdict whose dependencies are all done."""
        jobs = [self._jobs[index] for index in self._order]
        return [job for job in jobs if job.id not in self._verdicts and not self._unmet[job.id]]

    def _release_dependents(self, job: PlannedJob) -> Iterator[Verdict]:
        for follower in self._downstream.get(job.id, ()):
            self._unmet[follower.id] -= 1
            if not self._unmet[follower.id] and follower.id not in self._verdicts:
                reason = self._blocking_reason(follower)
                if reason is None:
                    self.requeue(follower)
                else:
                    yield follower, Status.of(Outcome.BLOCKED, reason)

    def _blocking_reason(self, job: PlannedJob) -> str | None:
        """Return why `job` is blocked, or None when it may run. All its upstream jobs have a verdict."""
        for edge in job.dependencies:
            unsatisfied = why_unsatisfied(edge.when, self._verdicts[edge.job], self._names[edge.job])
            if unsatisfied is not None:
                return unsatisfied
        return None
