"""Limits of a running job: its time, its output, and the space on its disk; and how a job that exceeds one is ended."""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from canary_wf.process.process_identity import signal_group
from canary_wf.process.process_watch import ProcessMonitor
from canary_wf.run.job.disk import DiskWatch, printed_most, reports_full_disk, says_full
from canary_wf.run.job.running_job import RunningJob
from canary_wf.verdict.status import Category, Outcome, Status
from canary_wf.wording import size

LOOK = 1.0
"""Seconds between two checks of the output of running jobs and of their disks."""


class Limits:
    """Watches the `running` jobs, by process id; `folders` yields the name and folder of every job of the batch.

    `full_disk` is the jobs' folder if its disk was full at the last check; no job may start then. `next_look` is the
    time of the next check (monotonic clock).
    """

    def __init__(
        self, running: dict[int, RunningJob], disk: DiskWatch, folders: Callable[[], Iterable[tuple[str, str]]]
    ) -> None:
        self._running = running
        self._disk = disk
        self._folders = folders
        self.full_disk: str | None = None
        self._full: list[str] = []
        self.next_look = 0.0

    def begin(self, running: RunningJob) -> None:
        """Look at the disk for temporary files of a job that was started."""
        self._disk.look_at(self._temporary(running))

    def enforce(self, monitor: ProcessMonitor) -> Iterator[int]:
        """End the jobs that exceed a limit; yield those that cannot be ended."""
        self._look_at_output(monitor)
        now = time.monotonic()
        for pid, running in list(self._running.items()):
            if now < running.deadline.at:
                continue
            if running.verdict is None:
                from canary_wf.verdict.last_message import last_message  # late, as most jobs keep to their limits

                said = last_message(running.output_file)
                after = "" if said is None else f"; its last line: {said}"
                self.end(
                    pid, Status.of(Outcome.TIMEOUT, f"ran longer than its limit of {running.job.limit:g} s{after}")
                )
            elif not running.deadline.killed:
                self.kill(pid, running.verdict, monitor)
            else:
                yield pid

    def end(self, pid: int, verdict: Status) -> None:
        """Ask a job to end, with `verdict`; it is killed a moment later."""
        running = self._running[pid]
        running.verdict = verdict
        running.deadline.ask(partial(signal_group, pid))

    def kill(self, pid: int, verdict: Status, monitor: ProcessMonitor) -> None:
        """Kill a job, with `verdict`."""
        running = self._running[pid]
        running.verdict = verdict
        running.deadline.kill(partial(signal_group, pid))
        if running.output is not None:
            monitor.let_go(pid)  # a process that still holds it left the group, and is ended with the job's orphans

    def verdict(self, running: RunningJob, verdict: Status) -> Status:
        """Return `verdict` on a job that has ended, or the verdict that replaces it when a full disk is to blame."""
        fault = None if running.output is None else running.output.fault
        if verdict.category is not Category.FAIL and fault is None:
            return verdict
        disk = self._disk.full_since(running.started, running.folder, running.job.working_directory)
        if disk is None and fault is None:
            return self._with_temporary_files(running, verdict)
        if disk is None and fault is not None and not says_full(fault):
            return Status.of(Outcome.INTERRUPTED, f"its output could not be written ({fault.strerror})")
        disk = disk or running.folder
        if reason := self._filled(running, disk):
            return Status.of(Outcome.FAILED, reason if verdict.reason is None else f"{verdict.reason}; {reason}")
        return Status.of(Outcome.INTERRUPTED, f"the disk of {disk} was full{printed_most(self._folders())}")

    def _with_temporary_files(self, running: RunningJob, verdict: Status) -> Status:
        """Return `verdict` on a failed job, or the verdict that replaces it when a full TMPDIR is to blame.

        A disk that was full all the time, as others may leave it for days, is to blame only if the job reports it.
        """
        folder = self._temporary(running)
        disk = self._disk.full_since(running.started, folder, tried=False)
        if disk is None:
            return verdict
        reason = f"the disk of {disk} was full"
        if self._disk.had_space_since(running.started, folder) or reports_full_disk(running.folder):
            return Status.of(Outcome.INTERRUPTED, f"{reason}{printed_most(self._folders())}")
        return msgspec.structs.replace(verdict, reason=f"{verdict.reason or 'failed'}; {reason}")

    def _temporary(self, running: RunningJob) -> str:
        return running.job.environment.get("TMPDIR") or self._disk.temporary

    def _look_at_output(self, monitor: ProcessMonitor) -> None:
        look = time.monotonic() >= self.next_look
        if look:
            self.next_look = time.monotonic() + LOOK
            self._full = self._disk.full()
            self.full_disk = next((disk for disk in self._full if disk == self._disk.home), None)
        for pid, running in self._running.items():
            if running.verdict is None:
                # Checked first: output to a full disk is lost, and much of it comes in no time.
                verdict = self._filling(running, look=look) or running.too_much(look=look)
                if verdict is not None:
                    self.kill(pid, verdict, monitor)

    def _filling(self, running: RunningJob, *, look: bool) -> Status | None:
        """Return the verdict on a job whose output fills a disk; a blocked pipe shows that at once."""
        disks = list(self._full) if look else []
        if running.output is not None and says_full(running.output.fault):
            disks.append(running.folder)
        reason = next(filter(None, (self._filled(running, disk) for disk in disks)), None)
        return None if reason is None else Status.of(Outcome.FAILED, f"{reason}, so it was ended")

    def _filled(self, running: RunningJob, disk: str) -> str | None:
        """Return a reason if the output of a job has filled the disk of `disk`, else None."""
        printed = self._disk.filled_by(running.folder, disk)
        return f"its output of {size(printed)} filled the disk of {disk}" if printed else None
