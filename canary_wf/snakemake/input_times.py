"""Modification times of a rule's inputs, which must not be later than those of its outputs, whatever the clocks say.

Snakemake removes an output that is older than an input, and fails the job, again and again. That happens when the clock
of one node is ahead or behind. Snakemake stamps outputs itself when a job has ended, so the inputs are set back, to the
time that the file system gives to the output.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def set_back(inputs: Iterable[Path], output: Path) -> None:
    """Set the modification times of `inputs` that are later than that of `output` back to it.

    Files that do not exist or belong to somebody else are left alone; links are not followed.
    """
    latest = output.lstat().st_mtime_ns
    for path in inputs:
        with suppress(OSError):
            if path.lstat().st_mtime_ns > latest:
                os.utime(path, ns=(latest, latest), follow_symlinks=False)


def results_in(sessions: Iterable[Path], batches: Iterable[str]) -> list[Path]:
    """Return the paths of the results of `batches` below the session's folders, in OUT and in a parent workflow."""
    folders = list(dict.fromkeys(sessions))
    return [folder / "batches" / batch / "result.json" for batch in batches for folder in folders]
