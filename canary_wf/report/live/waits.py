"""What the batches of a run wait for: Slurm, ids that others hold, other batches, or jobs that run now."""

import threading
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from canary_wf.errors import one_line
from canary_wf.report.live.queue import SlurmQueue
from canary_wf.report.live.run_reader import BatchReader, RunReader
from canary_wf.state.waiting import SUBMISSION, read_waiting
from canary_wf.wording import count

_RUNNING = "waiting for jobs that run now"
"""Said of jobs whose batch runs, not of a whole batch."""

_TURN = "not started yet"
_QUEUE = "waiting in Slurm's queue"


class Wait(NamedTuple):
    """What some batches wait for, and which: their jobs without a verdict, or the rest of them in batches that run.

    `is_outside` if nothing in the run itself holds them up.
    """

    what: str
    batches: str
    is_outside: bool

    def __str__(self) -> str:
        return f"{self.batches}: {self.what}"


class Waits:
    """Tells what the batches of one run wait for; unless it is `patient`, an answer of Slurm counts when it comes."""

    def __init__(self, *, patient: bool = False) -> None:
        self._queue = SlurmQueue()
        self._patient = patient
        self._question: threading.Thread | None = None

    def of(self, run: RunReader) -> list[Wait]:
        """Return what batches wait for, things outside of the run first."""
        busy = Counter(batch.batch.id for _, batch in run.running.values())
        unfinished = {batch.batch.id: batch for batch in run.batches if not batch.is_done}
        waiting = [batch for name, batch in unfinished.items() if name not in busy]
        self._ask({batch.slurm_job for batch in waiting if batch.is_submitted and batch.slurm_job is not None})
        groups: dict[tuple[str, bool], list[BatchReader]] = defaultdict(list)
        for batch in waiting:
            if found := self._reason(batch, unfinished):
                groups[found].append(batch)
        groups[_RUNNING, False] = [unfinished[name] for name in busy if unfinished[name].open > busy[name]]
        refused = read_waiting(run.paths.out / SUBMISSION) if waiting else None
        whole = [] if refused is None else [Wait(str(refused), "Slurm", is_outside=True)]
        return [*whole, *_worded(groups, busy)]

    def _reason(self, batch: BatchReader, unfinished: Container[str]) -> tuple[str, bool] | None:
        """Return what `batch` waits for, and whether that is outside of the run; None for a moment of its start."""
        if batch.alive:
            found = read_waiting(batch.files.waiting)
            return None if found is None else (str(found), True)
        if batch.is_submitted:
            return one_line(self._queue.reason(batch.slurm_job or "") or _QUEUE), True
        if batch.refusal is not None:
            return one_line(batch.refusal), True
        needs = [name for name in batch.batch.dependencies if name in unfinished]
        if len(needs) == 1:
            return f"waiting for batch {needs[0]}", False
        return "waiting for other batches" if needs else _TURN, False

    def _ask(self, submitted: set[str]) -> None:
        if self._patient:
            self._queue.look(submitted)
        elif submitted and self._queue.is_due and not (self._question is not None and self._question.is_alive()):
            self._question = threading.Thread(target=self._queue.look, args=(submitted,), daemon=True)
            self._question.start()


_Groups = Mapping[tuple[str, bool], Sequence[BatchReader]]
"""Batches by what they wait for, and whether that is outside of the run."""


def _worded(groups: _Groups, busy: Mapping[str, int]) -> Iterator[Wait]:
    """Yield what the batches of `groups` wait for; `busy` counts the jobs of a batch that do not wait."""

    def rank(key: tuple[str, bool]) -> tuple[object, ...]:
        what, is_outside = key
        return not is_outside, what == _TURN, -len(groups[key]), what

    for what, is_outside in sorted(groups, key=rank):
        batches = groups[what, is_outside]
        jobs = count(sum(batch.open - busy.get(batch.batch.id, 0) for batch in batches), "job")
        if batches:
            named = f"batch {batches[0].batch.id}" if len(batches) == 1 else count(len(batches), "batch", "batches")
            whom = f"{jobs} of {named}" if what == _RUNNING else f"{named} ({jobs})"
            yield Wait(what, whom, is_outside)
