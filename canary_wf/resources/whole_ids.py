"""How many ids a number of slots takes, where each id is held whole: two batches never share a device."""

from collections.abc import Mapping, Sequence
from typing import Any


def ids_that_hold(slots: int, sizes: Mapping[str, int], largest: int = 1, most: int = 0) -> tuple[int, list[str]]:
    """Return how many ids are needed for `slots`, and which of `sizes` (slots by id) will do; none for no slots.

    Where jobs want several slots of one id, all of these ids have as many as the `largest` item wants, and there is one
    for each of the `most` items of a job, or else all ids are needed.
    """
    there = {name: size for name, size in sizes.items() if size}
    if not slots or not there:
        return 0, []
    wide = {name: size for name, size in there.items() if size >= largest}
    needed = -(-slots // min(wide.values(), default=1))
    if largest > 1:
        needed = max(needed, most)
        if needed > len(wide):
            return len(there), list(there)
    return min(len(wide), needed), list(wide)


def largest_id(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the id with the most slots of ``[{"id", "slots"}, …]``, empty when there is none."""
    return str(max(items, key=lambda item: int(item["slots"]))["id"]) if items else ""
