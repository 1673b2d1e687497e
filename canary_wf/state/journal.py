"""The journal of a batch: one line per event, appended by one writer, replayed by every reader.

It is the truth about the batch's jobs; everything else (`job.json`, results, reports) is derived from it. A line counts
once its line end is written. A torn line at the end of an attempt is the trace of a crash and is skipped; anywhere else
it is damage, which is noted and costs only that line. Each line names its attempt: lines that a runner writes after
another one claimed the batch do not count.
"""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.folder_removal import remove_anything
from canary_wf.files.json_files import encode, not_writable, sync_folder, write_all, write_atomic
from canary_wf.files.plain_files import open_own, read_plain
from canary_wf.state.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    JobFinished,
    JobLaunched,
    JobReset,
    JobRetried,
    JobStarted,
    fault_of,
)
from canary_wf.state.record import PENDING, JobRecord

CARRIED = "carried over"
"""The reason of an attempt that only took over verdicts from another session."""

_OWNER = 8
"""Characters of an attempt's token in each of its lines."""

_DEEPEST = 100
"""Maximal nesting of a line; what a job may note about itself nests half as deep."""

_NO_JOURNAL = frozenset({errno.EINVAL, errno.EFBIG, errno.ENOTDIR, errno.ENAMETOOLONG})
"""Errors caused by what lies at the journal's path, as opposed to a failing machine."""

_LOOK = 1.0
"""Seconds between two checks that the journal still has its name."""

_decoder = msgspec.json.Decoder(Event)


class JournalWriter:
    """Appends events to one journal. Each event is one `write`, so only a crash can leave a partial line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._signature = b"}\n"
        self._torn = b""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise not_writable(path, error) from error

    def _open(self) -> None:
        self._descriptor = open_own(self.path, os.O_RDWR | os.O_APPEND)
        found = os.fstat(self._descriptor)
        self._identity, self._size = (found.st_dev, found.st_ino), found.st_size
        self._next_look = time.monotonic() + _LOOK
        if found.st_size and os.pread(self._descriptor, 1, found.st_size - 1) != b"\n":
            write_all(self._descriptor, b"\n")  # ends a torn line
            self._size += 1

    def is_whole(self, *, look: bool = False) -> bool:
        """Return whether everything that was appended is still there: the file was not removed, replaced or cut.

        Whether another file has taken its name is checked once a second, and always with `look`.
        """
        now = time.monotonic()
        if look or now >= self._next_look:
            self._next_look = now + _LOOK
            try:
                found = os.stat(self.path, follow_symlinks=False)  # noqa: PTH116 - called for each event
            except OSError:
                return False
            return (found.st_dev, found.st_ino) == self._identity and found.st_size >= self._size
        found = os.fstat(self._descriptor)
        return found.st_nlink > 0 and found.st_size >= self._size

    def rewrite(self, events: Iterable[Event]) -> None:
        """Continue in a new file with `events` at the journal's path. Raises WorkspaceError."""
        rewrite_journal(self.path, events)
        try:
            os.close(self._descriptor)
            self._open()
        except OSError as error:
            raise not_writable(self.path, error) from error
        self._torn = b""

    def append(self, event: Event) -> None:
        """Append `event`. Raises WorkspaceError when the disk is full; then none of the line is left.

        If a partial line cannot be removed, nothing is appended until it can: after a torn line only another attempt
        may continue.
        """
        if isinstance(event, AttemptStarted):
            self._signature = b',"by":"%s"}\n' % event.token[:_OWNER].encode()
        line = encode(event)[:-1] + self._signature
        written = 0
        try:
            self._remove_torn_line()
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            self._size += written
        except OSError as error:
            self._torn = self._torn or line[:written]
            with contextlib.suppress(OSError):  # the line then stays torn, as after a crash
                self._remove_torn_line()
            raise not_writable(self.path, error) from error

    def _remove_torn_line(self) -> None:
        """Remove a partial line that was written before the disk was full. Raises OSError."""
        if not self._torn:
            return
        start = os.fstat(self._descriptor).st_size - len(self._torn)
        if start >= 0 and os.pread(self._descriptor, len(self._torn), start) == self._torn:
            os.ftruncate(self._descriptor, start)
        self._torn = b""

    def sync(self) -> None:
        """Return once everything appended is on the disk under the journal's name. Raises WorkspaceError."""
        try:
            os.fsync(self._descriptor)
            sync_folder(self.path.parent)
            sync_folder(self.path.parent.parent)
        except OSError as error:
            raise not_writable(self.path, error) from error

    def close(self) -> None:
        """Close the journal."""
        os.close(self._descriptor)


def rewrite_journal(path: Path, events: Iterable[Event]) -> None:
    """Write `events` as the journal at `path`; keep the old file beside it. Raises WorkspaceError."""
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            remove_anything(aside)
            try:
                os.link(path, aside, follow_symlinks=False)  # so that a journal exists at any moment
            except OSError:
                path.rename(aside)
    except OSError as error:
        raise not_writable(path, error) from error
    write_atomic(path, b"".join(encode(event) + b"\n" for event in events), sync=True)


class BatchState:
    """The state of a batch as folded from its journal: job records by id, and the attempts.

    `ends` has the time of each attempt's last event, `reasons` the reason why an attempt ended, by token; an attempt
    that died has none. `damage` describes what is wrong with the journal.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, JobRecord] = {}
        self.attempts: list[AttemptStarted] = []
        self.ends: list[float] = []
        self.reasons: dict[str, str] = {}
        self.last_end: AttemptEnded | None = None
        self.ended_by_limit = 0
        self.damage: str | None = None

    @property
    def attempt(self) -> AttemptStarted | None:
        """The newest attempt at the batch."""
        return self.attempts[-1] if self.attempts else None

    @property
    def is_open(self) -> bool:
        """Whether the newest attempt has no end yet."""
        return bool(self.attempts) and (self.last_end is None or self.last_end.token != self.attempts[-1].token)

    @property
    def was_run(self) -> bool:
        """Whether a runner ever worked on the batch; verdicts carried over from another session do not count."""
        return len(self.attempts) > 1 or self.is_open or (self.last_end is not None and self.last_end.reason != CARRIED)

    def record(self, job: str) -> JobRecord:
        """Return the record of `job`."""
        return self.jobs.get(job, PENDING)

    def apply(self, event: Event) -> None:
        """Fold one more event into the state."""
        if self.ends and not isinstance(event, AttemptStarted):
            self.ends[-1] = max(self.ends[-1], event.time)  # a verdict is recorded a moment after its time
        match event:
            case AttemptStarted():
                self.attempts.append(event)
                self.ends.append(event.time)
            case AttemptEnded():
                self.last_end = event
                self.reasons[event.token] = event.reason
                self.ended_by_limit += event.reason == "time_limit"
            case JobStarted():
                slurm_job_id = self.attempts[-1].slurm_job_id if self.attempts else None
                self.jobs[event.job] = self.jobs.get(event.job, PENDING).start(event, slurm_job_id)
            case JobLaunched():
                self.jobs[event.job] = self.jobs.get(event.job, PENDING).launch(event)
            case JobFinished():
                self.jobs[event.job] = self.jobs.get(event.job, PENDING).finish(event)
            case JobRetried():
                self.jobs[event.job] = self.jobs.get(event.job, PENDING).retry(event)
            case JobReset():
                self.jobs.pop(event.job, None)


def read_journal(path: Path) -> BatchState:
    """Return the state folded from the journal at `path`; a missing journal gives an empty state.

    Lines that are not events, or a path that is not a journal, are skipped and noted as `damage`. Raises WorkspaceError
    when the system does not permit reading.
    """
    state = BatchState()

    def note(damage: str) -> None:
        state.damage = state.damage or damage

    for event in read_events(path, note):
        state.apply(event)
    return state


def read_events(path: Path, damaged: Callable[[str], None]) -> Iterator[Event]:
    """Yield the valid events in the journal at `path`, in order; report damage to `damaged`.

    Raises as `read_journal` does.
    """
    owner = ""
    for event in _lines(path, damaged):
        if isinstance(event, AttemptStarted):
            owner = owner_of(event)
        if not event.by or event.by == owner:
            yield event


def owner_of(event: AttemptStarted) -> str:
    """Return what the lines of this attempt call it."""
    return event.token[:_OWNER]


def _lines(path: Path, damaged: Callable[[str], None]) -> Iterator[Event]:
    try:
        # Text after the last line end is still being written, or its writer died.
        lines = read_plain(path).split(b"\n")[:-1]
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _NO_JOURNAL:
            raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
        damaged(f"{path.name} cannot be read ({error.strerror})")
        return
    torn: str | None = None
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            event = event_of(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            message = f"{path.name}:{number} is damaged ({error})"
            if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
                # Possibly torn. Several runners in a row may be killed, or find a full disk.
                torn = torn or message
            else:
                damaged(message)
            continue
        if torn is not None and not isinstance(event, AttemptStarted):
            damaged(torn)
        torn = None
        yield event


def event_of(line: bytes) -> Event:
    """Return the event of `line`. Raises ValueError and msgspec errors for a line that no runner writes."""
    if line.count(b"[") + line.count(b"{") > _DEEPEST:
        _check_depth(line)
    event = _decoder.decode(line)
    fault = fault_of(event)
    if fault is not None:
        raise ValueError(fault)
    return event


def _check_depth(line: bytes) -> None:
    """Raise ValueError for a line that nests too deep to be encoded again; brackets in strings count, too."""
    depth = 0
    for character in line:
        depth += (character in b"[{") - (character in b"]}")
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST} levels")
