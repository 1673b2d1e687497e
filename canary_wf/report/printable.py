"""Output of tests, made safe to show anywhere, and the tails of outputs for a page.

Colour codes are removed, because they only obscure the text. Every other control character, and characters that change
the direction of the text, are shown as escapes.
"""

import re
from pathlib import Path

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
