"""What is left to do of a batch: who waits for whom, who may start, and which verdicts stand.

The order is the reference schedule's (`batch.schedule`), so that what was simulated while planning is what happens.
Nothing runs here; processes are the scheduler's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self, TypeVar

from canary_wf.batch.ready_queue import ReadyQueue
from canary_wf.batch.reference_schedule import reference_order
from canary_wf.run.capacity import kind_of
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.verdict.dependency_condition import why_unsatisfied
from canary_wf.verdict.status import Outcome, Status

Verdict = tuple[PlannedJob, Status]

T = TypeVar("T")


class _Columns(NamedTuple):
    """What the order of jobs depends on; `dependencies` are places of jobs of the batch, each once."""

    ids: list[str]
    runtimes: list[float]
    dependencies: list[tuple[int, ...]]

    @classmethod
    def of(cls, jobs: Sequence[PlannedJob]) -> Self:
        place = {job.id: number for number, job in enumerate(jobs)}
        upstreams = [dict.fromkeys(edge.job for edge in job.dependencies if edge.job in place) for job in jobs]
        return cls(
            [job.id for job in jobs],
            [job.runtime for job in jobs],
            [tuple(place[job] for job in needed) for needed in upstreams],
        )


class Agenda:
    """The jobs of one batch that have no final state yet.

    `known` holds the verdicts that stand already: of final jobs of this batch and of their upstreams elsewhere; `names`
    has the name of each of these jobs, by id.
    """

    def __init__(self, jobs: Sequence[PlannedJob], known: Mapping[str, Status], names: Mapping[str, str]) -> None:
        self._jobs = jobs
        self._verdicts = dict(known)
        self._names = names
        left = [index for index, job in enumerate(jobs) if job.id not in known]
        columns = _Columns.of(jobs)
        self._order = reference_order(columns, left)
        self._number = {jobs[index].id: number for number, index in enumerate(self._order)}
        self._downstream: dict[str, list[PlannedJob]] = {}
        self._missing = dict.fromkeys(self._number, 0)
        for index in left:
            for upstream in columns.dependencies[index]:
                if jobs[upstream].id in self._number:
                    self._downstream.setdefault(jobs[upstream].id, []).append(jobs[index])
                    self._missing[jobs[index].id] += 1
        kinds: dict[tuple[object, ...], int] = {}
        self._ready = ReadyQueue(kinds=[kinds.setdefault(kind_of(jobs[index]), len(kinds)) for index in self._order])

    @property
    def verdicts(self) -> Mapping[str, Status]:
        """The verdicts that stand now, by job id."""
        return self._verdicts

    def begin(self) -> Iterator[Verdict]:
        """Let start what waits for no job of this batch; yield the jobs that are blocked at once, and by these."""
        for job in self.unblocked():
            reason = self._blocking(job)
            if reason is None:
                self.again(job)
            else:
                yield from self.judge(job, Status.of(Outcome.BLOCKED, reason))

    def take(self, lend: Callable[[PlannedJob], T | None]) -> Iterator[tuple[PlannedJob, T]]:
        """Yield the jobs to start now, with what `lend` gave each of them, which is None for a job that does not fit.

        It is asked in the order of the schedule, anew after each one.
        """
        order, jobs = self._order, self._jobs
        for number, lent in self._ready.lend(lambda number: lend(jobs[order[number]])):
            yield jobs[order[number]], lent

    def again(self, job: PlannedJob) -> None:
        """Let `job`, which was taken, start once more."""
        self._ready.push(self._number[job.id])

    def judge(self, job: PlannedJob, status: Status) -> Iterator[Verdict]:
        """Note the verdict on `job` and let those go on that waited for it; yield it, and those that are blocked now.

        Nothing goes on behind a job that was interrupted, as that one runs again. Iterative, as chains may be long.
        """
        todo = [(job, status)]
        while todo:
            current, verdict = todo.pop()
            self._verdicts[current.id] = verdict
            yield current, verdict
            if verdict.outcome is not Outcome.INTERRUPTED:
                todo += self._go_on_behind(current)

    def has_waiting(self, job: str) -> bool:
        """Return whether a job of this batch that depends on `job` has no verdict yet."""
        return any(downstream.id not in self._verdicts for downstream in self._downstream.get(job, ()))

    def waiting(self, job: str) -> set[str]:
        """Return the jobs without a verdict that depend on `job`, also through others."""
        found: set[str] = set()
        todo = [job]
        while todo:
            for downstream in self._downstream.get(todo.pop(), ()):
                if downstream.id not in found and downstream.id not in self._verdicts:
                    found.add(downstream.id)
                    todo.append(downstream.id)
        return found

    def unblocked(self) -> list[PlannedJob]:
        """Return the jobs without a verdict that wait for no other one."""
        jobs = [self._jobs[index] for index in self._order]
        return [job for job in jobs if job.id not in self._verdicts and not self._missing[job.id]]

    def _go_on_behind(self, job: PlannedJob) -> Iterator[Verdict]:
        for downstream in self._downstream.get(job.id, ()):
            self._missing[downstream.id] -= 1
            if not self._missing[downstream.id] and downstream.id not in self._verdicts:
                reason = self._blocking(downstream)
                if reason is None:
                    self.again(downstream)
                else:
                    yield downstream, Status.of(Outcome.BLOCKED, reason)

    def _blocking(self, job: PlannedJob) -> str | None:
        """Return why `job`, whose upstreams all have a verdict, must not run, or None when it may."""
        for edge in job.dependencies:
            unsatisfied = why_unsatisfied(edge.when, self._verdicts[edge.job], self._names[edge.job])
            if unsatisfied is not None:
                return unsatisfied
        return None
