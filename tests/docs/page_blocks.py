"""The blocks of a Markdown page that a reader would type, copy into a file, or run; and what a page says about them.

A page speaks to the tests in comments, which no reader sees, before a block:

- ``<!-- not run: REASON -->``,
- ``<!-- ends with CODE -->``,
- ``<!-- first: COMMAND -->`` for what has to have happened,
- ``<!-- file: NAME -->`` for a block that is the content of a file,
- ``<!-- in: FOLDER -->`` for all blocks from there on,
- ``<!-- needs: TOOL… -->`` for the page.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROGRAMS = (
    "canary-wf",
    "snakemake",
    "make",
    "pip",
    "python",
    "cmake",
    "cd",
    "cp",
    "for",
    "mkdir",
    "cat",
    "sed",
    "eval",
)
_COMMENT = re.compile(r"<!-- *(not run|ends with|file|first|in|needs):? *(.*?) *-->")
_EXPLANATION = re.compile(r" {2,}\S.*$")


class Block(NamedTuple):
    """One block: its language ("" for an indented one), its lines, where it is, and what the page says about it."""

    language: str
    lines: tuple[str, ...]
    place: str
    said: dict[str, str]

    @property
    def commands(self) -> list[str]:
        """The commands in it: behind ``$``, or in an indented block lines that begin with a program."""
        if self.language == "console":
            return [line[2:] for line in self.lines if line.startswith("$ ")]
        if self.language:
            return []
        lines = [line.removeprefix("$ ") for line in self.lines]
        typed = [line for line in lines if line.split(" ")[0] in PROGRAMS or line.startswith(". ")]
        return [_EXPLANATION.sub("", line) for line in typed]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of `page`, in order."""
    said: dict[str, str] = {}
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        comment = _COMMENT.fullmatch(line.strip())
        if comment:
            said[comment[1]] = comment[2]
        if line.startswith("```"):
            end = next(at for at in range(number + 1, len(lines)) if lines[at].startswith("```"))
            yield Block(line[3:].strip(), tuple(lines[number + 1 : end]), f"{page.name}:{number + 1}", said)
            said, number = {}, end
        elif line.startswith("    ") and not lines[number - 1].strip() and not _in_list(lines, number):
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end]):
                end += 1
            inside = tuple(each[4:] for each in lines[number:end] if each)
            yield Block("", inside, f"{page.name}:{number + 1}", said)
            said, number = {}, end - 1
        number += 1


def _in_list(lines: list[str], number: int) -> bool:
    before = next((line for line in reversed(lines[:number]) if line and not line.startswith(" ")), "")
    return bool(re.match(r"(?:[-*]|\d+\.) ", before))
