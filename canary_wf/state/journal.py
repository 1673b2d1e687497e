"""The journal of a batch: one line an event, appended by one writer, replayed by every reader.

It is the truth about the batch's jobs; everything else (`job.json`, results, reports) is derived from it. A line
counts once its end is there. What a crash cut short ends an attempt, so it is passed over there; anywhere else it is
damage, which is noted, and costs only what stood in that line. Each line says whose it is: what a runner writes after
another one took the batch does not count.
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
"""The reason with which an attempt ends that only took over verdicts from another session."""

_OWNER = 8
"""Characters of an attempt's token that its lines bear."""

_DEEPEST = 100
"""Levels of lists and mappings in a line; what a job may note of itself has half as many."""

_NO_JOURNAL = frozenset({errno.EINVAL, errno.EFBIG, errno.ENOTDIR, errno.ENAMETOOLONG})
"""Errors that come from what lies in the journal's place, and not from a machine in trouble."""

_LOOK = 1.0
"""Seconds between two looks at whether the journal is still under its name."""

_decoder = msgspec.json.Decoder(Event)


class JournalWriter:
    """Appends events to one journal; each is one `write`, so a reader sees whole lines but for a crash's last."""

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
            write_all(self._descriptor, b"\n")  # the end of a line that was cut short
            self._size += 1

    def is_whole(self, *, look: bool = False) -> bool:
        """Return whether all that was appended is still there: nobody removed, replaced or cut the file.

        Whether another file has its name is looked up once a second, and when asked to `look`.
        """
        now = time.monotonic()
        if look or now >= self._next_look:
            self._next_look = now + _LOOK
            try:
                found = os.stat(self.path, follow_symlinks=False)  # noqa: PTH116 - asked for each event
            except OSError:
                return False
            return (found.st_dev, found.st_ino) == self._identity and found.st_size >= self._size
        found = os.fstat(self._descriptor)
        return found.st_nlink > 0 and found.st_size >= self._size

    def renew(self, events: Iterable[Event]) -> None:
        """Go on in a new file with `events`, which takes the journal's place. Raises WorkspaceError."""
        renew_journal(self.path, events)
        try:
            os.close(self._descriptor)
            self._open()
        except OSError as error:
            raise not_writable(self.path, error) from error
        self._torn = b""

    def append(self, event: Event) -> None:
        """Append `event`. Raises WorkspaceError when the disk does not take it; then nothing of it is there.

        Where the disk does not even give back the part that it took, nothing is appended until it does: after a line
        that was cut short, only another attempt may go on.
        """
        if isinstance(event, AttemptStarted):
            self._signature = b',"by":"%s"}\n' % event.token[:_OWNER].encode()
        line = encode(event)[:-1] + self._signature
        written = 0
        try:
            self._take_back()
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            self._size += written
        except OSError as error:
            self._torn = self._torn or line[:written]
            with contextlib.suppress(OSError):  # then the line is torn, as after a crash
                self._take_back()
            raise not_writable(self.path, error) from error

    def _take_back(self) -> None:
        """Remove the part of a line that was written before the disk was full. Raises OSError."""
        if not self._torn:
            return
        start = os.fstat(self._descriptor).st_size - len(self._torn)
        if start >= 0 and os.pread(self._descriptor, len(self._torn), start) == self._torn:
            os.ftruncate(self._descriptor, start)
        self._torn = b""

    def sync(self) -> None:
        """Return once all that was appended is on the disk, under the journal's name. Raises WorkspaceError."""
        try:
            os.fsync(self._descriptor)
            sync_folder(self.path.parent)
            sync_folder(self.path.parent.parent)
        except OSError as error:
            raise not_writable(self.path, error) from error

    def close(self) -> None:
        """Close the journal."""
        os.close(self._descriptor)


def renew_journal(path: Path, events: Iterable[Event]) -> None:
    """Write `events` as the journal at `path`; what lies there is kept beside it. Raises WorkspaceError."""
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            remove_anything(aside)
            try:
                os.link(path, aside, follow_symlinks=False)  # so there is a journal at any moment
            except OSError:
                path.rename(aside)
    except OSError as error:
        raise not_writable(path, error) from error
    write_atomic(path, b"".join(encode(event) + b"\n" for event in events), sync=True)


class BatchState:
    """What a batch's journal says: the jobs' records by id, and the attempts at it.

    `ends` has for each attempt the time of its last event, `reasons` why an attempt ended, by its token; an attempt
    that died says nothing. `damage` says what is wrong with the journal, in words.
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
        """Whether the newest attempt has not said that it ended."""
        return bool(self.attempts) and (self.last_end is None or self.last_end.token != self.attempts[-1].token)

    @property
    def was_run(self) -> bool:
        """Whether a runner ever worked on the batch; verdicts carried over from another session do not count."""
        return len(self.attempts) > 1 or self.is_open or (self.last_end is not None and self.last_end.reason != CARRIED)

    def record(self, job: str) -> JobRecord:
        """Return what is known of `job`."""
        return self.jobs.get(job, PENDING)

    def apply(self, event: Event) -> None:
        """Take one more event into account."""
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
    """Return what the journal at `path` says; a journal that is not there says nothing.

    What cannot be a journal's, one line or the whole file, is passed over and noted as its `damage`. Raises
    WorkspaceError where the system does not let it be read.
    """
    state = BatchState()

    def note(damage: str) -> None:
        state.damage = state.damage or damage

    for event in read_events(path, note):
        state.apply(event)
    return state


def read_events(path: Path, damaged: Callable[[str], None]) -> Iterator[Event]:
    """Yield the events in the journal at `path` that count, in order; call `damaged` with what is wrong with it.

    Raises as `read_journal` does.
    """
    owner = ""
    for event in _lines(path, damaged):
        if isinstance(event, AttemptStarted):
            owner = event.token[:_OWNER]
        if not event.by or event.by == owner:
            yield event


def _lines(path: Path, damaged: Callable[[str], None]) -> Iterator[Event]:
    try:
        # What follows the last line's end is being written, or was when its writer died.
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
            event = _decoded(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            told = f"{path.name}:{number} is damaged ({error})"
            if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
                # Cut short, perhaps. Runners may be killed, or find a full disk, one after the other.
                torn = torn or told
            else:
                damaged(told)
            continue
        if torn is not None and not isinstance(event, AttemptStarted):
            damaged(torn)
        torn = None
        yield event


def _decoded(line: bytes) -> Event:
    """Return the event of `line`. Raises ValueError and errors of msgspec for a line that no runner writes."""
    if line.count(b"[") + line.count(b"{") > _DEEPEST:
        _check_depth(line)
    event = _decoder.decode(line)
    fault = fault_of(event)
    if fault is not None:
        raise ValueError(fault)
    return event


def _check_depth(line: bytes) -> None:
    """Raise ValueError for a line that nests so deep that who writes it again could not; quoted brackets count too."""
    depth = 0
    for character in line:
        depth += (character in b"[{") - (character in b"]}")
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST} levels")
