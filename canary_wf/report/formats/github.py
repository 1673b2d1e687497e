"""Failures as annotations of a GitHub workflow run: commands that its runner reads from standard output.

Source: GitHub's documentation of workflow commands. In such a run only escaped text may be printed: the runner would
execute any line of a test's output that begins with two colons.
"""

import os
from pathlib import Path

from canary_wf.errors import one_line
from canary_wf.report.printable import printable_tail
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE

MOST = 10
"""Number of annotations per step that GitHub shows."""

_LINES = 5
_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_MESSAGE, ":": "%3A", ",": "%2C"}


def annotations(state: SessionState, root: Path) -> str:
    """Return one line for each of the first failures; file names are relative to `root`, the checkout."""
    failed = state.failed
    lines = [_annotation(state, job, root) for job in failed[:MOST]]
    if len(failed) > MOST:
        lines.append(f"::error title=canary-wf::{len(failed) - MOST} more jobs failed")
    return "".join(f"{line}\n" for line in lines)


def _annotation(state: SessionState, job: PlannedJob, root: Path) -> str:
    status = state.record(job).status
    file = os.path.relpath(state.paths.out / job.file, root)
    place = "" if file.startswith(os.pardir) else f"file={_escaped(file, _PROPERTY)},"
    reason = f": {one_line(status.reason)}" if status.reason else ""
    output = printable_tail(state.paths.job(job.directory) / OUTPUT_FILE, _LINES)
    message = "\n".join([f"{status.outcome.name}{reason}", *output])
    return f"::error {place}title={_escaped(one_line(job.name), _PROPERTY)}::{_escaped(message, _MESSAGE)}"


def _escaped(text: str, signs: dict[str, str]) -> str:
    return "".join(signs.get(sign, sign) for sign in text)
