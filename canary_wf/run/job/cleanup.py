"""Cleaning up after jobs whose process has ended: the rest of their group, daemons, and the resources they hold.

What a CTest test leaves running lives on until the tests of the batch that depend on it have their verdicts; the
clean-up of a fixture is one of them. If tests of other batches depend on it, which it cannot serve, it lives until the
end of the batch.
"""

import signal
import time
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from canary_wf.process.ending import GRACE
from canary_wf.process.orphans import Orphans
from canary_wf.process.process_identity import signal_group
from canary_wf.process.process_watch import Exit, ProcessMonitor, has_ended, reap
from canary_wf.process.watchdog import Watchdog
from canary_wf.run.capacity import Capacity
from canary_wf.run.job.running_job import RunningJob
from canary_wf.run.progress import say
from canary_wf.run.ready_jobs import ReadyJobs
from canary_wf.run.retained_resources import PATIENCE, RetainedResources
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import STATE_FILE
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.failure_class import LEFT_RUNNING, with_missed_leftovers, with_orphans, with_unended
from canary_wf.verdict.status import Outcome, Status
from canary_wf.wording import count

_ELSEWHERE = ""
"""Stands for the tests of other batches, which have no verdict while this batch runs."""


class Leftovers:
    """The process groups of finished tests; `awaited` are the jobs that jobs of other batches depend on."""

    def __init__(self, ready_jobs: ReadyJobs, awaited: Collection[str]) -> None:
        self._ready_jobs = ready_jobs
        self._awaited = frozenset(awaited)
        self._needed: dict[str, tuple[int, set[str]]] = {}

    def are_needed(self, job: str) -> bool:
        """Return whether later tests depend on `job`, so that the processes it leaves running must live on."""
        return job in self._awaited or self._ready_jobs.has_unfinished_dependents(job)

    def are_missed(self, job: str) -> bool:
        """Return whether tests of other batches depend on `job`; they find none of the processes it leaves running."""
        return job in self._awaited

    def keep(self, job: str, group: int) -> None:
        """Keep alive what `job` left in the process group `group`."""
        elsewhere = {_ELSEWHERE} if job in self._awaited else set()
        self._needed[job] = (group, self._ready_jobs.unfinished_dependents(job) | elsewhere)

    def drop(self, job: str) -> int | None:
        """Forget the group that `job` left and return it, to be ended; None if it left nothing."""
        group, _ = self._needed.pop(job, (None, None))
        return group

    def judged(self, job: str) -> Iterator[int]:
        """Take note that `job` has its verdict; yield the groups that are not needed any more."""
        for owner, (group, needed) in list(self._needed.items()):
            needed.discard(job)
            if not needed:
                del self._needed[owner]
                yield group


_PAUSE = 0.005
"""Seconds between two checks of a killed process at the end of the batch."""

RETAINED_LOOK = 0.2
"""Seconds between two checks of processes that could not be ended and hold resources."""


class Cleanup:
    """Ends in time what the jobs of a batch leave behind. `running` are the running jobs by process id.

    `awaited` are the jobs that jobs of other batches depend on.
    """

    def __init__(
        self,
        jobs: Sequence[PlannedJob],
        running: dict[int, RunningJob],
        paths: SessionPaths,
        ready_jobs: ReadyJobs,
        awaited: Collection[str],
    ) -> None:
        self._jobs = jobs
        self._running = running
        self._paths = paths
        self._ready_jobs = ready_jobs
        self._leftovers = Leftovers(ready_jobs, awaited)
        self._alone_since: float | None = None

    def begin(self, capacity: Capacity, orphans: Orphans, watchdog: Watchdog) -> None:
        """Use `orphans` and `watchdog` from now on, and give resources back to `capacity`."""
        self._orphans = orphans
        self._watchdog = watchdog
        self.retained = RetainedResources(capacity, orphans)

    def collect(self, pid: int, running: RunningJob) -> Exit:
        """End the group of a job whose process `pid` has ended, unless later tests need it; return the exit."""
        running.keeps_group = self._leaves_for_later(running)
        if not running.keeps_group:
            signal_group(pid, signal.SIGKILL)
        ended = reap(pid)
        self._watchdog.ended(pid)
        note = self._orphans.group_left if running.keeps_group else self._orphans.group_ended
        note(pid, self._owner(running.job))
        if running.output is not None:
            running.output.close()
        return ended

    def _leaves_for_later(self, running: RunningJob) -> bool:
        """Return whether the processes that a CTest test left live on: only if the test ended by itself."""
        job = running.job
        return job.ctest is not None and running.verdict is None and self._leftovers.are_needed(job.id)

    def settle(self, pid: int, running: RunningJob, verdict: Status, measured: dict[str, float | int]) -> Status:
        """End what else the job left and give back its resources; return the verdict, which names what was left."""
        if self._orphans.has_any(self._known()):
            verdict = self._with_leftovers(pid, running, verdict, measured)
        self.retained.give_back(self._owner(running.job), running.job, running.resources)
        return verdict

    def _with_leftovers(
        self, pid: int, running: RunningJob, verdict: Status, measured: dict[str, float | int]
    ) -> Status:
        job, owner = running.job, self._owner(running.job)
        if running.keeps_group:
            if number := self._orphans.count_of(owner, self._known()):
                measured[LEFT_RUNNING] = number
                self._leftovers.keep(job.id, pid)
                if self._leftovers.are_missed(job.id):
                    verdict = with_missed_leftovers(verdict, number)
                    say(f"warning: job {job.name}: {verdict.reason}")
            return verdict
        if left := self._end_orphans(owner, everything=running.verdict is not None):
            measured["left_behind"] = left
            verdict = with_orphans(verdict, left)
        if unended := self.retained.why(owner):
            verdict = with_unended(verdict, unended)
        return verdict

    def give_up(self, pid: int, monitor: ProcessMonitor) -> tuple[RunningJob, Status]:
        """Give up on a job whose process cannot be ended, but keep its resources; return it and its verdict."""
        running = self._running.pop(pid)
        monitor.forget(pid)
        if running.output is not None:
            running.output.close()
        self._watchdog.ended(pid)
        owner = self._owner(running.job)
        self._orphans.give_up(pid, owner)
        self.retained.give_back(owner, running.job, running.resources)
        return running, with_unended(running.verdict or Status.of(Outcome.TIMEOUT), self.retained.why(owner))

    def judged(self, job: str) -> None:
        """End the groups that no test needs any more, now that `job` has its verdict."""
        for group in self._leftovers.judged(job):
            self._orphans.end_group(group, self._known())

    def starts_anew(self, job: PlannedJob) -> None:
        """End what a run of `job` left for later tests, because the job is retried."""
        if (group := self._leftovers.drop(job.id)) is not None:
            self._orphans.end_group(group, self._known())
            self._end_orphans(self._owner(job), everything=True)

    def collect_orphans(self) -> None:
        """Reap processes that jobs left behind or detached, and that have ended."""
        self._orphans.collect(self._known())

    def delays(self) -> bool:
        """Return whether jobs that do not fit should wait for processes that could not be ended."""
        if not self.retained or not self._ready_jobs.unblocked():
            return False
        now = time.monotonic()
        if self._running or self._alone_since is None:
            self._alone_since = now
        return now < self._alone_since + PATIENCE

    def end_all(self) -> None:
        """End every process that can be ended."""
        for pid in self._running:
            signal_group(pid, signal.SIGKILL)
        end = time.monotonic() + GRACE
        # Not by the monitor: it may have reported some of them already, before an error prevented their collection.
        for pid in list(self._running):
            running = self._running.pop(pid)
            while not has_ended(pid) and time.monotonic() < end:
                time.sleep(_PAUSE)
            if has_ended(pid):
                reap(pid)
            else:
                self._orphans.give_up(pid, self._owner(running.job))
            self._watchdog.ended(pid)
            if running.output is not None:
                running.output.close()
            self.retained.give_back(self._owner(running.job), running.job, running.resources)
        if killed := self._orphans.end_all([self._watchdog.pid]):
            say(f"killed {count(killed, 'process', 'processes')} that jobs had left running")
        if left := self.retained.why():
            say(f"could not be ended ({left})")

    def _end_orphans(self, owner: str, *, everything: bool) -> int:
        """End what finished jobs left outside of their groups; return how many of these processes `owner` left."""
        running = {self._owner(each.job) for each in self._running.values()}

        def is_over(name: str) -> bool:
            # Later tests may need what a CTest test started.
            return name not in running and (name not in self._of_ctest or (everything and name == owner))

        found = self._orphans.end_ended(self._known(), is_over)
        own = found.pop(owner, 0)
        for name, number in found.items():
            say(f"killed {count(number, 'process', 'processes')} of a job that had ended: {name}")
        return own

    def _known(self) -> list[int]:
        return [self._watchdog.pid, *self._running]

    @cached_property
    def _of_ctest(self) -> frozenset[str]:
        return frozenset(self._owner(job) for job in self._jobs if job.ctest is not None)

    def _owner(self, job: PlannedJob) -> str:
        return f"{self._paths.job_folder(job.directory)}/{STATE_FILE}"
