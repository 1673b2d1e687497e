"""The blocks of a Markdown page that a reader would type, copy into a file, or run; and what a page says about them.

A page speaks to the tests in comments, which no reader sees, before a block:

- ``<!-- not run: REASON -->``,
- ``<!-- ends with CODE -->`` for the block's last command, ``<!-- each ends with CODE -->`` for all of them,
- ``<!-- instead: TEXT => OTHER; TEXT => OTHER -->`` for what stands for a reader's own, or would take hours,
- ``<!-- first: COMMAND -->`` for what has to have happened,
- ``<!-- file: NAME -->`` for a block that is the content of a file,
- ``<!-- in: FOLDER -->`` for all blocks from there on,
- ``<!-- cpus: N -->`` for the number of CPUs that all blocks from there on see,
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
    "python3",
    "cmake",
    "cd",
    "cp",
    "for",
    "mkdir",
    "cat",
    "sed",
    "eval",
    "sinfo",
    "squeue",
    "scancel",
)
_COMMENT = re.compile(r"<!-- *(not run|ends with|each ends with|instead|file|first|in|cpus|needs):? *(.*?) *-->")
_VARIABLES = re.compile(r"(?:[A-Z_]+=\S* )*")
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
        typed = [
            line
            for line in lines
            if _VARIABLES.sub("", line, count=1).split(" ")[0] in PROGRAMS or line.startswith(". ")
        ]
        return [_EXPLANATION.sub("", line) for line in typed]

    @property
    def shown(self) -> dict[str, list[str]]:
        """What the page shows below each command of a console: the lines of its output."""
        found: dict[str, list[str]] = {}
        for line in self.lines if self.language == "console" else ():
            if line.startswith("$ "):
                lines = found.setdefault(line[2:], [])
            else:
                lines.append(line)
        return {command: lines for command, lines in found.items() if lines}

    @property
    def tested(self) -> list[tuple[str, str]]:
        """The commands as they are run, and how each must end."""
        if "not run" in self.said:
            return []
        found = []
        for number, command in enumerate(self.commands):
            last = number == len(self.commands) - 1
            code = self.said.get("each ends with", self.said.get("ends with", "0") if last else "0")
            found.append((self._instead(command), code))
        return found

    def _instead(self, command: str) -> str:
        for pair in filter(None, self.said.get("instead", "").split("; ")):
            text, _, other = pair.partition(" => ")
            command = command.replace(text, other)
        return command


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
