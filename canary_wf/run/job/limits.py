"""What a running job may not exceed: its time, its output, and the room on the disk; and how it is ended then."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator

from canary_wf.process.process_identity import signal_group
from canary_wf.process.process_watch import ProcessMonitor
from canary_wf.run.job.disk import DiskWatch, printed_most, says_full
from canary_wf.run.job.running_job import Running
from canary_wf.verdict.status import Category, Outcome, Status
from canary_wf.wording import size

LOOK = 1.0
"""Seconds between two looks at what running jobs have printed, and at their disks."""


class Limits:
    """Watches over the jobs that run, by the ids of their processes; `folders` are names and folders of all jobs.

    `full_disk` is the folder of the jobs while its disk is full, at the last look; then none is to be started.
    `next_look` is the time (monotonic) of the next one.
    """

    def __init__(
        self, running: dict[int, Running], disk: DiskWatch, folders: Callable[[], Iterable[tuple[str, str]]]
    ) -> None:
        self._running = running
        self._disk = disk
        self._folders = folders
        self.full_disk: str | None = None
        self._full: list[str] = []
        self.next_look = 0.0

    def enforce(self, monitor: ProcessMonitor) -> Iterator[int]:
        """End the jobs that exceed a limit; yield those that cannot be ended."""
        self._look_at_output(monitor)
        now = time.monotonic()
        for pid, running in list(self._running.items()):
            if now < running.deadline:
                continue
            if running.verdict is None:
                limit = running.job.limit
                self.end(pid, Status.of(Outcome.TIMEOUT, f"ran longer than its limit of {limit:g} s"))
            elif not running.killed:
                self.kill(pid, running.verdict, monitor)
            else:
                yield pid

    def end(self, pid: int, verdict: Status) -> None:
        """Ask a job to end, for `verdict`; it is killed a moment later."""
        # A signal that may not be sent will not be so later: what follows would only take longer.
        self._running[pid].ends(verdict, killed=not signal_group(pid, signal.SIGTERM))

    def kill(self, pid: int, verdict: Status, monitor: ProcessMonitor) -> None:
        """Kill a job, for `verdict`."""
        running = self._running[pid]
        running.ends(verdict, killed=True)
        signal_group(pid, signal.SIGKILL)
        if running.output is not None:
            monitor.let_go(pid)  # whoever still holds it left the group, and is ended with the job's strays

    def verdict(self, running: Running, verdict: Status) -> Status:
        """Return `verdict` on a job that has ended, or what stands in its place where a full disk may have made it."""
        fault = None if running.output is None else running.output.fault
        if verdict.category is not Category.FAIL and fault is None:
            return verdict
        further = (running.job.working_directory, running.job.environment.get("TMPDIR"))
        place = self._disk.full_since(running.started, running.folder, *further)
        if place is None and fault is None:
            return verdict
        if place is None and fault is not None and not says_full(fault):
            return Status.of(Outcome.INTERRUPTED, f"its output could not be written ({fault.strerror})")
        place = place or running.folder
        if reason := self._filled(running, place):
            return Status.of(Outcome.FAILED, reason if verdict.reason is None else f"{verdict.reason}; {reason}")
        return Status.of(Outcome.INTERRUPTED, f"the disk of {place} was full{printed_most(self._folders())}")

    def _look_at_output(self, monitor: ProcessMonitor) -> None:
        look = time.monotonic() >= self.next_look
        if look:
            self.next_look = time.monotonic() + LOOK
            self._full = self._disk.full()
            self.full_disk = next((place for place in self._full if place == self._disk.home), None)
        for pid, running in self._running.items():
            if running.verdict is None:
                # Asked first: what is printed to a full disk is lost, and much of that comes in no time.
                verdict = self._filling(running, look=look) or running.too_much(look=look)
                if verdict is not None:
                    self.kill(pid, verdict, monitor)

    def _filling(self, running: Running, *, look: bool) -> Status | None:
        """Return the verdict on a job whose output fills a disk; known at once where a pipe could not be emptied."""
        places = list(self._full) if look else []
        if running.output is not None and says_full(running.output.fault):
            places.append(running.folder)
        reason = next(filter(None, (self._filled(running, place) for place in places)), None)
        return None if reason is None else Status.of(Outcome.FAILED, f"{reason}, so it was ended")

    def _filled(self, running: Running, place: str) -> str | None:
        """Return that the output of a job has filled the disk of `place`, None if it did not."""
        printed = self._disk.filled_by(running.folder, place)
        return f"its output of {size(printed)} filled the disk of {place}" if printed else None
