"""Times of what a rule reads, which must not be later than those of what it writes, whatever the clocks say.

Snakemake removes an output that is older than an input, and fails its job, again and again: where the clock of one node
is ahead, or that of another behind. It stamps outputs itself when a job has ended, so it is the inputs that are set
back, to the time that the file system gives to what was made of them.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def set_back(inputs: Iterable[Path], output: Path) -> None:
    """Set the times of modification of `inputs` that are later than that of `output` to that one.

    What is not there, or belongs to somebody else, is left as it is; links are not followed.
    """
    latest = output.lstat().st_mtime_ns
    for path in inputs:
        with suppress(OSError):
            if path.lstat().st_mtime_ns > latest:
                os.utime(path, ns=(latest, latest), follow_symlinks=False)


def results_in(sessions: Iterable[Path], batches: Iterable[str]) -> list[Path]:
    """Return where results of `batches` lie below folders of a session: in OUT, and where a larger workflow has one."""
    folders = list(dict.fromkeys(sessions))
    return [folder / "batches" / batch / "result.json" for batch in batches for folder in folders]
