"""What the batches of a run wait for that have no job running: Slurm, ids that others hold, or other batches."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from canary_wf.errors import one_line
from canary_wf.report.live.queue import SlurmQueue
from canary_wf.report.live.run_reader import BatchReader, RunReader
from canary_wf.state.waiting import SUBMISSION, read_waiting
from canary_wf.wording import count

_TURN = "not started yet"
_QUEUE = "waiting in Slurm's queue"


class Wait(NamedTuple):
    """What some batches wait for, and how many they are; `is_outside` if nothing in the run itself holds them up."""

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
        busy = {batch.batch.id for _, batch in run.running.values()}
        waiting = [batch for batch in run.batches if not batch.is_done and batch.batch.id not in busy]
        self._ask({batch.slurm_job for batch in waiting if batch.is_submitted and batch.slurm_job is not None})
        undone = {batch.batch.id for batch in run.batches if not batch.is_done}
        outside: dict[str, list[BatchReader]] = defaultdict(list)
        inside: dict[str, list[BatchReader]] = defaultdict(list)
        for batch in waiting:
            if batch.alive:
                found = read_waiting(batch.files.waiting)
                if found is not None:
                    outside[str(found)].append(batch)
            elif batch.is_submitted:
                outside[one_line(self._queue.reason(batch.slurm_job or "") or _QUEUE)].append(batch)
            elif (reason := batch.refusal) is not None:
                outside[one_line(reason)].append(batch)
            else:
                inside[_for_others([name for name in batch.batch.dependencies if name in undone])].append(batch)
        refused = read_waiting(run.paths.out / SUBMISSION) if waiting else None
        whole = [] if refused is None else [Wait(str(refused), "Slurm", is_outside=True)]
        return [*whole, *_worded(outside, is_outside=True), *_worded(inside, is_outside=False)]

    def _ask(self, submitted: set[str]) -> None:
        if self._patient:
            self._queue.look(submitted)
        elif submitted and not (self._question is not None and self._question.is_alive()):
            self._question = threading.Thread(target=self._queue.look, args=(submitted,), daemon=True)
            self._question.start()


def _for_others(batches: list[str]) -> str:
    return f"waiting for batch {batches[0]}" if len(batches) == 1 else "waiting for other batches" if batches else _TURN


def _worded(groups: dict[str, list[BatchReader]], *, is_outside: bool) -> Iterator[Wait]:
    for what, batches in sorted(groups.items(), key=lambda group: (group[0] == _TURN, -len(group[1]), group[0])):
        jobs = count(sum(batch.open for batch in batches), "job")
        first = f"batch {batches[0].batch.id}" if len(batches) == 1 else count(len(batches), "batch", "batches")
        yield Wait(what, f"{first} ({jobs})", is_outside)
