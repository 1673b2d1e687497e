"""The queue of tasks that may start, with the bounded look-ahead of the reference schedule."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

T = TypeVar("T")

LOOK_AHEAD = 64
"""Number of waiting jobs examined beyond the first that does not fit."""


class ReadyQueue:
    """Tasks that may start, smallest number first. A task's number is its position in `reference_order`.

    `classes[number]` is equal for tasks that need the same resources (None: all tasks differ). After a task did not
    fit, no other task of its class is tried in the same `take`.
    """

    def __init__(self, ready: Iterable[int] = (), classes: Sequence[int] | None = None) -> None:
        self._rest = list(ready)
        heapify(self._rest)
        self._classes = classes
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
        position = len(window)
        while position and window[position - 1] > number:
            position -= 1
        self._put(position, number)

    def take(self, fits: Callable[[int], bool]) -> Iterator[int]:
        """Yield and remove the tasks to start now. `fits` is called again after each task has been yielded."""
        for number, _ in self.lend(lambda number: True if fits(number) else None):
            yield number

    def lend(self, lender: Callable[[int], T | None]) -> Iterator[tuple[int, T]]:
        """Yield and remove the tasks to start now, each with what `lender` returned: None if the task does not fit."""
        window, classes, present = self._window, self._classes, self._present
        blocked: set[int] = set()
        position = 0
        # Once a task of each waiting class has been refused, no other task can fit.
        while position < len(window) and len(blocked) < len(present):
            number = window[position]
            fit_class = number if classes is None else classes[number]
            if fit_class in blocked:
                position += 1
            elif (lent := lender(number)) is not None:
                self._drop(position)
                self._refill()
                yield number, lent
            else:
                blocked.add(fit_class)
                position += 1

    def _refill(self) -> None:
        window, rest = self._window, self._rest
        while rest and len(window) <= LOOK_AHEAD:
            self._put(len(window), heappop(rest))

    def _put(self, position: int, number: int) -> None:
        fit_class = number if self._classes is None else self._classes[number]
        self._window.insert(position, number)
        self._present[fit_class] = self._present.get(fit_class, 0) + 1

    def _drop(self, position: int) -> int:
        number = self._window.pop(position)
        fit_class = number if self._classes is None else self._classes[number]
        left = self._present[fit_class] - 1
        if left:
            self._present[fit_class] = left
        else:
            del self._present[fit_class]
        return number
