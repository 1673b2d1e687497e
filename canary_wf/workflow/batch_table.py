"""The shape and the dependencies of each batch, which the rules of shapes look up.

They are in one small file of the session: every remote job reads the workflow again, and the plan is large.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.state.session_paths import SessionPaths, relative_to_out
from canary_wf.workflow.shapes import BatchShape


class _Wildcards(Protocol):
    """The wildcards that Snakemake passes to the functions of a rule of this workflow."""

    batch: str


class _Table(msgspec.Struct, frozen=True):
    """The file: for each shape a pattern that only its batches match, for each batch its dependencies."""

    shapes: dict[str, str]
    batches: dict[str, tuple[str, ...]]


def write_batch_table(shapes: Sequence[BatchShape], paths: SessionPaths) -> None:
    """Write the table of `shapes` into the session. Raises WorkspaceError when it cannot be written."""
    batches = {batch.id: batch.dependencies for shape in shapes for batch in shape.batches}
    patterns = {}
    for shape in shapes:
        members = {batch.id for batch in shape.batches}
        patterns[shape.name] = distinguishing_regex(members, batches.keys() - members)
    write_json(paths.batch_table, _Table(patterns, batches))


class BatchTable:
    """The table as the workflow uses it. Raises WorkspaceError when it is missing or damaged."""

    def __init__(self, plan: str) -> None:
        self._paths = SessionPaths.of_plan(Path(plan))
        # Strings instead of paths: making ten thousand paths one by one takes a second.
        self._folder = relative_to_out(self._paths.batch("").folder, self._paths.out)
        self._table: _Table = read_json(self._paths.batch_table, _Table)

    def shape_of(self, batch: str) -> str | None:
        """Return the name of the shape whose rule runs `batch`, or None."""
        shapes = self._table.shapes.items()
        return next((name for name, pattern in shapes if re.fullmatch(pattern, batch)), None)

    def result(self, shape: str) -> str:
        """Return the pattern, in Snakemake's syntax, of the result files of the batches of `shape`.

        Only this pattern has the constraint, because Snakemake parses the whole pattern for each job.
        """
        pattern = self._table.shapes.get(shape)
        if pattern is None:
            hint = "make a new session with canary-wf generate"
            raise WorkspaceError(f"has no shape {shape!r}", where=self._paths.batch_table, hint=hint)
        return self._result(f"{{batch,{pattern}}}")

    def inputs(self, wildcards: _Wildcards) -> list[str]:
        """Return the result files on which a batch depends."""
        upstream = self._table.batches.get(wildcards.batch)
        if upstream is None:
            raise WorkspaceError(f"there is no batch {wildcards.batch!r}", where=self._paths.plan)
        return [self._result(batch) for batch in upstream]

    def results(self, _wildcards: object = None) -> list[str]:
        """Return the result files of all batches."""
        return [self._result(batch) for batch in self._table.batches]

    def _result(self, batch: str) -> str:
        return f"{self._folder}/{batch}/result.json"


def distinguishing_regex(members: Iterable[str], others: Iterable[str]) -> str:
    """Return a short regular expression that matches all `members` and none of `others`; all have the same length.

    It uses as few first characters as needed. Behaviour for strings in neither set is undefined.
    """
    inside, outside = sorted(set(members)), sorted(set(others))
    positive = _alternatives(inside, outside, 0)
    negative = _alternatives(outside, inside, 0)
    return rf"{positive}\w*" if len(positive) <= len(negative) else rf"(?!{negative})\w*"


def _alternatives(members: Sequence[str], others: Sequence[str], start: int) -> str:
    """Return the expression for the rest, from `start`, of the members and not of the others."""
    if not others:
        return ""
    if not members:
        return "(?!)"
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for number, words in enumerate((members, others)):
        for word in words:
            groups.setdefault(word[start], ([], []))[number].append(word)
    parts = {first: _alternatives(ours, theirs, start + 1) for first, (ours, theirs) in groups.items() if ours}
    plain = "".join(sorted(re.escape(first) for first, rest in parts.items() if not rest))
    texts = [first + rest for first, rest in sorted(parts.items()) if rest]
    texts += [f"[{plain}]"] if plain else []
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"
