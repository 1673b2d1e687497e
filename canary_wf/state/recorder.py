"""The listener that writes the state files: each event goes to the journal, then to the job's own `job.json`."""

import math
import os
import stat
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError, one_line
from canary_wf.files.json_files import MACHINE_FAULTS, remove_half_written
from canary_wf.files.plain_files import require_no_links
from canary_wf.runtime.canary.notes import read_notes
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.attempt import SupersededError, read_attempt
from canary_wf.state.events import AttemptEnded, AttemptStarted, Event, JobFinished, JobLaunched, JobStarted
from canary_wf.state.job_file import STATE_FILE, is_up_to_date, job_fields, write_job_file
from canary_wf.state.journal import BatchState, JournalWriter, read_journal
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths, relative_to_out
from canary_wf.verdict.status import JobPhase

WRITTEN_AFTER = 0.1
"""Seconds that a job runs before its state file says so; short jobs are thus written only once, at their end."""

_WITHOUT_STATE_FILE = (AttemptStarted, AttemptEnded, JobLaunched)
"""Events that change no state file."""


class Recorder:
    """Writes the events of one batch. `specs` are its jobs by id, `upstreams` the entries of their dependencies.

    `require_current` is called before each write, and raises when the batch belongs to another runner by now.
    """

    def __init__(
        self,
        paths: SessionPaths,
        batch: str,
        specs: Mapping[str, JobSpec],
        upstreams: Mapping[str, Sequence[Mapping[str, str]]],
        state: BatchState,
        require_current: Callable[[], None],
    ) -> None:
        self._batch = batch
        self._specs = specs
        self._upstreams = upstreams
        self.state = state
        self.unwritten: set[str] = set()
        self._is_new = not state.attempts
        self._token = ""
        self._unwritten_starts: dict[str, float] = {}
        self._require_current = require_current
        self._paths = paths
        self._out = str(paths.out)
        self._jobs = str(paths.jobs)
        self._journal = JournalWriter(paths.batch(batch).journal)
        self._listeners: list[Callable[[Event], None]] = []

    def add_listener(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` for every event once it is recorded."""
        self._listeners.append(listener)

    def __call__(self, event: Event) -> None:
        """Record `event` in the journal, then in the derived files; then call the listeners."""
        self._require_current()
        can_wait = isinstance(event, JobStarted) and self._can_wait(event.job)
        if isinstance(event, AttemptStarted):
            self._token = event.token
        if not self._journal.is_whole():
            self._rewrite_journal()
        self._journal.append(event)
        self.state.apply(event)
        if not isinstance(event, _WITHOUT_STATE_FILE):
            if can_wait:
                self._unwritten_starts[event.job] = time.monotonic() + WRITTEN_AFTER
            else:
                self._unwritten_starts.pop(event.job, None)
                self._require_current()
                self._try_job(event.job, ended=isinstance(event, JobFinished))
        for listener in self._listeners:
            listener(event)

    def _rewrite_journal(self) -> None:
        """Rewrite the journal: everything that was removed or cut is known here.

        Raises WorkspaceError when the batch belongs to another runner, or its attempt file is gone as well.
        """
        attempt = read_attempt(self._paths.batch(self._batch).attempt)
        if attempt is None:
            hint = "see which job does that"
            raise WorkspaceError("its state was removed while it ran", where=f"batch {self._batch}", hint=hint)
        if attempt.token != self._token:
            raise SupersededError(self._batch)
        message = "its journal was removed or cut while it ran, and is written anew"
        sys.stderr.write(f"canary-wf: warning: batch {self._batch}: {message}\n")
        from canary_wf.state.journal_repair import events_of  # late: start-up

        self._journal.rewrite(events_of(self.state))

    def _can_wait(self, job: str) -> bool:
        """Return whether nobody needs to read at once that `job` runs: no script of its own, and no older file."""
        return self._is_new and job not in self.state.jobs and job in self._specs and not self._specs[job].uses_runtime

    def write_running(self) -> float:
        """Write the state files of jobs that have run long enough; return the seconds until the next one is due."""
        while self._unwritten_starts:
            job, due = next(iter(self._unwritten_starts.items()))
            left = due - time.monotonic()
            if left > 0:
                return left
            del self._unwritten_starts[job]
            self._require_current()
            self._try_job(job, ended=False)
        return math.inf

    def job_ended(self, job: str) -> None:
        """Take note that `job` no longer runs, so that its state file waits for the verdict."""
        self._unwritten_starts.pop(job, None)

    def show(self, event: JobFinished) -> None:
        """Write a verdict that is not recorded yet to the job's state file; only the journal decides what stands."""
        self._require_current()
        self._try_job(event.job, self.state.record(event.job).finish(event), ended=True)

    def _try_job(self, job: str, record: JobRecord | None = None, *, ended: bool) -> None:
        self.unwritten.discard(job)
        try:
            self._write_job(job, record or self.state.record(job), ended=ended)
        except (OSError, WorkspaceError) as error:
            # The journal has the event; `job.json` only repeats it. A job that removed its folder, or made it
            # read-only, must not fail its batch. What the disk refused is written later.
            if _is_refused(error):
                self.unwritten.add(job)
            sys.stderr.write(
                f"canary-wf: warning: the state file of job {one_line(job)} is not written: {one_line(str(error))}\n"
            )

    def catch_up(self) -> None:
        """Write the state files that the disk refused before. Raises WorkspaceError when it still refuses them."""
        for job in sorted(self.unwritten):
            self._try_job(job, ended=self.state.record(job).phase is JobPhase.DONE)
        if self.unwritten:
            raise WorkspaceError("state files could not be written", where=self._batch, hint="free some space")

    def recover(self) -> None:
        """Reread the journal, which is ours now, and repair the files derived from it after a runner died."""
        self.state = read_journal(self._journal.path)
        remove_half_written(self._paths.batch(self._batch).folder, self._paths.batch(self._batch).result.name)
        for job, spec in self._specs.items():
            folder = self._paths.job(spec.directory)
            remove_half_written(folder, STATE_FILE)
            record = self.state.jobs.get(job)
            if record is not None and not is_up_to_date(folder, record):
                self._try_job(job, ended=record.phase is JobPhase.DONE)

    def _write_job(self, job: str, record: JobRecord, *, ended: bool) -> None:
        spec = self._specs.get(job)
        if spec is None:
            raise WorkspaceError("the plan's slice has changed and lacks this job", where=f"batch {self._batch}")
        folder = self._paths.job_folder(spec.directory)
        if ended and spec.uses_runtime and (attributes := read_notes(folder)[0]):
            spec = msgspec.structs.replace(spec, attributes={**spec.attributes, **attributes})
        _require_folder(folder, self._jobs)
        fields = job_fields(spec, self._batch, record, relative_to_out(folder, self._out))
        write_job_file(folder, fields, spec, record, self._upstreams.get(job, ()))

    @property
    def jobs(self) -> Mapping[str, JobSpec]:
        """The batch's jobs by id."""
        return self._specs

    def close(self, *, sync: bool = True) -> None:
        """Sync the journal to the disk unless that is unnecessary, and close it."""
        try:
            if sync:
                self.sync()
        finally:
            self._journal.close()

    def sync(self) -> None:
        """Return once the journal is on the disk, under its name and with every recorded event."""
        if not self._journal.is_whole(look=True):
            self._rewrite_journal()
        self._journal.sync()


def _is_refused(error: OSError | WorkspaceError) -> bool:
    """Return whether the machine caused the error, and not what the job did to its folder."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in MACHINE_FAULTS


def _require_folder(folder: str, jobs: str) -> None:
    """Make `folder`, which lies in the folder of all `jobs`, if it does not exist.

    Raises WorkspaceError when a job replaced it by a link, OSError for a link on the way to it.
    """
    try:
        if folder.startswith(jobs):
            require_no_links(jobs, folder)
        mode = os.lstat(folder).st_mode
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return
    if stat.S_ISLNK(mode):
        raise WorkspaceError("is a link now, which is not followed", where=folder)
