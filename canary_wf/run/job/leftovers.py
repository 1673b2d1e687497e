"""What tests of CTest leave running for later ones: the server that a fixture's set-up starts, say.

It lives until the tests of the batch that depend on the one that started it have their verdicts, the clean-up being
one of them; and to the end of the batch where tests of other batches wait for it, which it cannot serve.
"""

from collections.abc import Collection, Iterator

from canary_wf.run.ready_jobs import Agenda

_ELSEWHERE = ""
"""Stands for tests of other batches, which have no verdict as long as this one runs."""


class Leftovers:
    """The process groups of tests that are over; `awaited` are the jobs that jobs of other batches depend on."""

    def __init__(self, agenda: Agenda, awaited: Collection[str]) -> None:
        self._agenda = agenda
        self._awaited = frozenset(awaited)
        self._needed: dict[str, tuple[int, set[str]]] = {}

    def are_needed(self, job: str) -> bool:
        """Return whether later tests depend on `job`, so that what it leaves running is to live on."""
        return job in self._awaited or self._agenda.has_waiting(job)

    def are_missed(self, job: str) -> bool:
        """Return whether tests of other batches depend on `job`; they find nothing of what it leaves running."""
        return job in self._awaited

    def keep(self, job: str, group: int) -> None:
        """Let live what `job` left in the process group `group`."""
        elsewhere = {_ELSEWHERE} if job in self._awaited else set()
        self._needed[job] = (group, self._agenda.waiting(job) | elsewhere)

    def drop(self, job: str) -> int | None:
        """Return the group of what `job` left, which is not to live on, or None where it left nothing."""
        group, _ = self._needed.pop(job, (None, None))
        return group

    def judged(self, job: str) -> Iterator[int]:
        """Take note that `job` has its verdict; yield the groups that nobody needs any more."""
        for owner, (group, needed) in list(self._needed.items()):
            needed.discard(job)
            if not needed:
                del self._needed[owner]
                yield group
