"""What the runner of a batch waits for before its first job: `waiting.json`, which exists while it waits.

The runner also logs the wait; this file is for `status` and Snakemake's progress line. A file of the same form exists
while Slurm takes no batch, because the executor shows nothing of what its `sbatch` prints.
"""

import time
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError, one_line
from canary_wf.files.json_files import read_json, write_json

SUBMISSION = Path(".snakemake/canary-wf-submission.json")
"""Why Slurm takes no batch, in the folder where Snakemake runs."""


class Waiting(msgspec.Struct, frozen=True):
    """A description of what is waited for, and since when (epoch seconds)."""

    what: str
    since: float

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.since))
        return one_line(self.what if ", since " in self.what else f"{self.what}, since {clock}")


def note_waiting(path: Path, what: str, since: float) -> None:
    """Write that a batch or its submission waits. Raises WorkspaceError."""
    write_json(path, Waiting(what, since))


def read_waiting(path: Path) -> Waiting | None:
    """Return the content of the file at `path`; None when nothing is waited for or it cannot be read."""
    try:
        found: Waiting = read_json(path, Waiting)
        time.localtime(found.since)
    except (WorkspaceError, OverflowError, ValueError, OSError):
        return None
    return found
