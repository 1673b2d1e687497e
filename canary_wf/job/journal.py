"""The journal of a batch: one line an event, appended by one writer, replayed by every reader.

It is the truth about the batch's jobs; everything else (`job.json`, results, reports) is derived from it. A line
that a crash cut short ends an attempt, so it is passed over there and nowhere else.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.job.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    JobFinished,
    JobLaunched,
    JobReset,
    JobRetried,
    JobStarted,
)
from canary_wf.job.record import PENDING, JobRecord
from canary_wf.json_files import encode, not_writable, write_all

CARRIED = "carried over"
"""The reason with which an attempt ends that only took over verdicts from another session."""

_decoder = msgspec.json.Decoder(Event)


class JournalWriter:
    """Appends events to one journal; each is one `write`, so a reader sees whole lines but for a crash's last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            self._end_torn_line()
        except OSError as error:
            raise not_writable(path, error) from error

    def _end_torn_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            write_all(self._descriptor, b"\n")

    def append(self, event: Event) -> None:
        """Append `event`. Raises WorkspaceError when the disk does not take it."""
        try:
            write_all(self._descriptor, encode(event) + b"\n")
        except OSError as error:
            raise not_writable(self.path, error) from error

    def close(self, *, sync: bool = False) -> None:
        """Close the journal; with `sync` its bytes are on the disk first."""
        if sync:
            os.fsync(self._descriptor)
        os.close(self._descriptor)


class BatchState:
    """What a batch's journal says: the jobs' records by id, and the newest attempt."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobRecord] = {}
        self.attempts: list[AttemptStarted] = []
        self.last_end: AttemptEnded | None = None
        self.ended_by_limit = 0

    @property
    def attempt(self) -> AttemptStarted | None:
        """The newest attempt at the batch."""
        return self.attempts[-1] if self.attempts else None

    @property
    def is_open(self) -> bool:
        """Whether the newest attempt has not said that it ended."""
        return bool(self.attempts) and (self.last_end is None or self.last_end.token != self.attempts[-1].token)

    @property
    def was_run(self) -> bool:
        """Whether a runner ever worked on the batch; verdicts carried over from another session are no run."""
        return len(self.attempts) > 1 or self.is_open or (self.last_end is not None and self.last_end.reason != CARRIED)

    def record(self, job: str) -> JobRecord:
        """Return what is known of `job`."""
        return self.jobs.get(job, PENDING)

    def apply(self, event: Event) -> None:
        """Take one more event into account."""
        match event:
            case AttemptStarted():
                self.attempts.append(event)
            case AttemptEnded():
                self.last_end = event
                self.ended_by_limit += event.reason == "time_limit"
            case JobStarted():
                slurm_job_id = self.attempt.slurm_job_id if self.attempt else None
                self.jobs[event.job] = self.record(event.job).start(event, slurm_job_id)
            case JobLaunched():
                self.jobs[event.job] = self.record(event.job).launch(event)
            case JobFinished():
                self.jobs[event.job] = self.record(event.job).finish(event)
            case JobRetried():
                self.jobs[event.job] = self.record(event.job).retry(event)
            case JobReset():
                self.jobs.pop(event.job, None)


def read_journal(path: Path) -> BatchState:
    """Return what the journal at `path` says; a journal that is not there says nothing.

    Raises WorkspaceError for a journal that cannot be read or has a broken line inside an attempt.
    """
    state = BatchState()
    for event in _events(path):
        state.apply(event)
    return state


def _events(path: Path) -> Iterator[Event]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
    torn: int | None = None
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            event = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if torn is not None:
                raise _damaged(path, torn) from None
            torn = number
            continue
        if torn is not None and not isinstance(event, AttemptStarted):
            raise _damaged(path, torn)
        torn = None
        yield event


def _damaged(path: Path, line: int) -> WorkspaceError:
    return WorkspaceError("is damaged", where=f"{path}:{line}", hint="start a new session with generate")
