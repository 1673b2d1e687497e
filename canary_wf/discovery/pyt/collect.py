"""Reading test files in worker processes: one for a few files, up to one a CPU for many.

A file that takes too long, or that ends its process, is named; the worker is replaced where others still wait.
"""

import os
import selectors
import time
from collections.abc import Sequence

from canary_wf.discovery.pyt.protocol import FileReading, Reply
from canary_wf.discovery.pyt.worker import Worker, reply_error
from canary_wf.discovery.reading_cache import ReadingCache
from canary_wf.errors import InputError, UsageError
from canary_wf.resources.memory_size import parse_memory

TIME_LIMIT = 30.0
"""Seconds that executing one test file may take."""

_MEMORY_VARIABLE = "CANARY_WF_READING_MEMORY"
MEMORY_LIMIT = 2 << 30
"""Bytes that a reader may take, with what test files start, unless CANARY_WF_READING_MEMORY says otherwise."""

_FILES_A_WORKER = 40
"""Starting a process costs about as much as reading this many files."""


def read_files(
    files: Sequence[str],
    *,
    limit: float = TIME_LIMIT,
    workers: int | None = None,
    cache: ReadingCache | None = None,
) -> list[FileReading]:
    """Return what each of `files` (absolute paths) says, in the same order; what `cache` holds is not read again.

    Raises InputError about the first file, in this order, that cannot be read.
    """
    if cache is None:
        return _read(files, limit, workers)
    known = {file: reading for file in files if (reading := cache.get(file)) is not None}
    missing = [file for file in files if file not in known]
    fresh = dict(zip(missing, _read(missing, limit, workers), strict=True))
    for file, reading in fresh.items():
        cache.keep(file, reading)
    return [known.get(file) or fresh[file] for file in files]


def _read(files: Sequence[str], limit: float, workers: int | None) -> list[FileReading]:
    if not files:
        return []
    count = workers or min(len(os.sched_getaffinity(0)), 1 + len(files) // _FILES_A_WORKER)
    crew = _Crew(files, limit)
    try:
        crew.run(min(count, len(files)))
    finally:
        crew.close()
    return crew.readings()


def _memory_limit() -> int:
    """Return the bytes that a reader may take. Raises UsageError for what is not a size."""
    text = os.environ.get(_MEMORY_VARIABLE)
    if not text:
        return MEMORY_LIMIT
    try:
        return parse_memory(text) << 20
    except InputError as error:
        raise UsageError(error.what, where=_MEMORY_VARIABLE, hint=error.hint) from None


class _Crew:
    """The workers of one call, and what they have found so far."""

    def __init__(self, files: Sequence[str], limit: float) -> None:
        self.files = files
        self.limit = limit
        self.memory = _memory_limit()
        self.results: list[FileReading | None] = [None] * len(files)
        self.next = 0
        self.last = len(files)
        self.error: InputError | None = None
        self.workers: set[Worker] = set()
        self.selector = selectors.DefaultSelector()

    def run(self, count: int) -> None:
        for _ in range(count):
            self._hire()
        while self.workers:
            soonest = min(worker.deadline for worker in self.workers)
            heard = self.selector.select(max(0.0, soonest - time.monotonic()))
            for key, _ in sorted(heard, key=lambda one: one[0].fileobj is one[0].data.end):  # replies before ends
                if key.data in self.workers:
                    self._hear(key.data, ended=key.fileobj is key.data.end)
            now = time.monotonic()
            for worker in [worker for worker in self.workers if worker.deadline <= now]:
                self._replace(worker, f"took longer than {self.limit:g} s to be read, so reading was stopped")

    def close(self) -> None:
        for worker in list(self.workers):
            self._dismiss(worker)
        self.selector.close()

    def readings(self) -> list[FileReading]:
        if self.error is not None:
            raise self.error
        return [reading for reading in self.results if reading is not None]

    def _hire(self) -> None:
        worker = Worker(self.memory)
        self.workers.add(worker)
        for source in (worker.replies, worker.end):
            self.selector.register(source, selectors.EVENT_READ, worker)
        self._assign(worker)

    def _assign(self, worker: Worker) -> None:
        if self.next >= self.last:
            self._dismiss(worker)
            return
        worker.ask(self.next, self.files[self.next], self.limit)
        self.next += 1

    def _dismiss(self, worker: Worker) -> None:
        self.workers.discard(worker)
        for source in (worker.replies, worker.end):
            self.selector.unregister(source)
        worker.close()

    def _hear(self, worker: Worker, *, ended: bool) -> None:
        try:
            reply = None if ended else worker.receive()
        except EOFError:
            ended = True
        if ended:
            self._replace(worker, worker.death())
            return
        if reply is not None:
            self._keep(worker, reply)
            self._assign(worker)

    def _replace(self, worker: Worker, reason: str) -> None:
        self._keep(worker, Reply(error=reason))
        self._dismiss(worker)
        if self.next < self.last:
            self._hire()

    def _keep(self, worker: Worker, reply: Reply) -> None:
        index = worker.index
        assert index is not None
        if reply.error is None:
            self.results[index] = FileReading(reply.calls, reply.reads, reply.environment, reply.outside)
        elif index < self.last:
            # Files behind this one no longer matter; those before it may still hold the first error.
            self.last = index
            self.error = reply_error(self.files[index], reply)
