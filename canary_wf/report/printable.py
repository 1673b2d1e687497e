"""What a test printed, as text that can be shown anywhere, and the ends of outputs that go into a page.

Colour codes are taken out, as they only stand between a reader and the text; every other control character, and what
would turn the direction of the text around, is shown as an escape.
"""

import re
from pathlib import Path

from canary_wf.errors import one_line
from canary_wf.report.session import SessionState, tail
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.record import EarlierRun

_COLOURS = re.compile("\x1b\\[[0-9;:]*m")


def shown_line(line: str) -> str:
    """Return one line of output as it can be shown."""
    return one_line(_COLOURS.sub("", line).expandtabs(8))


def shown_tail(path: Path, lines: int = 5, most: int = 8192) -> list[str]:
    """Return the last `lines` lines of the output in `path` as they can be shown, from at most `most` bytes."""
    return [shown_line(line) for line in tail(path, lines, most)]


TAILS = {True: (60, 8192, 16 << 20), False: (10, 1024, 4 << 20)}
"""For jobs that failed and for the others: lines and bytes of an output, and bytes of all of them together."""


class OutputTails:
    """The ends of the outputs of a session, read in the order of the plan; earlier runs share the failures' budget."""

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
        """Return the end of the output of the job with this id, None where it is left out."""
        return self._found.get(job)

    def earlier(self, job: PlannedJob, run: EarlierRun) -> list[str] | None:
        """Return the end of what an earlier run of `job` printed, None where it is left out."""
        if run.output is None:
            return []
        return self._read(self._paths.job(job.directory) / run.output, failed=True)

    def _read(self, path: Path, *, failed: bool) -> list[str] | None:
        if self._left[failed] <= 0:
            return None
        lines, most, _ = TAILS[failed]
        found = shown_tail(path, lines, most)
        self._left[failed] -= sum(map(len, found))
        return found
