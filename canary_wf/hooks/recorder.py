"""The listener that keeps the state files: each event goes to the journal, then to the job's own `job.json`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from canary_wf.job.events import AttemptEnded, AttemptStarted, Event, JobLaunched
from canary_wf.job.journal import BatchState, JournalWriter
from canary_wf.job.spec import JobSpec
from canary_wf.job.state_file import job_fields, write_job_file
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
        self._paths = paths
        self._batch = batch
        self._specs = specs
        self._upstreams = upstreams
        self.state = state
        self._journal = JournalWriter(paths.batch(batch).journal)

    def __call__(self, event: Event) -> None:
        """Record `event`: first the journal, then what is derived from it."""
        self._journal.append(event)
        self.state.apply(event)
        if not isinstance(event, AttemptStarted | AttemptEnded | JobLaunched):
            self._write_job(event.job)

    def _write_job(self, job: str) -> None:
        spec = self._specs[job]
        folder = self._paths.job(spec.directory)
        folder.mkdir(parents=True, exist_ok=True)
        record = self.state.record(job)
        directory = relative_to_out(folder, self._paths.out)
        fields = job_fields(spec, self._batch, record, directory)
        write_job_file(folder, fields, spec, record, self._upstreams.get(job, ()))

    def close(self) -> None:
        """Put the journal on the disk and close it."""
        self._journal.close(sync=True)


def upstream_entries(edges: Sequence[tuple[str, str, str, str]], paths: SessionPaths) -> list[dict[str, str]]:
    """Return ``(id, name, when, directory)`` edges as `job.json` writes them, the directory as an absolute path."""
    return [
        {"id": identity, "name": name, "when": when, "directory": str(Path(paths.job(directory)))}
        for identity, name, when, directory in edges
    ]
