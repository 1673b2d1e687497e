"""Dispatching units of work to processes over a graph: the engine behind `canary_wf.multiprocess_scheduler`.

It sleeps until a process ends, and polls as e3-testsuite documents where a process cannot be watched, or where nothing
runs because others hold what the pool has. Whatever goes wrong (a factory, a command that is not there, a collector,
Ctrl-C), no process and no slot is left behind.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Generic, TypeVar, cast

from canary_wf.api.scheduler.dag import DAG, DAGIterator
from canary_wf.api.scheduler.worker import (
    CollectResultCallback,
    JobFactoryCallback,
    SomeWorker,
    WorkData,
    compute_next_dyn_poll,
)
from canary_wf.batch.ready_queue import LOOK_AHEAD
from canary_wf.errors import InputError
from canary_wf.process.ending import Deadline, end_processes, pid_of, send_signal
from canary_wf.process.process_watch import ProcessWatch
from canary_wf.process.signals import Interrupts
from canary_wf.resources.pool import Occupancy, ResourcePool, ResourceUnavailable

logger = logging.getLogger("canary_wf.multiprocess_scheduler")
"""Logs the start and the end of every worker at level DEBUG; it is named after the public module."""

Create = TypeVar("Create", bound=Callable[..., None])
Request = list[dict[str, Any]]

_FOURTH = 4
"""Its place among the arguments, behind the object itself."""

_NEVER = Deadline()


def _status_in_fourth_place(create: Create) -> Create:
    """Let `create` be called as newer releases of e3-testsuite do: with a running status where `jobs` stands here."""

    @wraps(create)
    def called(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        if len(arguments) > _FOURTH and not isinstance(arguments[_FOURTH], int):
            named["running_status"] = arguments[_FOURTH]
            arguments = arguments[:_FOURTH] + arguments[_FOURTH + 1 :]
        create(*arguments, **named)

    return cast(Create, called)


class MultiprocessScheduler(Generic[WorkData, SomeWorker]):
    """Runs the units of work of `dag`, at most `jobs` at once (0: one for each CPU this process may use).

    `dag` is a `DAG` of this package or of e3-core. `job_factory` makes the worker for a unit, `collect_result` gets it
    when its process has ended. `no_free_item` is True while all waiting work depends on work that has not completed;
    `no_work_left` when everything was begun. Newer releases of e3-testsuite pass a `running_status` in fourth place: no
    more work is begun once its `aborted_too_many_failures` is true. Beyond e3's parameters: `runtime` (seconds) lets
    the longest remaining path go first, `request` says what a unit checks out of `pool` before it starts (see
    `allocations`), `exclusive` that nothing runs beside it, `timeout` after how many seconds it is ended. Raises
    DAGError for a graph with a cycle, and for what is not a graph.
    """

    @_status_in_fourth_place
    def __init__(  # noqa: PLR0913 - e3's parameters, and what they lack
        self,
        dag: DAG[WorkData],
        job_factory: JobFactoryCallback[WorkData, SomeWorker],
        collect_result: CollectResultCallback[SomeWorker],
        jobs: int = 0,
        dyn_poll_interval: bool = True,
        *,
        running_status: object = None,
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
        self.iterator: DAGIterator[WorkData] = DAGIterator(dag, runtime)
        self.running_status = running_status
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
        self._occupancy = Occupancy(self.parallelism)
        self._entered: set[str] = set()
        self._deadlines: dict[str, Deadline] = {}
        self._naps = 0
        self._interrupts = Interrupts()
        self._watch: ProcessWatch | None = None
        self._watched: dict[int, bool] = {}

    @property
    def has_free_slots(self) -> bool:
        """Whether a worker may be started."""
        return self.active_workers < self.parallelism

    def spawn_worker(self, uid: str, data: WorkData, slot: int) -> None:
        """Create the worker for `uid`, assign it to `slot`, and start its process.

        Raises InputError, with nothing started, when there is no such slot or it has a worker.
        """
        if self._worker_at(slot) is not None:
            raise InputError("has a worker", where=f"slot {slot}")
        worker = self.job_factory(uid, data, slot)
        with self._interrupts.held():  # a process that runs is in its slot
            process = worker.process
            self.workers[slot] = worker
            self.active_workers += 1
            if uid not in self._entered:  # not by `run`
                self._enter(uid)
        self._naps = 0
        logger.debug("%s started in slot %d, process %s", uid, slot, pid_of(process))
        limit = self._timeout(uid, data) if self._timeout else None
        if limit is not None:
            if math.isnan(limit):
                raise InputError("is not a number of seconds", where=f"timeout of unit {uid}")
            self._deadlines[uid] = Deadline(time.monotonic() + limit)

    def _worker_at(self, slot: int) -> SomeWorker | None:
        if not 0 <= slot < len(self.workers):
            raise InputError(f"must be from 0 to {len(self.workers) - 1}", where=f"slot {slot}")
        return self.workers[slot]

    def release_worker(self, slot: int) -> None:
        """Free `slot` and what its worker had checked out. Raises InputError when it has no worker."""
        worker = self._worker_at(slot)
        if worker is None:
            raise InputError("has no worker", where=f"slot {slot}")
        with self._interrupts.held():
            self.workers[slot] = None
            self.active_workers -= 1
            self._give_back(worker.uid)
            self._deadlines.pop(worker.uid, None)
            self._forget(pid_of(worker.process))
        self._naps = 0
        logger.debug("%s ended in slot %d", worker.uid, slot)

    def run(self) -> None:
        """Run until all units of work are done; on an exception, end what runs and raise it again.

        A second Ctrl-C, while what runs is being ended, has it killed at once.
        """
        with self._interrupts, ProcessWatch() as self._watch:
            try:
                try:
                    while not self.no_work_left or self.active_workers:
                        self._interrupts.go_on()
                        self._fill_slots()
                        self._sleep()
                        self.poll()
                finally:
                    self._interrupts.end()
            finally:  # of its own, for a Ctrl-C between an exception and the line above
                self._end_all()

    def _end_all(self) -> None:
        left = [(slot, worker) for slot, worker in enumerate(self.workers) if worker is not None]
        try:
            end_processes([worker.process for _, worker in left], lambda: self._interrupts.noted)
        finally:
            for slot, _ in left:
                self.release_worker(slot)
            for uid in list(self._entered):  # but not begun
                self._give_back(uid)
            self._watch = None

    def poll(self) -> None:
        """Ask every worker once; collect the results of those that have ended."""
        for slot, worker in enumerate(self.workers):
            if worker is None:
                continue
            if not worker.poll(self):
                if self._deadline_of(worker).asked:
                    send_signal(worker.process, signal.SIGKILL)  # what is left of its group
                self.release_worker(slot)
                self.iterator.leave(worker.uid)
                self.no_free_item = False
                self.collect_result(worker)
                if getattr(self.running_status, "aborted_too_many_failures", False):
                    self.no_work_left = True
            else:
                self._end_if_late(worker)

    def _deadline_of(self, worker: SomeWorker) -> Deadline:
        return self._deadlines.get(worker.uid, _NEVER)

    def _end_if_late(self, worker: SomeWorker) -> None:
        """End what is over its time: ask first, and kill when the grace is over too; the loop goes on meanwhile."""
        deadline = self._deadline_of(worker)
        if deadline.killed or time.monotonic() < deadline.at:
            return
        step = deadline.kill if deadline.asked else deadline.ask
        step(partial(send_signal, worker.process))

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
                    self.spawn_worker(uid, work, self.workers.index(None))
                else:
                    waiting.append(uid)
        finally:
            for uid in waiting:
                self.iterator.put_back(uid)

    def _check_out(self, uid: str, data: WorkData) -> bool:
        """Take for the unit what it asks for; return whether it may be begun."""
        exclusive = self._exclusive is not None and self._exclusive(uid, data)
        if not self._occupancy.admits(exclusive=exclusive):
            return False
        if self._pool is None or self._request is None:
            self._enter(uid, exclusive=exclusive)
            return True
        wanted = self._request(uid, data)
        try:
            with self._interrupts.held():
                self.allocations[uid] = self._pool.checkout(wanted)
                self._enter(uid, exclusive=exclusive)
        except ResourceUnavailable:
            outcome = self._pool.accommodates(wanted)
            if not outcome:
                raise ResourceUnavailable(f"can never run: {outcome.reason}", where=f"unit {uid}") from None
            return False
        return True

    def _enter(self, uid: str, *, exclusive: bool = False) -> None:
        with self._interrupts.held():
            self._entered.add(uid)
            self._occupancy.enter(exclusive=exclusive)

    def _give_back(self, uid: str) -> None:
        if self._pool is not None and uid in self.allocations:
            self._pool.checkin(self.allocations.pop(uid))
        if uid in self._entered:
            self._entered.remove(uid)
            self._occupancy.leave()

    def _sleep(self) -> None:
        """Sleep until a process ends, a time limit is reached, or it is worth another look."""
        pids = [pid_of(worker.process) for worker in self.workers if worker is not None]
        if not pids and self.no_work_left:
            return
        next_step = min((one.at for one in self._deadlines.values() if not one.killed), default=math.inf)
        left = next_step - time.monotonic()
        watch = self._watch
        watched = [watch is not None and self._is_watched(watch, pid) for pid in pids]
        if watch is None or not pids or not all(watched):
            self._nap(left)
            return
        for pid in watch.wait(left):
            self._watched[pid] = False  # its worker may say that it still runs

    def _is_watched(self, watch: ProcessWatch, pid: int | None) -> bool:
        """Return whether the end of the process, if it has one, will be reported."""
        if pid is None:
            return False
        if pid not in self._watched:
            try:
                watch.watch(pid)
            except OSError:  # not a child of this program, or too many files are open
                self._watched[pid] = False
            else:
                self._watched[pid] = True
        return self._watched[pid]

    def _forget(self, pid: int | None) -> None:
        """Watch the process no longer."""
        if pid is not None and self._watched.pop(pid, False) and self._watch is not None:
            self._watch.forget(pid)

    def _nap(self, most: float) -> None:
        """Sleep for the polling interval, `most` seconds at most."""
        time.sleep(max(0.0, min(self.poll_interval, most)))
        self._naps += 1
        if self.dyn_poll_interval:
            self.poll_interval = compute_next_dyn_poll(self._naps, self.poll_interval)
