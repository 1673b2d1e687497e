"""Cleaning up after jobs whose process has ended: others of its group, daemons, and the resources they hold.

It lives until the tests of the batch that depend on the one that started it have their verdicts, the clean-up being
one of them; and to the end of the batch where tests of other batches wait for it, which it cannot serve.
"""

import signal
import time
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from canary_wf.process.orphans import Strays
from canary_wf.process.posix_spawn import GRACE
from canary_wf.process.process_identity import signal_group
from canary_wf.process.process_watch import Exit, ProcessMonitor, has_ended, reap
from canary_wf.process.watchdog import Watchdog
from canary_wf.run.capacity import Capacity
from canary_wf.run.job.running_job import Running
from canary_wf.run.progress import say
from canary_wf.run.ready_jobs import Agenda
from canary_wf.run.retained_resources import PATIENCE, RetainedResources
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import STATE_FILE
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.failure_class import LEFT_RUNNING, with_missed_leftovers, with_strays, with_unended
from canary_wf.verdict.status import Outcome, Status
from canary_wf.wording import count

_ELSEWHERE = ""
"""Stands for tests of other batches, which have no verdict as long as this one runs."""


class Leftovers:
    """The process groups of tests that are over; `awaited` are the jobs that jobs of other batches depend on."""

    def __init__(self, agenda: Agenda, awaited: Collection[str]) -> None:
        self._agenda = agenda
        self._awaited = frozenset(awaited)
        self._needed: dict[str, tuple[int, set[str]]] = {}

    def are_needed(self, job: str) -> bool:
        """Return whether later tests depend on `job`, so that what it leaves running is to live on."""
        return job in self._awaited or self._agenda.has_waiting(job)

    def are_missed(self, job: str) -> bool:
        """Return whether tests of other batches depend on `job`; they find nothing of what it leaves running."""
        return job in self._awaited

    def keep(self, job: str, group: int) -> None:
        """Let live what `job` left in the process group `group`."""
        elsewhere = {_ELSEWHERE} if job in self._awaited else set()
        self._needed[job] = (group, self._agenda.waiting(job) | elsewhere)

    def drop(self, job: str) -> int | None:
        """Return the group of what `job` left, which is not to live on, or None where it left nothing."""
        group, _ = self._needed.pop(job, (None, None))
        return group

    def judged(self, job: str) -> Iterator[int]:
        """Take note that `job` has its verdict; yield the groups that nobody needs any more."""
        for owner, (group, needed) in list(self._needed.items()):
            needed.discard(job)
            if not needed:
                del self._needed[owner]
                yield group


_PAUSE = 0.005
"""Seconds between two looks at a process that was killed, at the end of the batch."""

RETAINED_LOOK = 0.2
"""Seconds between two looks at processes that could not be ended, while they hold something."""


class Cleanup:
    """Ends what the jobs of a batch leave behind, in time; `running` are those that run, by the ids of their processes.

    `awaited` are the jobs that jobs of other batches depend on.
    """

    def __init__(
        self,
        jobs: Sequence[PlannedJob],
        running: dict[int, Running],
        paths: SessionPaths,
        agenda: Agenda,
        awaited: Collection[str],
    ) -> None:
        self._jobs = jobs
        self._running = running
        self._paths = paths
        self._agenda = agenda
        self._leftovers = Leftovers(agenda, awaited)
        self._alone_since: float | None = None

    def begin(self, capacity: Capacity, strays: Strays, watchdog: Watchdog) -> None:
        """Go by `strays` and `watchdog` from now on, and give back to `capacity`."""
        self._strays = strays
        self._watchdog = watchdog
        self.retained = RetainedResources(capacity, strays)

    def collect(self, pid: int, running: Running) -> Exit:
        """End the group of a job whose process `pid` has ended, unless later tests need it; return how that ended."""
        running.keeps_group = self._leaves_for_later(running)
        if not running.keeps_group:
            signal_group(pid, signal.SIGKILL)
        ended = reap(pid)
        self._watchdog.ended(pid)
        note = self._strays.group_left if running.keeps_group else self._strays.group_ended
        note(pid, self._owner(running.job))
        if running.output is not None:
            running.output.close()
        return ended

    def _leaves_for_later(self, running: Running) -> bool:
        """Return whether what a test of CTest left running lives on: not where the test did not come to its own end."""
        job = running.job
        return job.ctest is not None and running.verdict is None and self._leftovers.are_needed(job.id)

    def settle(self, pid: int, running: Running, verdict: Status, measured: dict[str, float | int]) -> Status:
        """End what else the job has left and give back what it held; return its verdict, whose reason names that."""
        if self._strays.has_any(self._known()):
            verdict = self._with_leftovers(pid, running, verdict, measured)
        self.retained.give_back(self._owner(running.job), running.job, running.resources)
        return verdict

    def _with_leftovers(self, pid: int, running: Running, verdict: Status, measured: dict[str, float | int]) -> Status:
        job, owner = running.job, self._owner(running.job)
        if running.keeps_group:
            if number := self._strays.count_of(owner, self._known()):
                measured[LEFT_RUNNING] = number
                self._leftovers.keep(job.id, pid)
                if self._leftovers.are_missed(job.id):
                    verdict = with_missed_leftovers(verdict, number)
                    say(f"warning: job {job.name}: {verdict.reason}")
            return verdict
        if left := self._end_strays(owner, everything=running.verdict is not None):
            measured["left_behind"] = left
            verdict = with_strays(verdict, left)
        if unended := self.retained.why(owner):
            verdict = with_unended(verdict, unended)
        return verdict

    def give_up(self, pid: int, monitor: ProcessMonitor) -> tuple[Running, Status]:
        """Let go of a job whose process cannot be ended, but not of what it holds; return it and its verdict."""
        running = self._running.pop(pid)
        monitor.forget(pid)
        if running.output is not None:
            running.output.close()
        self._watchdog.ended(pid)
        owner = self._owner(running.job)
        self._strays.give_up(pid, owner)
        self.retained.give_back(owner, running.job, running.resources)
        return running, with_unended(running.verdict or Status.of(Outcome.TIMEOUT), self.retained.why(owner))

    def judged(self, job: str) -> None:
        """End what was left for tests of which `job`, which has its verdict now, was the last one."""
        for group in self._leftovers.judged(job):
            self._strays.end_group(group, self._known())

    def starts_anew(self, job: PlannedJob) -> None:
        """End what a run of `job` left for later tests: it is to run once more."""
        if (group := self._leftovers.drop(job.id)) is not None:
            self._strays.end_group(group, self._known())
            self._end_strays(self._owner(job), everything=True)

    def collect_strays(self) -> None:
        """Collect those that have ended of what jobs left, or let go of while they run."""
        self._strays.collect(self._known())

    def delays(self) -> bool:
        """Return whether jobs that do not fit are to wait for what processes hold that could not be ended."""
        if not self.retained or not self._agenda.unblocked():
            return False
        now = time.monotonic()
        if self._running or self._alone_since is None:
            self._alone_since = now
        return now < self._alone_since + PATIENCE

    def end_all(self) -> None:
        """Leave no process behind that can be ended."""
        for pid in self._running:
            signal_group(pid, signal.SIGKILL)
        end = time.monotonic() + GRACE
        # Not by the monitor: it may have reported some already, before an error kept them from being collected.
        for pid in list(self._running):
            running = self._running.pop(pid)
            while not has_ended(pid) and time.monotonic() < end:
                time.sleep(_PAUSE)
            if has_ended(pid):
                reap(pid)
            else:
                self._strays.give_up(pid, self._owner(running.job))
            self._watchdog.ended(pid)
            if running.output is not None:
                running.output.close()
            self.retained.give_back(self._owner(running.job), running.job, running.resources)
        if killed := self._strays.end_all([self._watchdog.pid]):
            say(f"killed {count(killed, 'process', 'processes')} that jobs had left running")
        if left := self.retained.why():
            say(f"could not be ended ({left})")

    def _end_strays(self, owner: str, *, everything: bool) -> int:
        """End what jobs that are over left outside of their groups; return how many processes `owner` had left."""
        running = {self._owner(each.job) for each in self._running.values()}

        def is_over(name: str) -> bool:
            # What a test of CTest started may be there for later tests.
            return name not in running and (name not in self._of_ctest or (everything and name == owner))

        found = self._strays.end_ended(self._known(), is_over)
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
