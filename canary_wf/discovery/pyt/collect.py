"""Reads test files in worker processes: one worker for a few files, up to one for each CPU for many.

An error names a file that takes too long or ends its process. The worker is replaced if other files still wait.
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
"""Time limit in seconds for executing one test file."""

_MEMORY_VARIABLE = "CANARY_WF_READING_MEMORY"
MEMORY_LIMIT = 2 << 30
"""Memory limit in bytes for a reader and the processes that test files start; CANARY_WF_READING_MEMORY overrides it."""

_MOST_STOPPED = 3
"""Files that take too long, or end their reader, before no further ones are read: each may take TIME_LIMIT."""

_FILES_A_WORKER = 40
"""Starting a process costs about as much as reading this many files."""


def read_files(
    files: Sequence[str],
    *,
    limit: float = TIME_LIMIT,
    workers: int | None = None,
    cache: ReadingCache | None = None,
) -> list[FileReading | InputError | None]:
    """Return the readings of `files` (absolute paths) in the same order, or why a file cannot be read.

    Files in `cache` are not read again. When reading was stopped for `_MOST_STOPPED` files, no further ones are read;
    they have None.
    """
    if cache is None:
        return _read(files, limit, workers)
    known = {file: reading for file in files if (reading := cache.get(file)) is not None}
    missing = [file for file in files if file not in known]
    fresh = dict(zip(missing, _read(missing, limit, workers), strict=True))
    for file, outcome in fresh.items():
        if isinstance(outcome, FileReading):
            cache.keep(file, outcome)
    return [known.get(file) or fresh[file] for file in files]


def _read(files: Sequence[str], limit: float, workers: int | None) -> list[FileReading | InputError | None]:
    if not files:
        return []
    count = workers or min(len(os.sched_getaffinity(0)), 1 + len(files) // _FILES_A_WORKER)
    pool = _WorkerPool(files, limit)
    try:
        pool.run(min(count, len(files)))
    finally:
        pool.close()
    return pool.results


def _memory_limit() -> int:
    """Return the memory limit of a reader in bytes. Raises UsageError if the variable is not a size."""
    text = os.environ.get(_MEMORY_VARIABLE)
    if not text:
        return MEMORY_LIMIT
    try:
        return parse_memory(text) << 20
    except InputError as error:
        raise UsageError(error.what, where=_MEMORY_VARIABLE, hint=error.hint) from None


class _WorkerPool:
    """The workers of one call, and their results so far."""

    def __init__(self, files: Sequence[str], limit: float) -> None:
        self.files = files
        self.limit = limit
        self.memory = _memory_limit()
        self.results: list[FileReading | InputError | None] = [None] * len(files)
        self.next = 0
        self.last = len(files)
        self.stopped = 0
        self.workers: set[Worker] = set()
        self.selector = selectors.DefaultSelector()

    def run(self, count: int) -> None:
        for _ in range(count):
            self._start_worker()
        while self.workers:
            soonest = min(worker.deadline for worker in self.workers)
            ready = self.selector.select(max(0.0, soonest - time.monotonic()))
            for key, _ in sorted(ready, key=lambda one: one[0].fileobj is one[0].data.end):  # replies before ends
                if key.data in self.workers:
                    self._receive(key.data, ended=key.fileobj is key.data.end)
            now = time.monotonic()
            for worker in [worker for worker in self.workers if worker.deadline <= now]:
                self._replace(worker, f"took longer than {self.limit:g} s to be read, so reading was stopped")

    def close(self) -> None:
        for worker in list(self.workers):
            self._stop_worker(worker)
        self.selector.close()

    def _start_worker(self) -> None:
        worker = Worker(self.memory)
        self.workers.add(worker)
        for source in (worker.replies, worker.end):
            self.selector.register(source, selectors.EVENT_READ, worker)
        self._assign(worker)

    def _assign(self, worker: Worker) -> None:
        if self.next >= self.last:
            self._stop_worker(worker)
            return
        worker.ask(self.next, self.files[self.next], self.limit)
        self.next += 1

    def _stop_worker(self, worker: Worker) -> None:
        self.workers.discard(worker)
        for source in (worker.replies, worker.end):
            self.selector.unregister(source)
        worker.close()

    def _receive(self, worker: Worker, *, ended: bool) -> None:
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
        self._stop_worker(worker)
        self.stopped += 1
        if self.stopped >= _MOST_STOPPED:
            self.last = self.next
        if self.next < self.last:
            self._start_worker()

    def _keep(self, worker: Worker, reply: Reply) -> None:
        index = worker.index
        assert index is not None
        if reply.error is None:
            self.results[index] = FileReading(reply.calls, reply.reads, reply.environment, reply.outside)
        else:
            self.results[index] = reply_error(self.files[index], reply)
