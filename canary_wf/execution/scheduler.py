"""The schedule of one batch, carried out: jobs start as the agenda and resources allow, and end in a verdict."""

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError
from canary_wf.execution.agenda import Agenda
from canary_wf.execution.capacity import Capacity
from canary_wf.execution.exits import measure, reap
from canary_wf.execution.launcher import GRACE, argument_list, launch, run_folder
from canary_wf.execution.monitor import ProcessMonitor
from canary_wf.execution.progress import say
from canary_wf.execution.strays import Strays
from canary_wf.execution.treatment import Treatment
from canary_wf.execution.watchdog import Watchdog
from canary_wf.hooks.dispatch import Hooks
from canary_wf.job.attempt import Attempt, SupersededError
from canary_wf.job.environment import job_environment
from canary_wf.job.events import JobFinished, JobLaunched, JobRetried, JobStarted, Resources
from canary_wf.job.failure import OOM_KILL, out_of_memory, with_strays
from canary_wf.job.processes import signal_group, ticks_now
from canary_wf.job.state_file import OUTPUT_FILE, STATE_FILE
from canary_wf.job.status import Category, Outcome, Status
from canary_wf.job.verdict import judge
from canary_wf.job.workdir import clear_workdir, prepare_workdir
from canary_wf.json_files import MACHINE_FAULTS
from canary_wf.plan.batch_slice import PlannedJob
from canary_wf.runtime.canary.notes import read_notes
from canary_wf.session_paths import SessionPaths
from canary_wf.wording import count

_SAME_MOMENT = 0.5
"""Seconds within which a job's end by a signal and the runner's own are one event."""


class _Running:
    """One process: its job, what it holds, and when it has to end."""

    __slots__ = ("deadline", "folder", "job", "oom_kills", "resources", "started", "verdict")

    def __init__(self, job: PlannedJob, folder: str, resources: Resources, oom_kills: int) -> None:
        self.job = job
        self.folder = folder
        self.resources = resources
        self.started = time.monotonic()
        self.deadline = self.started + job.limit
        self.verdict: Status | None = None
        self.oom_kills = oom_kills


class BatchScheduler:
    """Runs the jobs of one batch that have no final state yet; `known` and `names` are as `Agenda` takes them."""

    def __init__(
        self,
        jobs: Sequence[PlannedJob],
        known: Mapping[str, Status],
        names: Mapping[str, str],
        *,
        capacity: Capacity,
        hooks: Hooks,
        paths: SessionPaths,
        treatment: Treatment,
        attempt: Attempt,
    ) -> None:
        self._jobs = jobs
        self._agenda = Agenda(jobs, known, names)
        self._capacity = capacity
        self._hooks = hooks
        self._paths = paths
        self._environment = treatment.environment
        self._retries = treatment.retries
        self._treatment = treatment
        self._attempt = attempt
        self._running: dict[int, _Running] = {}
        self.stopped_by: int | None = None
        self.superseded = False
        self.unplaced: list[tuple[str, str]] = []

    @property
    def verdicts(self) -> Mapping[str, Status]:
        """The verdicts that stand now, by job id."""
        return self._agenda.verdicts

    def run(self, monitor: ProcessMonitor, watchdog: Watchdog, strays: Strays) -> None:
        """Run until every job has a verdict, or until the runner has to stop; no process is left behind."""
        self._watchdog = watchdog
        self._strays = strays
        for job, status in self._agenda.begin():
            self._hooks.emit(_finished(job, status, {}))
        try:
            while self._step(monitor):
                pass
        finally:
            self._end_all()
            if killed := strays.end_all([watchdog.pid]):
                say(f"killed {count(killed, 'process', 'processes')} that jobs had left running")

    def _step(self, monitor: ProcessMonitor) -> bool:
        if self.stopped_by is None:
            self._start_ready(monitor)
        if not self._running:
            self._note_unplaced()
            return False
        for pid in monitor.wait(min(self._treatment.tick(), self._until_next())):
            self._collect(pid, monitor)
        self._heed_signals(monitor)
        self._enforce_deadlines()
        return not self.superseded

    # -- starting ------------------------------------------------------------------------------------------------

    def _start_ready(self, monitor: ProcessMonitor) -> None:
        given: dict[str, Resources] = {}

        def fits(job: PlannedJob) -> bool:
            resources = self._capacity.take(job)
            if resources is None:
                return False
            given[job.id] = resources
            return True

        # Taken first and started then: a job that cannot start lets others become ready.
        jobs = list(self._agenda.take(fits))
        while jobs:
            started = [self._start(job, given.pop(job.id), monitor) for job in jobs]
            jobs = [] if all(started) else list(self._agenda.take(fits))

    def _start(self, job: PlannedJob, resources: Resources, monitor: ProcessMonitor) -> bool:
        """Start a job; return whether it runs now. One that cannot start has its verdict."""
        folder = self._paths.job_folder(job.directory)
        self._attempt.hold()
        try:
            clear_workdir(folder, self._retries.earlier(job.id))
        except (OSError, ValueError) as error:  # ValueError: a NUL in a name
            self._could_not_start(job, resources, error)
            return False
        self._hooks.emit(JobStarted(time=time.time(), job=job.id, resources=resources))
        oom_kills = self._treatment.oom_kills.count()
        try:
            pid = self._launch(job, resources, folder, monitor)
        except (CanaryWfError, OSError, ValueError) as error:
            self._could_not_start(job, resources, error)
            return False
        self._running[pid] = _Running(job, folder, resources, oom_kills)
        self._hooks.emit(JobLaunched(time=time.time(), job=job.id, pid=pid, started_ticks=ticks_now()))
        return True

    def _could_not_start(self, job: PlannedJob, resources: Resources, error: Exception) -> None:
        self._capacity.give_back(job, resources)
        fault = error if isinstance(error, OSError) else error.__cause__
        if isinstance(error, SupersededError) or (isinstance(fault, OSError) and fault.errno in MACHINE_FAULTS):
            raise error  # the machine's doing, no verdict on the job
        self._judged(job, Status.of(Outcome.BROKEN, f"could not start: {error}"), {})

    def _launch(self, job: PlannedJob, resources: Resources, folder: str, monitor: ProcessMonitor) -> int:
        if job.assets:
            prepare_workdir(job, Path(folder), self._paths.out)
        environment = job_environment(self._environment, job, resources, folder)
        argv = argument_list(job, environment)
        place = run_folder(job, folder, self._paths.out)
        cpus = self._treatment.binding.cpus_for(job, resources)
        self._attempt.hold()  # copying may have taken long
        pid = launch(argv, place, environment, f"{folder}/{OUTPUT_FILE}", cpus)
        self._watchdog.started(pid)
        try:
            monitor.watch(pid)
        except OSError:
            signal_group(pid, signal.SIGKILL)
            reap(pid)
            self._watchdog.ended(pid)
            raise
        return pid

    # -- ending --------------------------------------------------------------------------------------------------

    def _collect(self, pid: int, monitor: ProcessMonitor) -> None:
        running = self._running.pop(pid)
        signal_group(pid, signal.SIGKILL)  # what the job left running in its process group
        ended = reap(pid)
        self._watchdog.ended(pid)
        self._strays.group_ended(pid)
        job = running.job
        self._capacity.give_back(job, running.resources)
        verdict = running.verdict
        measured: dict[str, Any] = measure(time.monotonic() - running.started, ended)
        if job.uses_runtime:
            measured = {**read_notes(running.folder)[1], **measured}
        if verdict is None and self._ended_with_batch(ended.code, monitor):
            verdict = Status.of(Outcome.INTERRUPTED, _ended_by(monitor.signals[0]))
        if verdict is None:
            verdict = judge(job, ended.code, f"{running.folder}/{OUTPUT_FILE}")
            if ended.code and self._treatment.oom_kills.claim(ended.code, running.oom_kills):
                measured[OOM_KILL] = 1
                verdict = out_of_memory(verdict)
        if left := self._end_strays(job):
            measured["left_behind"] = left
            verdict = with_strays(verdict, left)
        self._judged(job, verdict, measured)

    def _ended_with_batch(self, code: int, monitor: ProcessMonitor) -> bool:
        """Return whether a job that a signal killed was ended with the whole batch: Slurm tells all processes at once.

        The runner's own signal may then come a moment later than the job's end.
        """
        killed = code in {-signal.SIGTERM, -signal.SIGKILL} and "SLURM_JOB_ID" in self._environment
        return killed and monitor.stop_within(_SAME_MOMENT)

    def _end_strays(self, ended: PlannedJob) -> int:
        """End what jobs that are over left outside of their groups; return how many processes `ended` had left."""
        known = [self._watchdog.pid, *self._running]
        if not self._strays.has_any(known):
            return 0
        jobs = [running.job for running in self._running.values()]
        # What a test of CTest started may be there for later tests.
        spared = {self._state_file(job) for job in (*jobs, *(job for job in self._jobs if job.ctest is not None))}
        found = self._strays.end_ended(known, spared)
        own = found.pop(self._state_file(ended), 0)
        for name, number in found.items():
            say(f"killed {count(number, 'process', 'processes')} of a job that had ended: {name}")
        return own

    def _state_file(self, job: PlannedJob) -> str:
        return str(self._paths.job(job.directory) / STATE_FILE)

    def _judged(self, job: PlannedJob, status: Status, measurements: dict[str, Any]) -> None:
        """Record the verdict on a run: the job's own, with those it blocks, unless the job is to run again."""
        if status.category is Category.FAIL and self._retries.another(job.id, status, measurements):
            # Moved before it is told: whoever reads of a retry finds the output where it says.
            output = self._retries.keep_output(job.id, self._paths.job(job.directory))
            self._hooks.emit(_retried(job, status, measurements, output))
            self._agenda.again(job)
            return
        for judged, verdict in self._agenda.judge(job, status):
            self._hooks.emit(_finished(judged, verdict, measurements if judged is job else {}))

    def _until_next(self) -> float:
        nearest = min(item.deadline for item in self._running.values())
        return min(nearest, self._attempt.next_beat) - time.monotonic()

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for pid, running in self._running.items():
            if now < running.deadline:
                continue
            if running.verdict is None:
                limit = running.job.limit
                self._end(pid, running, Status.of(Outcome.TIMEOUT, f"ran longer than its limit of {limit:g} s"))
            else:
                signal_group(pid, signal.SIGKILL)
                running.deadline = now + GRACE
        if not self._attempt.beat():
            self.superseded = True

    def _end(self, pid: int, running: _Running, verdict: Status) -> None:
        running.verdict = verdict
        running.deadline = time.monotonic() + GRACE
        signal_group(pid, signal.SIGTERM)

    def _heed_signals(self, monitor: ProcessMonitor) -> None:
        if not monitor.signals:
            return
        if not self._attempt.is_current():
            self.superseded = True  # the signal came from the runner that took the batch
            return
        again = monitor.signals.count(signal.SIGINT) > 1
        if self.stopped_by is None:
            self.stopped_by = monitor.signals[0]
        for pid, running in self._running.items():
            if again:
                running.verdict = Status.of(Outcome.CANCELLED, "cancelled by a second Ctrl-C")
                signal_group(pid, signal.SIGKILL)
            elif running.verdict is None:
                self._end(pid, running, Status.of(Outcome.INTERRUPTED, _ended_by(self.stopped_by)))

    def _end_all(self) -> None:
        """Leave no process behind, whatever made the loop end; a superseded runner writes nothing more."""
        for pid in self._running:
            signal_group(pid, signal.SIGKILL)
        # Not by the monitor: it told of some already, when an error kept them from being collected.
        for pid in list(self._running):
            running = self._running.pop(pid)
            reap(pid)
            self._capacity.give_back(running.job, running.resources)

    def _note_unplaced(self) -> None:
        if self.stopped_by is None:
            for job in self._agenda.unblocked():
                self.unplaced.append((job.name, self._capacity.why_never(job) or "does not fit"))


def _ended_by(number: int) -> str:
    return f"the batch was ended by {signal.Signals(number).name}"


def _finished(job: PlannedJob, status: Status, measured: dict[str, Any]) -> JobFinished:
    return JobFinished(
        time=time.time(),
        job=job.id,
        outcome=status.outcome.name,
        reason=status.reason,
        code=status.code,
        measurements=measured,
    )


def _retried(job: PlannedJob, status: Status, measured: dict[str, Any], output: str | None) -> JobRetried:
    return JobRetried(
        time=time.time(),
        job=job.id,
        outcome=status.outcome.name,
        reason=status.reason,
        code=status.code,
        measurements=measured,
        output=output,
    )
