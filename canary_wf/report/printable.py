"""Output of tests, made safe to show anywhere, and the tails of outputs for a page.

Colour codes are removed, because they only obscure the text; only a terminal that shows all of an output keeps them.
Every other control character, and characters that change the direction of the text, are shown as escapes.
"""

import codecs
import os
import re
from pathlib import Path
from typing import BinaryIO

from canary_wf.errors import one_line
from canary_wf.report.session import SessionState, tail
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.record import EarlierRun

_COLOURS = re.compile("\x1b\\[[0-9;:]*m")


def printable_line(line: str) -> str:
    """Return one line of output in printable form."""
    return one_line(_COLOURS.sub("", line).expandtabs(8))


def printable_tail(path: Path, lines: int = 5, most: int = 8192) -> list[str]:
    """Return the last `lines` lines of the output at `path` in printable form, from at most `most` bytes."""
    return [printable_line(line) for line in tail(path, lines, most)]


_HARMFUL = re.compile(
    "(?P<colour>\x1b\\[[0-9;:]*m)|(?P<end>\r\n?)"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_UNFINISHED = re.compile("(?:\r|\x1b(?:\\[[0-9;:]{0,60})?)\\Z")


class TerminalText:
    """Turns output of a job, chunk by chunk, into text that does no harm to a terminal.

    Colours stay if `coloured`. Whatever else would move the cursor, clear the screen, set the title or turn the text
    around is shown as an escape, and so are bytes that are not UTF-8. A carriage return begins a new line, because it
    would hide what was printed before.
    """

    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured
        self._painted = False
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        self._kept = ""

    def feed(self, chunk: bytes) -> str:
        """Return the text of `chunk`, and of what was kept of the chunks before; an unfinished escape is kept."""
        text = self._kept + self._decode(chunk)
        unfinished = _UNFINISHED.search(text, max(0, len(text) - 64))
        self._kept = text[unfinished.start() :] if unfinished else ""
        return _HARMFUL.sub(self._harmless, text.removesuffix(self._kept))

    def end(self) -> str:
        """Return the rest, and the end of all colours."""
        rest = _HARMFUL.sub(self._harmless, self._kept + self._decode(b"", True))
        self._kept = ""
        return f"{rest}\x1b[0m" if self._painted else rest

    def _harmless(self, found: re.Match[str]) -> str:
        if found["colour"] is not None:
            self._painted = self._painted or self._coloured
            return found[0] if self._coloured else ""
        return "\n" if found["end"] else ascii(found[0])[1:-1]


_BLOCK = 1 << 16


def seek_to_last_lines(file: BinaryIO, lines: int) -> None:
    """Set the position of `file` to the start of its last `lines` lines. Only these are read, from the end."""
    position = file.seek(0, os.SEEK_END)
    missing = lines + 1  # the line end before the first of them, after that of the last one
    if lines and position:
        file.seek(position - 1)
        missing -= file.read(1) != b"\n"
    while lines and position:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start)
        found = block.count(b"\n")
        if found >= missing:
            cut = len(block)
            for _ in range(missing):
                cut = block.rindex(b"\n", 0, cut)
            file.seek(start + cut + 1)
            return
        missing, position = missing - found, start
    file.seek(position)


TAILS = {True: (60, 8192, 16 << 20), False: (10, 1024, 4 << 20)}
"""For failed jobs (True) and others: lines and bytes per output, and bytes of all of them together."""


class OutputTails:
    """The tails of the outputs of a session, read in the plan's order; earlier runs share the failures' budget."""

    def __init__(self, state: SessionState) -> None:
        self._paths = state.paths
        self._left = {failed: most for failed, (_, _, most) in TAILS.items()}
        self._found: dict[str, list[str]] = {}
        for job in state.plan.jobs:
            if job.id in state.records:
                failed = state.record(job).status.counts_as_failed
                found = self._read(self._paths.job(job.directory) / OUTPUT_FILE, failed=failed)
                if found is not None:
                    self._found[job.id] = found

    def get(self, job: str) -> list[str] | None:
        """Return the tail of the output of the job with this id, or None if it is left out."""
        return self._found.get(job)

    def earlier(self, job: PlannedJob, run: EarlierRun) -> list[str] | None:
        """Return the tail of the output of an earlier run of `job`, or None if it is left out."""
        if run.output is None:
            return []
        return self._read(self._paths.job(job.directory) / run.output, failed=True)

    def _read(self, path: Path, *, failed: bool) -> list[str] | None:
        if self._left[failed] <= 0:
            return None
        lines, most, _ = TAILS[failed]
        found = printable_tail(path, lines, most)
        self._left[failed] -= sum(map(len, found))
        return found
