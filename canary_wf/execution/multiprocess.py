"""Dispatching units of work to processes over a graph: the engine behind `canary_wf.multiprocess_scheduler`.

It sleeps until a process ends (pidfd), and polls as the API page documents where a process cannot be watched. Whatever
goes wrong (a factory, a command that is not there, a collector, Ctrl-C), no process and no slot is left behind.
"""

import os
import select
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from canary_wf.batch.schedule import LOOK_AHEAD
from canary_wf.errors import InputError
from canary_wf.execution.dag import DAG, DAGIterator
from canary_wf.execution.ending import end_processes
from canary_wf.execution.worker import Worker
from canary_wf.resources.pool import ResourcePool, ResourceUnavailable

WorkData = TypeVar("WorkData")
SomeWorker = TypeVar("SomeWorker", bound=Worker)

JobFactoryCallback = Callable[[str, WorkData, int], SomeWorker]
CollectResultCallback = Callable[[SomeWorker], None]
Request = list[dict[str, Any]]

SLOWEST = 1.0
"""Seconds between two polls above which the interval grows no more."""

FASTEST = 0.0001
"""Seconds between two polls below which the interval shrinks no more."""

PATIENT = 8
"""After so many polls without a result, the interval grows."""


def compute_next_dyn_poll(poll_counter: int, poll_interval: float) -> float:
    """Return the seconds to the next poll, after `poll_counter` polls with the interval `poll_interval`."""
    if poll_counter > PATIENT and poll_interval < SLOWEST:
        return poll_interval * 1.25
    if poll_interval > FASTEST:
        return poll_interval * 0.75
    return poll_interval


class MultiprocessScheduler(Generic[WorkData, SomeWorker]):
    """Runs the units of work of `dag`, at most `jobs` at once (0: one for each CPU this process may use).

    `job_factory` makes the worker for a unit, `collect_result` gets it when its process has ended. `no_free_item` is
    True while all waiting work depends on work that has not completed; `no_work_left` when everything was begun.
    Beyond the API page: `runtime` (seconds) lets the longest remaining path go first, `request` says what a unit
    checks out of `pool` before it starts (see `allocations`), `exclusive` that nothing runs beside it, `timeout`
    after how many seconds it is ended. Raises DAGError for a graph with a cycle.
    """

    def __init__(  # noqa: PLR0913 - the API page's own, and what it lacks
        self,
        dag: DAG[WorkData],
        job_factory: JobFactoryCallback[WorkData, SomeWorker],
        collect_result: CollectResultCallback[SomeWorker],
        jobs: int = 0,
        dyn_poll_interval: bool = True,
        *,
        runtime: Callable[[str, WorkData], float] | None = None,
        pool: ResourcePool | None = None,
        request: Callable[[str, WorkData], Request] | None = None,
        exclusive: Callable[[str, WorkData], bool] | None = None,
        timeout: Callable[[str, WorkData], float | None] | None = None,
    ) -> None:
        if jobs < 0:
            raise InputError(f"{jobs} is below zero", where="jobs")
        self.parallelism = jobs or len(os.sched_getaffinity(0))
        self.dag = dag
        self.workers: list[SomeWorker | None] = [None] * self.parallelism
        self.iterator = DAGIterator(dag, runtime)
        self.job_factory = job_factory
        self.collect_result = collect_result
        self.active_workers = 0
        self.poll_interval = 0.1
        self.dyn_poll_interval = dyn_poll_interval
        self.no_free_item = False
        self.no_work_left = False
        self.allocations: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self._pool = pool
        self._request = request
        self._exclusive = exclusive
        self._timeout = timeout
        self._alone: str | None = None
        self._deadlines: dict[str, float] = {}

    @property
    def has_free_slots(self) -> bool:
        """Whether a worker may be started."""
        return self.active_workers < self.parallelism

    def spawn_worker(self, uid: str, data: WorkData, slot: int) -> None:
        """Create the worker for `uid`, assign it to `slot`, and start its process."""
        worker = self.job_factory(uid, data, slot)
        worker.process = worker.start()
        self.workers[slot] = worker
        self.active_workers += 1
        limit = self._timeout(uid, data) if self._timeout else None
        if limit is not None:
            self._deadlines[uid] = time.monotonic() + limit

    def release_worker(self, slot: int) -> None:
        """Free `slot` and what its worker had checked out."""
        worker = self.workers[slot]
        if worker is None:
            raise InputError("has no worker", where=f"slot {slot}")
        self.workers[slot] = None
        self.active_workers -= 1
        self._give_back(worker.uid)
        self._deadlines.pop(worker.uid, None)

    def run(self) -> None:
        """Run until all units of work are done; on an exception, end what runs and raise it again."""
        try:
            while not self.no_work_left or self.active_workers:
                self._fill_slots()
                self._sleep()
                self.poll()
        finally:
            end_processes([worker.process for worker in self.workers if worker is not None])
            for slot, worker in enumerate(self.workers):
                if worker is not None:
                    self.release_worker(slot)

    def poll(self) -> None:
        """Ask every worker once; collect the results of those that have ended."""
        for slot, worker in enumerate(self.workers):
            if worker is None:
                continue
            if not worker.poll(self):
                self.release_worker(slot)
                self.iterator.leave(worker.uid)
                self.no_free_item = False
                self.collect_result(worker)
            elif time.monotonic() >= self._deadlines.get(worker.uid, float("inf")):
                end_processes([worker.process])

    def _fill_slots(self) -> None:
        """Start what may start; units that do not fit beside what runs go back, to be offered again."""
        waiting: list[str] = []
        try:
            while self.has_free_slots and not self.no_work_left:
                try:
                    uid, data = next(self.iterator)
                except StopIteration:
                    self.no_work_left = not waiting
                    break
                if uid is None:
                    self.no_free_item = True
                    break
                if len(waiting) > LOOK_AHEAD:
                    waiting.append(uid)
                    break
                work = cast(WorkData, data)  # None only together with the uid, or as the caller's own data
                if self._check_out(uid, work):
                    self._begin(uid, work)
                else:
                    waiting.append(uid)
        finally:
            for uid in waiting:
                self.iterator.put_back(uid)

    def _begin(self, uid: str, data: WorkData) -> None:
        try:
            self.spawn_worker(uid, data, self.workers.index(None))
        except BaseException:  # Ctrl-C too must not lose what was checked out
            self._give_back(uid)
            raise

    def _check_out(self, uid: str, data: WorkData) -> bool:
        alone = self._exclusive is not None and self._exclusive(uid, data)
        if self._alone is not None or (alone and self.active_workers):
            return False
        if self._pool is not None and self._request is not None:
            wanted = self._request(uid, data)
            try:
                self.allocations[uid] = self._pool.checkout(wanted)
            except ResourceUnavailable:
                outcome = self._pool.accommodates(wanted)
                if not outcome:
                    raise ResourceUnavailable(f"can never run: {outcome.reason}", where=f"unit {uid}") from None
                return False
        self._alone = uid if alone else None
        return True

    def _give_back(self, uid: str) -> None:
        if self._pool is not None and uid in self.allocations:
            self._pool.checkin(self.allocations.pop(uid))
        if self._alone == uid:
            self._alone = None

    def _sleep(self) -> None:
        """Sleep until a process ends or a time limit is reached; poll where a process cannot be watched."""
        running = [worker for worker in self.workers if worker is not None]
        if not running:
            return
        descriptors: list[int] = []
        try:
            descriptors.extend(os.pidfd_open(worker.process.pid) for worker in running)
        except (OSError, AttributeError):
            # No pidfd on this system, or the process was reaped elsewhere: poll, as the API page documents.
            self._poll_until_one_ended(running)
        else:
            nearest = min(self._deadlines.values(), default=None)
            patience = None if nearest is None else max(0.0, nearest - time.monotonic())
            select.select(descriptors, [], [], patience)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _poll_until_one_ended(self, running: list[SomeWorker]) -> None:
        nearest = min(self._deadlines.values(), default=float("inf"))
        counter = 0
        while all(worker.poll(self) for worker in running) and time.monotonic() < nearest:
            time.sleep(self.poll_interval)
            counter += 1
            if self.dyn_poll_interval:
                self.poll_interval = compute_next_dyn_poll(counter, self.poll_interval)
