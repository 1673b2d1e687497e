"""What the runner of a batch waits for before its first job: `waiting.json`, there for as long as it waits.

The runner's own words go to its log; this is how who looks at a run learns of it, in `status` and beside Snakemake.
"""

import time
from pathlib import Path

import msgspec

from canary_wf.errors import WorkspaceError, one_line
from canary_wf.files.json_files import read_json, write_json


class Waiting(msgspec.Struct, frozen=True):
    """What is waited for, in words, and since when (epoch seconds)."""

    what: str
    since: float

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.since))
        return one_line(self.what if ", since " in self.what else f"{self.what}, since {clock}")


def note_waiting(path: Path, what: str, since: float) -> None:
    """Write down that a batch waits. Raises WorkspaceError."""
    write_json(path, Waiting(what, since))


def read_waiting(path: Path) -> Waiting | None:
    """Return what is waited for as the file at `path` says, None where nothing is, or it cannot be read."""
    try:
        found: Waiting = read_json(path, Waiting)
        time.localtime(found.since)
    except (WorkspaceError, OverflowError, ValueError, OSError):
        return None
    return found
