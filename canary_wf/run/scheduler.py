"""The schedule of one batch, carried out: jobs start when they are ready and resources are free, and get a verdict."""

import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.files.json_files import MACHINE_FAULTS
from canary_wf.hooks.dispatch import Hooks
from canary_wf.process.orphans import Orphans
from canary_wf.process.output import PipedOutput
from canary_wf.process.process_identity import signal_group, ticks_now
from canary_wf.process.process_watch import ProcessMonitor, measure, reap
from canary_wf.process.spawn import launch
from canary_wf.process.watchdog import Watchdog
from canary_wf.run.capacity import Capacity
from canary_wf.run.job.cleanup import RETAINED_LOOK, Cleanup
from canary_wf.run.job.disk import DiskWatch
from canary_wf.run.job.environment import job_environment
from canary_wf.run.job.judgement import judge
from canary_wf.run.job.launcher import argument_list, run_folder
from canary_wf.run.job.limits import Limits
from canary_wf.run.job.running_job import RunningJob
from canary_wf.run.job.workdir import clear_workdir, prepare_workdir
from canary_wf.run.pending_verdicts import PendingVerdict, PendingVerdicts, needs
from canary_wf.run.ready_jobs import ReadyJobs
from canary_wf.run.run_context import RunContext
from canary_wf.runtime.canary.notes import read_notes
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.job_spec import OUTPUT_LIMIT
from canary_wf.spec.resource_request import Resources
from canary_wf.state.attempt import Attempt, SupersededError
from canary_wf.state.events import NO_ARTIFACTS, Artifacts, Event, JobFinished, JobLaunched, JobStarted
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.failure_class import OOM_KILL, out_of_memory
from canary_wf.verdict.status import Category, Outcome, Status

_TEMPORARY = "/tmp"  # noqa: S108 - only looked at
"""Where jobs put temporary files unless TMPDIR says otherwise."""


class BatchScheduler:
    """Runs the jobs of one batch that have no final state yet; `known` and `names` are those of `ReadyJobs`."""

    def __init__(
        self,
        jobs: Sequence[PlannedJob],
        known: Mapping[str, Status],
        names: Mapping[str, str],
        *,
        capacity: Capacity,
        hooks: Hooks[Event],
        paths: SessionPaths,
        context: RunContext,
        attempt: Attempt,
    ) -> None:
        self._jobs = jobs
        self._ready_jobs = ReadyJobs(jobs, known, names)
        self._capacity = capacity
        self._hooks = hooks
        self._paths = paths
        self._jobs_folder = str(paths.jobs)
        self._environment = context.environment
        self._retries = context.retries
        self._context = context
        self._attempt = attempt
        self._running: dict[int, RunningJob] = {}
        self._cleanup = Cleanup(jobs, self._running, paths, self._ready_jobs, context.awaited)
        disk = DiskWatch(str(paths.jobs), context.environment.get("TMPDIR") or _TEMPORARY)
        self._limits = Limits(self._running, disk, self._folders)
        self._pending = PendingVerdicts(context.environment)
        self.disk_was_full = False
        self.stopped_by: int | None = None
        self.superseded = False
        self.stopped_early = False
        self.unplaced: list[tuple[str, str]] = []

    @property
    def verdicts(self) -> Mapping[str, Status]:
        """The verdicts that stand now, by job id."""
        return self._ready_jobs.verdicts

    @property
    def retained_ids(self) -> dict[str, set[str]]:
        """The ids, by type, that processes hold which could not be ended."""
        return self._cleanup.retained.ids

    def run(self, monitor: ProcessMonitor, watchdog: Watchdog, orphans: Orphans) -> None:
        """Run until every job has a verdict, or until the runner has to stop. Leaves no process behind."""
        self._watchdog = watchdog
        self._cleanup.begin(self._capacity, orphans, watchdog)
        for job, status in self._ready_jobs.start():
            self._hooks.emit(JobFinished.of(job.id, status, time.time()))
        try:
            while self._step(monitor):
                pass
        finally:
            self._cleanup.end_all()  # a superseded runner writes nothing more

    def _step(self, monitor: ProcessMonitor) -> bool:
        if self.stopped_by is None:
            self._start_ready(monitor)
            while self._record_due(monitor):
                self._start_ready(monitor)
        if not self._running and not self._pending and (self.stopped_by is not None or not self._cleanup.delays()):
            if self._refuse_unplaced():
                return True
            self._note_unplaced()
            return False
        for pid in monitor.wait(min(self._context.tick(), self._until_next())):
            self._collect(pid, monitor)
        if monitor.child_ended:
            monitor.child_ended = False
            self._cleanup.collect_orphans()
        self._handle_signals(monitor)
        for pid in self._limits.enforce(monitor):
            running, verdict = self._cleanup.give_up(pid, monitor)
            measured = {"duration": round(time.monotonic() - running.started, 6)}
            self._judged(running.job, verdict, measured, certain=True, final=True)
        if self._cleanup.retained:
            self._cleanup.retained.look()
        if not self._attempt.beat():
            self.superseded = True
        return not self.superseded

    def _folders(self) -> Iterator[tuple[str, str]]:
        return ((job.name, self._paths.job_folder(job.directory)) for job in self._jobs)

    # -- starting ------------------------------------------------------------------------------------------------

    def _start_ready(self, monitor: ProcessMonitor) -> None:
        if self._limits.full_disk is not None or self._is_stopped_early():
            return
        # All are taken before the first is started: a job that cannot start makes others ready.
        while taken := list(self._ready_jobs.take(self._capacity.take)):
            started = True
            while taken:
                job, resources = taken.pop(0)
                try:
                    started = self._start(job, resources, monitor) and started
                except BaseException:  # a signal, too, must not leave resources taken
                    for other, lent in taken:  # jobs that did not start hold nothing
                        self._capacity.give_back(other, lent)
                    raise
            if started:
                return

    def _is_stopped_early(self) -> bool:
        """Return whether jobs are left to start, and none may be because enough have failed."""
        limit = self._context.failures
        if limit is not None and limit.is_reached():
            self.stopped_early = any(job.id not in self.verdicts for job in self._jobs)
        return self.stopped_early

    def _start(self, job: PlannedJob, resources: Resources, monitor: ProcessMonitor) -> bool:
        """Start a job; return whether it runs now. A job that cannot start gets its verdict at once."""
        folder = self._paths.job_folder(job.directory)
        self._attempt.require_current()
        try:
            clear_workdir(folder, self._retries.earlier(job.id), self._jobs_folder)
        except (OSError, ValueError) as error:  # ValueError: a NUL in a name
            self._could_not_start(job, resources, error)
            return False
        for pending in self._pending.behind(job):
            self._context.show(pending.finished())
        self._hooks.emit(JobStarted(time=time.time(), job=job.id, resources=resources))
        oom_kills = self._context.oom_kills.count()
        try:
            pid, output = self._launch(job, resources, folder, monitor)
        except (CanaryWfError, OSError, ValueError) as error:
            self._could_not_start(job, resources, error)
            return False
        self._running[pid] = running = RunningJob(job, folder, resources, oom_kills, output)
        self._limits.begin(running)
        self._hooks.emit(JobLaunched(time=time.time(), job=job.id, pid=pid, started_ticks=ticks_now()))
        return True

    def _could_not_start(self, job: PlannedJob, resources: Resources, error: Exception) -> None:
        self._capacity.give_back(job, resources)
        fault = error if isinstance(error, OSError) else error.__cause__
        if isinstance(error, SupersededError) or (isinstance(fault, OSError) and fault.errno in MACHINE_FAULTS):
            raise error  # a fault of the machine, not of the job
        self._judged(job, Status.of(Outcome.BROKEN, f"could not start: {error}"), {}, certain=True)

    def _launch(
        self, job: PlannedJob, resources: Resources, folder: str, monitor: ProcessMonitor
    ) -> tuple[int, PipedOutput | None]:
        if job.assets:
            prepare_workdir(job, Path(folder), self._paths.out)
        environment = job_environment(self._environment, job, resources, folder)
        argv = argument_list(job, environment, self._paths.out)
        cwd = run_folder(job, folder, self._paths.out)
        cpus = self._context.binding.cpus_for(job, resources)
        self._attempt.require_current()  # copying may have taken long
        file = f"{folder}/{OUTPUT_FILE}"
        output = PipedOutput(file, job.output_limit or OUTPUT_LIMIT) if job.ctest is not None else None
        pid = launch(argv, cwd, environment, output or file, cpus)
        self._watchdog.started(pid)
        try:
            if output is None:
                monitor.watch(pid)
            else:
                monitor.watch(pid, output)
        except OSError:
            signal_group(pid, signal.SIGKILL)
            reap(pid)
            self._watchdog.ended(pid)
            if output is not None:
                output.close()
            raise
        return pid, output

    # -- ending --------------------------------------------------------------------------------------------------

    def _collect(self, pid: int, monitor: ProcessMonitor) -> None:
        running = self._running.pop(pid)
        job = running.job
        ended = self._cleanup.collect(pid, running)
        verdict = running.verdict
        measured: dict[str, Any] = measure(time.monotonic() - running.started, ended)
        if job.uses_runtime:
            measured = {**read_notes(running.folder)[1], **measured}
        if verdict is None and monitor.signals:
            verdict = Status.of(Outcome.INTERRUPTED, _ended_by(monitor.signals[0]))
        if verdict is None:
            verdict = judge(job, ended.code, running.output_file)
            if ended.code and self._context.oom_kills.claim(ended.code, running.oom_kills):
                measured[OOM_KILL] = 1
                verdict = out_of_memory(verdict)
            verdict = self._limits.verdict(running, verdict)
            self.disk_was_full = self.disk_was_full or verdict.outcome is Outcome.INTERRUPTED
        certain = running.verdict is not None
        self._judged(job, self._cleanup.settle(pid, running, verdict, measured), measured, certain=certain)

    def _judged(
        self, job: PlannedJob, status: Status, measured: dict[str, Any], *, certain: bool, final: bool = False
    ) -> None:
        """Take note of the verdict on a run (final unless the job is retried) and keep it pending for a moment."""
        failed = status.category is Category.FAIL
        again = not final and failed and self._retries.grants_retry(job.id, status, measured)
        if failed and not again and self._context.failures is not None:
            self._context.failures.note_failure()
        judged = [] if again else list(self._ready_jobs.judge(job, status))
        for other, _ in judged:
            self._cleanup.judged(other.id)
        pending = PendingVerdict(job, status, measured, judged[1:], certain, again, time.monotonic(), time.time())
        if self.stopped_by is None:
            self._context.ended(job.id)
            self._pending.add(pending)
        else:
            self._record(pending)

    def _record_due(self, monitor: ProcessMonitor) -> bool:
        """Record the verdicts that are due; return whether one of the jobs is retried."""
        again = False
        if not monitor.signals:  # a signal that is not handled yet may undo them
            pending = self._pending
            due = pending.take_due(time.monotonic()) if self._running else pending.take_last(monitor.signals)
            for verdict in due:
                self._record(verdict)
                again = again or verdict.retry
        return again

    def _record(self, pending: PendingVerdict) -> None:
        """Record the verdict on a run, and the verdicts on the jobs that it blocks."""
        job = pending.job
        if pending.retry:
            # Moved before the event is written: a reader of the event finds the output at the path it names.
            artifacts = self._artifacts(pending, self._retries.earlier(job.id))
            output = self._retries.keep_output(job.id, self._paths.job(job.directory))
            self._hooks.emit(pending.retried(output, artifacts))
            self._cleanup.starts_anew(job)
            self._ready_jobs.requeue(job)
            return
        self._hooks.emit(pending.finished(self._artifacts(pending)))
        for other, verdict in pending.blocked:
            self._hooks.emit(JobFinished.of(other.id, verdict, pending.time))

    def _artifacts(self, pending: PendingVerdict, run: int | None = None) -> Artifacts:
        """Keep the job's artifacts; `run` is the number of a run that another one follows."""
        if not pending.job.artifacts:
            return NO_ARTIFACTS
        from canary_wf.run.job.artifacts import keep_artifacts  # late, as most jobs have none

        folder = self._paths.job(pending.job.directory)
        return keep_artifacts(pending.job, folder, pending.status, run, beat=self._attempt.require_current)

    def _until_next(self) -> float:
        nearest = min((item.deadline.at for item in self._running.values()), default=math.inf)
        retained = time.monotonic() + RETAINED_LOOK if self._cleanup.retained else math.inf
        due = self._pending.next_due
        return min(nearest, self._attempt.next_beat, self._limits.next_look, retained, due) - time.monotonic()

    def _handle_signals(self, monitor: ProcessMonitor) -> None:
        if not monitor.signals:
            return
        if not self._attempt.is_current():
            self.superseded = True  # the signal came from the runner that took the batch
            return
        again = monitor.signals.count(signal.SIGINT) > 1
        if self.stopped_by is None:
            self.stopped_by = monitor.signals[0]
            self._interrupt_pending(Status.of(Outcome.INTERRUPTED, _ended_by(self.stopped_by)))
        for pid, running in self._running.items():
            if again:
                if running.verdict is None or running.verdict.outcome is not Outcome.CANCELLED:
                    self._limits.kill(pid, Status.of(Outcome.CANCELLED, "cancelled by a second Ctrl-C"), monitor)
            elif running.verdict is None:
                self._limits.end(pid, Status.of(Outcome.INTERRUPTED, _ended_by(self.stopped_by)))

    def _interrupt_pending(self, interrupted: Status) -> None:
        """Undo verdicts of the moment before the batch was ended, and the starts of jobs that followed from them."""
        verdicts, undone = self._pending.interrupt(interrupted)
        for pending in verdicts:
            self._record(pending)
        for running in self._running.values():
            if running.verdict is not None and needs(running.job, undone):
                running.verdict = interrupted

    def _refuse_unplaced(self) -> bool:
        """Judge the jobs that can never run because a generated file lacks what they need; return whether any."""
        if self.stopped_by is not None or self.stopped_early:
            return False
        refused = [(job, reason) for job in self._ready_jobs.unblocked() if (reason := self._capacity.refuse(job))]
        for job, reason in refused:
            self._judged(job, Status.of(Outcome.BROKEN, f"could not start: {reason}"), {}, certain=True, final=True)
        return bool(refused)

    def _note_unplaced(self) -> None:
        if self.stopped_by is not None or self.stopped_early:
            return
        waiting = self._ready_jobs.unblocked()
        if waiting and self._limits.full_disk is not None:
            raise WorkspaceError("the disk is full", where=self._limits.full_disk, hint="free some space")
        holder = self._cleanup.retained.why()
        for job in waiting:
            pending = f"{holder}, which could not be ended, holds what it needs" if holder else "does not fit"
            self.unplaced.append((job.name, self._capacity.why_never(job) or pending))


def _ended_by(number: int) -> str:
    return f"the batch was ended by {signal.Signals(number).name}"
