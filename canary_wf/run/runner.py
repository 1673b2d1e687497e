"""The runner of one batch: what a generated rule calls as `run-batch`.

It claims the batch, reads its state, runs the jobs that have no final state, and writes the result file last.
Everything imported before the first job starts is the standard library, msgspec and lower layers.
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
from canary_wf.process.orphans import Orphans
from canary_wf.process.out_of_memory import OomKills
from canary_wf.process.process_identity import host_id
from canary_wf.process.process_watch import ProcessMonitor
from canary_wf.process.signals import Stopped, stop_on_signals
from canary_wf.process.watchdog import Watchdog
from canary_wf.recovery.closing_verdicts import interrupt
from canary_wf.resources.request import largest_id
from canary_wf.resources.slurm.command import own_ids
from canary_wf.run.batch_pool import BatchPool, open_pool
from canary_wf.run.capacity import Capacity
from canary_wf.run.command_line import read_arguments
from canary_wf.run.job.environment import base_environment
from canary_wf.run.progress import ProgressLog, say
from canary_wf.run.result import SIGNAL_EXIT, require_more_to_run, tell_why_incomplete, write_result
from canary_wf.run.retained_resources import keep_while_alive
from canary_wf.run.retries import Retries, isolate_suspects
from canary_wf.run.run_context import Binding, RunContext, allow_open_files, failure_limit_of, jobs_to_run
from canary_wf.run.scheduler import BatchScheduler
from canary_wf.spec.batch_slice import BatchSlice, PlannedBatch
from canary_wf.state.attempt import Attempt, SupersededError, claim_batch
from canary_wf.state.events import AttemptEnded, AttemptStarted, Event, JobReset
from canary_wf.state.journal import read_journal
from canary_wf.state.journal_repair import load_batch
from canary_wf.state.recording import attach_user_hooks, open_recorder
from canary_wf.state.result_copies import note_copy
from canary_wf.state.session_paths import LocatedJob, SessionPaths, absolute_path, require_inside
from canary_wf.state.trust import require_trusted
from canary_wf.verdict.status import Outcome, Status

LIMIT_IS_NEAR = 0.9
"""A runner that is stopped after this fraction of its time limit is assumed to have reached the limit."""


def main(arguments: Sequence[str]) -> int:
    """Run the batch named in `arguments`; return the exit code, which is 0 whatever the verdicts of its jobs."""
    options = read_arguments(arguments)
    task = os.environ.get("SLURM_PROCID", "0")
    if task != "0":
        # srun starts its command once per task; two runners would take the batch from one another.
        sys.stderr.write(f"canary-wf: run-batch was started as task {task} of a Slurm step; use srun -n1\n")
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
    """Run the unfinished jobs of `batch` of `plan`; return 0 when all its jobs have a verdict, else an exit code.

    `submitted` says that a cluster's scheduler started this process. Jobs run in folders below the session, or with
    `anywhere` where their specs say.

    Raises WorkspaceError if the plan, the batch or its state is missing or damaged, or cannot be written.
    """
    if not os.path.lexists(plan):
        raise WorkspaceError("there is no such plan", where=plan, hint="make one with canary-wf generate")
    paths = SessionPaths.of_plan(plan)
    require_trusted(paths.out, [paths.session])
    batch_slice = load_slice(paths, batch, anywhere=anywhere)
    if batch_slice.scheduler == "slurm" and not submitted and not os.environ.get("SLURM_JOB_ID"):
        from canary_wf.snakemake.rule_values import require_permission  # late: start-up

        require_permission(f"batch {batch}", os.environ)
    _require_upstreams(batch_slice.batch, paths)
    _require_not_replaced(batch, paths)
    require_more_to_run(batch, paths)
    # The runner changes its folder for each job it starts, so all paths must be absolute.
    expected = None if result is None else absolute_path(result)
    attempt = _BatchAttempt(batch_slice, paths, expected, bind=bind or batch_slice.bind)
    return attempt.run(workers or batch_slice.workers)


def load_slice(paths: SessionPaths, batch: str, *, anywhere: bool = False) -> BatchSlice:
    """Return the slice of `batch`. Its jobs must run below the session, unless they may run `anywhere`.

    Raises WorkspaceError when the plan has no such batch, or when a path in it leads elsewhere.
    """
    if not batch.isalnum() or not (path := paths.slice(batch)).is_file():
        raise WorkspaceError(f"there is no batch {batch!r}", where=paths.plan)
    batch_slice: BatchSlice = read_json(path, BatchSlice)
    found, upstreams = batch_slice.batch, batch_slice.upstreams
    jobs: tuple[LocatedJob, ...] = (*batch_slice.jobs, *upstreams)
    batches = {batch, found.id, *found.dependencies, *(job.batch for job in upstreams)}
    require_inside(path, jobs, batches, directories=not anywhere)
    if found.id != batch:
        raise WorkspaceError(f"is damaged (it is of batch {found.id})", where=path)
    return batch_slice


def _require_upstreams(batch: PlannedBatch, paths: SessionPaths) -> None:
    for upstream in batch.dependencies:
        if not paths.batch(upstream).result.is_file():
            raise CanaryWfError(
                f"needs batch {upstream}, which has not run", where=f"batch {batch.id}", hint="run that one first"
            )


def _require_not_replaced(batch: str, paths: SessionPaths) -> None:
    """Refuse to run in a Slurm job that lost the batch to a later one: Snakemake retries inside such an orphan."""
    own = own_ids()
    attempts = read_journal(paths.batch(batch).journal).attempts if own else []
    newest = attempts[-1].slurm_job_id if attempts else None
    if newest is not None and newest not in own and any(attempt.slurm_job_id in own for attempt in attempts):
        raise WorkspaceError(f"is run by Slurm job {newest} now", where=f"batch {batch}", hint="this one is over")


class _BatchAttempt:
    """One attempt at one batch, from the claim to the result."""

    def __init__(self, batch_slice: BatchSlice, paths: SessionPaths, expected: Path | None, *, bind: bool) -> None:
        self.slice = batch_slice
        self.expected, self.bind = expected, bind
        self.paths = paths
        self.files = paths.batch(batch_slice.batch.id)
        jobs, upstreams = batch_slice.jobs, batch_slice.upstreams
        self.names = {job.id: job.name for job in jobs} | {job.id: job.name for job in upstreams}
        self.attempt: Attempt = claim_batch(self.files.attempt, str(expected or ""))
        self.recorder = open_recorder(paths, batch_slice.batch.id, jobs, upstreams, self.attempt.require_current)
        self.watchdog = Watchdog(self.attempt.token)  # before user hooks: a fork would not take their threads along
        attach_user_hooks(self.recorder, batch_slice, paths, batch_slice.batch.id)
        self.hooks = Hooks[Event]([self.recorder])
        self.started = time.time()
        self._clock = time.monotonic()
        self.reason = "error"
        self._not_chosen: set[str] = set()

    def run(self, workers: int | None) -> int:
        """Run the jobs and write the result; whatever happens, end the attempt if it is still the current one."""
        try:
            with self.watchdog:
                return self._run_to_result(workers)
        except Stopped:
            self.reason = self._stop_reason()
            raise
        finally:
            if self.attempt.is_current():
                self._end_attempt()

    def _run_to_result(self, workers: int | None) -> int:
        self._start_attempt()
        scheduler = self._run_jobs(workers)
        if scheduler.superseded:
            raise SupersededError(self.slice.batch.id)
        self.reason = self._end_reason(scheduler)
        if self.reason != "complete":
            return tell_why_incomplete(self.slice.batch.id, scheduler, self.paths, chosen=self.reason == "chosen")
        if not self.attempt.is_current():
            raise SupersededError(self.slice.batch.id)
        self._conclude()
        return ExitCode.DONE

    def _end_attempt(self) -> None:
        """Close the attempt, once every job has a recorded verdict and an up-to-date state file."""
        interrupt(self.recorder, "its runner could not go on")
        self.recorder.catch_up()
        self.hooks.emit(AttemptEnded(time=time.time(), token=self.attempt.token, reason=self.reason))
        self.recorder.close(sync=self.reason != "complete")
        self.attempt.end()

    def _start_attempt(self) -> None:
        event = AttemptStarted(
            time=self.started,
            token=self.attempt.token,
            host=host_id(),
            pid=os.getpid(),
            slurm_job_id=os.environ.get("SLURM_JOB_ID"),
            time_limit=self.slice.batch.time_limit,
        )
        if self.recorder.state.attempts or self.files.submission.exists():
            from canary_wf.recovery.reconcile import begin_attempt  # late, as most batches run once and not by Slurm

            begin_attempt(self.recorder, self.paths, self.slice.batch.id, event)
        else:
            self.recorder(event)

    def _known(self) -> dict[str, Status]:
        """Return the verdicts that stand. Blocked jobs are judged again, as their upstreams may have run since."""
        known = {
            job: record.status
            for job, record in self.recorder.state.jobs.items()
            if record.status.is_final and record.status.outcome is not Outcome.BLOCKED
        }
        for batch in self.slice.batch.dependencies:
            needed = [upstream for upstream in self.slice.upstreams if upstream.batch == batch]
            state = load_batch(self.paths, batch, needed, alive=False)
            known |= {upstream.id: state.record(upstream.id).status for upstream in needed}
        return known

    def _repeat_set_ups(self, known: dict[str, Status]) -> None:
        """Reset the set-ups that must run again because the processes that they left running have ended."""
        if not any(job.fixtures for job in self.slice.jobs):
            return
        from canary_wf.run.retries import set_ups_to_repeat  # late: start-up

        for job in sorted(set_ups_to_repeat(self.slice.jobs, self.recorder.state.jobs, known)):
            say(f"to be run again: {self.names[job]}, because the processes it left running have ended")
            self.recorder(JobReset(time=time.time(), job=job))
            del known[job]

    def _run_jobs(self, workers: int | None) -> BatchScheduler:
        known = self._known()
        jobs = jobs_to_run(self.slice.jobs, known, self.paths)
        self._not_chosen = {job.id for job in self.slice.jobs}.difference(job.id for job in jobs)
        self._repeat_set_ups(known)
        progress = ProgressLog(self.slice, known, self.recorder.state.jobs)
        say(f"batch {self.slice.batch.id}: {progress.begins()}")
        allow_open_files(self.slice.batch)
        check, waiting = self.attempt.require_current, self.files.waiting
        with (
            open_pool(self.slice, require_current=check, alone=self._is_alone(), waiting=waiting) as pool,
            closing(progress),
            closing(OomKills()) as kills,
        ):
            self.hooks.add(progress)
            scheduler = BatchScheduler(
                isolate_suspects(jobs, self.recorder.state.jobs),
                known,
                self.names,
                capacity=Capacity(pool.pool, pool.memory, workers, pool.nodes, pool.generated),
                hooks=self.hooks,
                paths=self.paths,
                context=self._context(pool, progress, kills),
                attempt=self.attempt,
            )
            gc.freeze()  # these objects live to the end: do not scan them again and again
            gc.enable()
            with Orphans() as orphans, ProcessMonitor() as monitor:
                scheduler.run(monitor, self.watchdog, orphans)
                if held := scheduler.retained_ids:
                    keep_while_alive(pool.lease, held, orphans.unended)
        return scheduler

    def _is_alone(self) -> bool:
        """Return whether no other batch of the plan can run in this batch's Slurm allocation."""
        if self.slice.scheduler == "slurm":
            return True
        with os.scandir(self.paths.slice(self.slice.batch.id).parent) as slices:
            return len(list(itertools.islice(slices, 2))) == 1

    def _context(self, pool: BatchPool, progress: ProgressLog, kills: OomKills) -> RunContext:
        leased = {resource_type: items for resource_type, items in pool.pool.resources.items() if items}
        known = {**dict.fromkeys(pool.pool.types, ()), **self.slice.resource_pool["resources"], **leased}
        types = {resource_type: largest_id(items) for resource_type, items in known.items()}
        return RunContext(
            environment=base_environment(os.environ, types, self.attempt.token),
            retries=Retries(self.slice.retry, self.recorder.state.jobs),
            binding=Binding(everyone=self.bind, ids_are_cpus=pool.bindable, report=say),
            oom_kills=kills,
            tick=lambda: self._tick(progress),
            awaited=self.slice.awaited,
            ended=self.recorder.job_ended,
            show=self.recorder.show,
            failures=failure_limit_of(self.paths, self.slice.batch.id),
        )

    def _tick(self, progress: ProgressLog) -> float:
        progress.tick()
        return self.recorder.write_running()

    def _end_reason(self, scheduler: BatchScheduler) -> str:
        if scheduler.stopped_by is not None:
            return self._stop_reason()
        if scheduler.disk_was_full:
            return "disk_full"
        if scheduler.stopped_early:
            return "max_fail"
        if scheduler.unplaced:
            return "unplaced"
        is_left = any(not self.recorder.state.record(job).status.is_final for job in self._not_chosen)
        return "chosen" if is_left else "complete"

    def _stop_reason(self) -> str:
        spent = time.monotonic() - self._clock
        return "time_limit" if spent >= LIMIT_IS_NEAR * self.slice.batch.time_limit else "signal"

    def _conclude(self) -> None:
        self.recorder.catch_up()
        # A result that survives a power loss must not speak of verdicts that do not.
        self.recorder.sync()
        write_result(self.files.result, self.slice, self.recorder.state, self.started)
        result = self.expected
        if upstreams := self.slice.batch.dependencies:
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
