"""Running one batch: what a generated rule calls as `run-batch`.

It takes the batch, reads where it stands, runs the jobs that have no final state, and writes the result file last.
Everything that is imported on the way to the first job is the standard library, msgspec and lower layers.
"""

import gc
import itertools
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from canary_wf.errors import CanaryWfError, ExitCode, WorkspaceError, one_line
from canary_wf.files.json_files import not_writable, read_json, remedy, write_atomic
from canary_wf.files.plain_files import read_plain
from canary_wf.hooks.dispatch import Hooks
from canary_wf.process.orphans import Strays
from canary_wf.process.out_of_memory import OomKills
from canary_wf.process.process_identity import this_place
from canary_wf.process.process_watch import ProcessMonitor, Stopped, stop_on_signals
from canary_wf.process.watchdog import Watchdog
from canary_wf.recovery.closing_verdicts import interrupt
from canary_wf.resources.request import largest_id
from canary_wf.resources.slurm.text import own_ids
from canary_wf.run.batch_pool import BatchPool, open_pool
from canary_wf.run.capacity import Capacity
from canary_wf.run.command_line import read_arguments
from canary_wf.run.job.environment import base_environment
from canary_wf.run.progress import ProgressLog, say
from canary_wf.run.result import write_result
from canary_wf.run.retained_resources import keep_while_alive
from canary_wf.run.retries import Retries, isolated
from canary_wf.run.run_context import Binding, Treatment, allow_open_files
from canary_wf.run.scheduler import BatchScheduler
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.attempt import Attempt, SupersededError, take_batch
from canary_wf.state.events import AttemptEnded, AttemptStarted, Event, JobReset
from canary_wf.state.journal import read_journal
from canary_wf.state.journal_repair import load_batch
from canary_wf.state.recording import open_recorder, tell_hooks
from canary_wf.state.result_copies import note_copy
from canary_wf.state.session_paths import Placed, SessionPaths, require_inside
from canary_wf.state.trust import require_trusted
from canary_wf.verdict.status import Outcome, Status

SIGNAL_EXIT = 128
LIMIT_IS_NEAR = 0.9
"""A runner that is told to stop after this part of its time limit is taken to have run into it."""


def main(arguments: Sequence[str]) -> int:
    """Run the batch that `arguments` name and return the exit code (contract: 0 whatever the jobs' verdicts)."""
    options = read_arguments(arguments)
    task = os.environ.get("SLURM_PROCID", "0")
    if task != "0":
        # srun starts its command once a task; two runners would take the batch from one another.
        sys.stderr.write(f"canary-wf: task {task} of one Slurm step is too much: start run-batch with srun -n1\n")
        return ExitCode.JOBS_FAILED
    try:
        with stop_on_signals():
            return run_batch(
                options.batch,
                options.plan,
                result=options.result,
                workers=options.workers,
                bind=options.bind,
                submitted=options.submitted,
                anywhere=options.anywhere,
            )
    except CanaryWfError as error:
        if options.debug:
            raise
        sys.stderr.write(f"canary-wf: {error}\n")
        return error.exit_code
    except OSError as error:
        if options.debug:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        hint = remedy(error, "see that the folder and the disk can be written")
        sys.stderr.write(f"canary-wf: {one_line(where)}{error.strerror}; {hint}\n")
        return ExitCode.WORKSPACE
    except Stopped as stopped:
        return SIGNAL_EXIT + stopped.number


def run_batch(
    batch: str,
    plan: Path,
    *,
    result: Path | None = None,
    workers: int | None = None,
    bind: bool = False,
    submitted: bool = False,
    anywhere: bool = False,
) -> int:
    """Run what is left of `batch` of `plan`; return 0 when all its jobs have their verdict, else why not.

    `submitted` says that a cluster's scheduler started this process. Jobs run in folders below the session, or
    `anywhere` their specs say.

    Raises WorkspaceError for a plan, batch or state that is not there or damaged, or cannot be written.
    """
    if not os.path.lexists(plan):
        raise WorkspaceError("there is no such plan", where=plan, hint="make one with canary-wf generate")
    paths = SessionPaths.of_plan(plan)
    require_trusted(paths.out, [paths.session])
    part = load_slice(paths, batch, anywhere=anywhere)
    if part.scheduler == "slurm" and not submitted and not os.environ.get("SLURM_JOB_ID"):
        from canary_wf.snakemake.local_execution import require_permission  # late: start-up

        require_permission(f"batch {batch}", os.environ)
    _require_upstreams(part, paths)
    _require_not_replaced(batch, paths)
    # The runner changes its folder with each job it starts, so nothing relative may be left by then.
    expected = None if result is None else Path(os.path.abspath(result))  # noqa: PTH100 - links are kept
    return _BatchRun(part, paths, expected, bind=bind or part.bind).carry_out(workers or part.workers)


def load_slice(paths: SessionPaths, batch: str, *, anywhere: bool = False) -> BatchSlice:
    """Return what the plan says of `batch`, whose jobs may run `anywhere` or only below the session.

    Raises WorkspaceError when it says nothing, or names a place elsewhere.
    """
    if not batch.isalnum() or not paths.slice(batch).is_file():
        raise WorkspaceError(f"there is no batch {batch!r}", where=paths.plan)
    part: BatchSlice = read_json(paths.slice(batch), BatchSlice)
    placed: tuple[Placed, ...] = (*part.jobs, *part.upstreams)
    named = {batch, part.batch.id, *part.batch.dependencies, *(job.batch for job in part.upstreams)}
    require_inside(paths.slice(batch), placed, named, directories=not anywhere)
    if part.batch.id != batch:
        raise WorkspaceError(f"is damaged (it is of batch {part.batch.id})", where=paths.slice(batch))
    return part


def _require_upstreams(part: BatchSlice, paths: SessionPaths) -> None:
    for upstream in part.batch.dependencies:
        if not paths.batch(upstream).result.is_file():
            raise CanaryWfError(
                f"needs batch {upstream}, which has not run", where=f"batch {part.batch.id}", hint="run that one first"
            )


def _require_not_replaced(batch: str, paths: SessionPaths) -> None:
    """Refuse to begin again in a Slurm job that lost the batch to a later one: Snakemake retries inside an orphan."""
    own = own_ids()
    attempts = read_journal(paths.batch(batch).journal).attempts if own else []
    newest = attempts[-1].slurm_job_id if attempts else None
    if newest is not None and newest not in own and any(attempt.slurm_job_id in own for attempt in attempts):
        raise WorkspaceError(f"is run by Slurm job {newest} now", where=f"batch {batch}", hint="this one is over")


class _BatchRun:
    """One attempt at one batch, from taking it to its result."""

    def __init__(self, part: BatchSlice, paths: SessionPaths, expected: Path | None, *, bind: bool) -> None:
        self.part = part
        self.expected = expected
        self.bind = bind
        self.paths = paths
        self.files = paths.batch(part.batch.id)
        self.names = {job.id: job.name for job in part.jobs} | {job.id: job.name for job in part.upstreams}
        self.attempt: Attempt = take_batch(self.files.attempt, str(expected or ""))
        self.recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams, self.attempt.hold)
        self.watchdog = Watchdog(self.attempt.token)  # before hooks, whose threads a fork would not take along
        tell_hooks(self.recorder, part, paths, part.batch.id)
        self.hooks = Hooks[Event]([self.recorder])
        self.started = time.time()
        self._clock = time.monotonic()
        self.reason = "error"

    def carry_out(self, workers: int | None) -> int:
        """Run, record and conclude; whatever happens, the attempt is ended if it is still ours."""
        try:
            with self.watchdog:
                return self._to_the_end(workers)
        except Stopped:
            self.reason = self._why_stopped()
            raise
        finally:
            if self.attempt.is_current():
                self._end_attempt()

    def _to_the_end(self, workers: int | None) -> int:
        self._start_attempt()
        scheduler = self._run_jobs(workers)
        if scheduler.superseded:
            raise SupersededError(self.part.batch.id)
        self.reason = self._reason(scheduler)
        if self.reason != "complete":
            return self._incomplete(scheduler)
        if not self.attempt.is_current():
            raise SupersededError(self.part.batch.id)
        self._conclude()
        return ExitCode.DONE

    def _end_attempt(self) -> None:
        """Say that the attempt is over, once every job and its state file say what became of it."""
        interrupt(self.recorder, "its runner could not go on")
        self.recorder.catch_up()
        self.hooks.emit(AttemptEnded(time=time.time(), token=self.attempt.token, reason=self.reason))
        self.recorder.close(sync=self.reason != "complete")
        self.attempt.end()

    def _start_attempt(self) -> None:
        event = AttemptStarted(
            time=self.started,
            token=self.attempt.token,
            host=this_place(),
            pid=os.getpid(),
            slurm_job_id=os.environ.get("SLURM_JOB_ID"),
            time_limit=self.part.batch.time_limit,
        )
        if self.recorder.state.attempts or self.files.submission.exists():
            from canary_wf.recovery.reconcile import follow  # late, as most batches run once and not by Slurm

            follow(self.recorder, self.paths, self.part.batch.id, event)
        else:
            self.recorder(event)

    def _known(self) -> dict[str, Status]:
        """Return the verdicts that stand; what is blocked is judged again, as its upstreams may have run since."""
        known = {
            job: record.status
            for job, record in self.recorder.state.jobs.items()
            if record.status.is_final and record.status.outcome is not Outcome.BLOCKED
        }
        for batch in self.part.batch.dependencies:
            needed = [upstream for upstream in self.part.upstreams if upstream.batch == batch]
            state = load_batch(self.paths, batch, needed, alive=False)
            known |= {upstream.id: state.record(upstream.id).status for upstream in needed}
        return known

    def _repeat_set_ups(self, known: dict[str, Status]) -> None:
        """Make what has to run again pending: the servers that it left running are gone."""
        if not any(job.fixtures for job in self.part.jobs):
            return
        from canary_wf.run.retries import set_ups_to_repeat  # late: start-up

        for job in sorted(set_ups_to_repeat(self.part.jobs, self.recorder.state.jobs, known)):
            say(f"to be run again: {self.names[job]}, as what it left running has ended")
            self.recorder(JobReset(time=time.time(), job=job))
            del known[job]

    def _run_jobs(self, workers: int | None) -> BatchScheduler:
        known = self._known()
        self._repeat_set_ups(known)
        progress = ProgressLog(self.part, known)
        say(f"batch {self.part.batch.id}: {len(self.part.jobs)} jobs, {progress.done} of them done before")
        allow_open_files(self.part.batch)
        alone = self._is_alone()
        with (
            open_pool(self.part, hold=self.attempt.hold, alone=alone, waiting=self.files.waiting) as pool,
            closing(progress),
            closing(OomKills()) as kills,
        ):
            self.hooks.add(progress)
            scheduler = BatchScheduler(
                isolated(self.part.jobs, self.recorder.state.jobs),
                known,
                self.names,
                capacity=Capacity(pool.pool, pool.memory, workers, pool.nodes, pool.generated),
                hooks=self.hooks,
                paths=self.paths,
                treatment=self._treatment(pool, progress, kills),
                attempt=self.attempt,
            )
            gc.freeze()  # what is there now stays to the end: it need not be looked through again and again
            gc.enable()
            with Strays() as strays, ProcessMonitor() as monitor:
                scheduler.run(monitor, self.watchdog, strays)
                if held := scheduler.retained_ids:
                    keep_while_alive(pool.lease, held, strays.unended)
        return scheduler

    def _is_alone(self) -> bool:
        """Return whether no other batch of the plan can come into this one's Slurm allocation."""
        if self.part.scheduler == "slurm":
            return True
        with os.scandir(self.paths.slice(self.part.batch.id).parent) as slices:
            return len(list(itertools.islice(slices, 2))) == 1

    def _treatment(self, pool: BatchPool, progress: ProgressLog, kills: OomKills) -> Treatment:
        leased = {kind: items for kind, items in pool.pool.resources.items() if items}
        known = {**dict.fromkeys(pool.pool.types, ()), **self.part.resource_pool["resources"], **leased}
        types = {kind: largest_id(items) for kind, items in known.items()}
        return Treatment(
            environment=base_environment(os.environ, types, self.attempt.token),
            retries=Retries(self.part.retry, self.recorder.state.jobs),
            binding=Binding(everyone=self.bind, ids_are_cpus=pool.bindable, tell=say),
            oom_kills=kills,
            tick=lambda: self._look_around(progress),
            awaited=self.part.awaited,
            ended=self.recorder.job_ended,
            show=self.recorder.show,
        )

    def _look_around(self, progress: ProgressLog) -> float:
        progress.tick()
        return self.recorder.tell_running()

    def _reason(self, scheduler: BatchScheduler) -> str:
        if scheduler.stopped_by is not None:
            return self._why_stopped()
        if scheduler.disk_was_full:
            return "disk_full"
        return "unplaced" if scheduler.unplaced else "complete"

    def _why_stopped(self) -> str:
        spent = time.monotonic() - self._clock
        return "time_limit" if spent >= LIMIT_IS_NEAR * self.part.batch.time_limit else "signal"

    def _incomplete(self, scheduler: BatchScheduler) -> int:
        if scheduler.stopped_by is not None:
            say(f"batch {self.part.batch.id}: ended by signal {scheduler.stopped_by}")
            return SIGNAL_EXIT + scheduler.stopped_by
        if scheduler.disk_was_full:
            told = "jobs that ended while a disk was full will run again; free some space"
            sys.stderr.write(f"canary-wf: batch {self.part.batch.id}: {told}\n")
            return ExitCode.WORKSPACE
        for name, reason in scheduler.unplaced:
            told = one_line(f"job {name} cannot run in what this batch was given: {reason}")
            sys.stderr.write(f"canary-wf: {told}\n")
        return ExitCode.JOBS_FAILED

    def _conclude(self) -> None:
        self.recorder.catch_up()
        # A result that survives a power loss speaks of verdicts that do.
        self.recorder.sync()
        write_result(self.files.result, self.part, self.recorder.state, self.started)
        result = self.expected
        if upstreams := self.part.batch.dependencies:
            from canary_wf.snakemake.input_times import results_in, set_back

            sessions = (self.paths.folder, (result or self.files.result).parents[2])
            set_back(results_in(sessions, upstreams), self.files.result)
        if result is None or result == self.files.result:
            return
        note_copy(self.files.copies, self.files.result, result)
        try:
            result.parent.mkdir(parents=True, exist_ok=True)
            if not result.exists() or not result.samefile(self.files.result):
                write_atomic(result, read_plain(self.files.result), sync=True)
        except OSError as error:
            raise not_writable(result, error) from error
