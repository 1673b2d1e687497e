"""The listener that keeps the state files: each event goes to the journal, then to the job's own `job.json`."""

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.job.events import AttemptEnded, AttemptStarted, Event, JobFinished, JobLaunched
from canary_wf.job.journal import BatchState, JournalWriter
from canary_wf.job.spec import JobSpec
from canary_wf.job.state_file import job_fields, write_job_file
from canary_wf.runtime.canary.notes import read_notes
from canary_wf.session_paths import SessionPaths, relative_to_out


class Recorder:
    """Writes the events of one batch; `specs` are its jobs by id, `upstreams` the dependencies of each as written."""

    def __init__(
        self,
        paths: SessionPaths,
        batch: str,
        specs: Mapping[str, JobSpec],
        upstreams: Mapping[str, Sequence[Mapping[str, str]]],
        state: BatchState,
    ) -> None:
        self._batch = batch
        self._specs = specs
        self._upstreams = upstreams
        self.state = state
        self._paths = paths
        self._out = str(paths.out)
        self._journal = JournalWriter(paths.batch(batch).journal)

    def __call__(self, event: Event) -> None:
        """Record `event`: first the journal, then what is derived from it."""
        self._journal.append(event)
        self.state.apply(event)
        if not isinstance(event, AttemptStarted | AttemptEnded | JobLaunched):
            try:
                self._write_job(event.job, ended=isinstance(event, JobFinished))
            except (OSError, WorkspaceError) as error:
                # The journal has it, and `job.json` only tells it once more: a job that took away its folder, or the
                # permission to write there, must not take its batch with it.
                sys.stderr.write(f"canary-wf: warning: the state file of job {event.job} is not written: {error}\n")

    def _write_job(self, job: str, *, ended: bool) -> None:
        spec = self._specs[job]
        folder = self._paths.job_folder(spec.directory)
        if ended and (attributes := read_notes(folder)[0]):
            spec = msgspec.structs.replace(spec, attributes={**spec.attributes, **attributes})
        _require_folder(folder)
        record = self.state.record(job)
        fields = job_fields(spec, self._batch, record, relative_to_out(folder, self._out))
        write_job_file(folder, fields, spec, record, self._upstreams.get(job, ()))

    def close(self) -> None:
        """Put the journal on the disk and close it."""
        self._journal.close(sync=True)


def _require_folder(folder: str) -> None:
    """Make `folder` when it is not there. Raises WorkspaceError when a job put a link in its place."""
    try:
        mode = os.lstat(folder).st_mode
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return
    if stat.S_ISLNK(mode):
        raise WorkspaceError("is a link now, which is not followed", where=folder)
