"""The tasks of a batch that may start, and which are looked at: the reference schedule's bounded look ahead."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

T = TypeVar("T")

LOOK_AHEAD = 64
"""Waiting jobs looked at past the first one that does not fit."""


class ReadyQueue:
    """Tasks that may start, smaller numbers first; number tasks by their place in `reference_order`.

    `kinds[number]` names tasks that fit or do not fit alike (None: each one is of its own kind); after one did not
    fit, others of its kind are not asked in the same `take`.
    """

    def __init__(self, ready: Iterable[int] = (), kinds: Sequence[int] | None = None) -> None:
        self._rest = list(ready)
        heapify(self._rest)
        self._kinds = kinds
        self._window: list[int] = []
        self._present: dict[int, int] = {}
        self._refill()

    def __len__(self) -> int:
        return len(self._window) + len(self._rest)

    def push(self, number: int) -> None:
        """Add a task that has become ready."""
        window = self._window
        if len(window) > LOOK_AHEAD:
            if number > window[-1]:
                heappush(self._rest, number)
                return
            heappush(self._rest, self._drop(LOOK_AHEAD))
        place = len(window)
        while place and window[place - 1] > number:
            place -= 1
        self._put(place, number)

    def take(self, fits: Callable[[int], bool]) -> Iterator[int]:
        """Yield and remove the tasks to start now; `fits` is asked anew after each one has been handed out."""
        for number, _ in self.lend(lambda number: True if fits(number) else None):
            yield number

    def lend(self, lender: Callable[[int], T | None]) -> Iterator[tuple[int, T]]:
        """Yield and remove the tasks to start now, with what `lender` gave each; None is for one that does not fit."""
        window, kinds, present = self._window, self._kinds, self._present
        blocked: set[int] = set()
        place = 0
        # Once one of each kind that waits has been refused, the rest needs no look.
        while place < len(window) and len(blocked) < len(present):
            number = window[place]
            kind = number if kinds is None else kinds[number]
            if kind in blocked:
                place += 1
            elif (lent := lender(number)) is not None:
                self._drop(place)
                self._refill()
                yield number, lent
            else:
                blocked.add(kind)
                place += 1

    def _refill(self) -> None:
        window, rest = self._window, self._rest
        while rest and len(window) <= LOOK_AHEAD:
            self._put(len(window), heappop(rest))

    def _put(self, place: int, number: int) -> None:
        kind = number if self._kinds is None else self._kinds[number]
        self._window.insert(place, number)
        self._present[kind] = self._present.get(kind, 0) + 1

    def _drop(self, place: int) -> int:
        number = self._window.pop(place)
        kind = number if self._kinds is None else self._kinds[number]
        left = self._present[kind] - 1
        if left:
            self._present[kind] = left
        else:
            del self._present[kind]
        return number
