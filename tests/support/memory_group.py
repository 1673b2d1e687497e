"""A real control group with a memory limit, for tests of what the kernel does when memory runs out."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from canary_wf.resources.cgroup import own_folders

_LIMITS = ("memory.limit_in_bytes", "memory.max")


@contextmanager
def limited_memory(size: int) -> Iterator[Path | None]:
    """Make a group of at most `size` bytes below this process's; give the file that a process id is written to.

    None where this system does not let one be made.
    """
    folder = _make()
    if folder is None:
        yield None
        return
    try:
        limit = next((folder / name for name in _LIMITS if (folder / name).exists()), None)
        if limit is None:
            yield None
        else:
            limit.write_text(str(size))
            yield folder / "cgroup.procs"
    finally:
        _remove(folder)


def _make() -> Path | None:
    for parent in own_folders(Path("/"), "memory"):
        folder = parent / f"canary-wf-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        return folder
    return None


def _remove(folder: Path) -> None:
    for _ in range(200):  # a process that was killed takes a moment to leave its group
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.05)
        else:
            return
