"""Whether the kernel killed a job because memory ran out: the counter of such kills in the runner's control group.

A process that the kernel kills because memory ran out ends by SIGKILL like any other; only the control group's counter
``oom_kill`` shows it (cgroup v2: `memory.events`, which counts the groups below too; v1: `memory.oom_control`).
Formats: the kernel's `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`. Without such a counter
nothing is claimed.
"""

import os
from pathlib import Path

from canary_wf.resources.cgroup import own_folders

SIGKILLED = -9
SHELL_SIGKILLED = 137
"""The exit code by which a shell says that its command was killed by signal 9 (128 + 9)."""

_FILES = ("memory.events", "memory.oom_control")
_ROOT = Path("/")


class OomKills:
    """The kernel's counter; each kill is attributed to one job at most."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._descriptor = _open_counter(root)
        self._text, self._kills = b"", 0
        self._claimed = self.count()

    def close(self) -> None:
        """Close the counter; nothing is claimed any more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def count(self) -> int:
        """Return how many processes the kernel has killed so far; 0 if that is not known."""
        if self._descriptor is None:
            return 0
        try:
            text = os.pread(self._descriptor, 4096, 0)
        except OSError:
            return 0  # the group is gone
        if text != self._text:
            self._text, self._kills = text, _kills(text)
        return self._kills

    def claim(self, code: int, before: int) -> bool:
        """Return whether a job that ended with `code` was killed because memory ran out; each kill is used up once.

        `before` is what `count` returned when it was started. The runner did not kill it.
        """
        if code not in {SIGKILLED, SHELL_SIGKILLED}:
            return False
        claimed = max(self._claimed, before)
        if self.count() <= claimed:
            return False
        self._claimed = claimed + 1
        return True


def _open_counter(root: Path) -> int | None:
    for folder in own_folders(root, "memory"):
        for name in _FILES:
            try:
                descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            if b"oom_kill " in os.pread(descriptor, 4096, 0):
                return descriptor
            os.close(descriptor)
    return None


def _kills(text: bytes) -> int:
    for line in text.splitlines():
        name, _, number = line.partition(b" ")
        if name == b"oom_kill" and number.isdigit():
            return int(number)
    return 0
