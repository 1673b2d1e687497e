"""Whether a folder lies on a disk of this machine alone, which the nodes of a cluster would not see.

Source: ``/proc/self/mountinfo`` (proc(5)).
"""

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_LOCAL = frozenset(
    {"btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs"}
)
"""Kinds of file systems that one machine has for itself; of others nothing is said."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def local_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the kind and mount point of the local disk that `folder` lies on, None where it may be a shared one.

    A folder that is not there yet is looked for where it will be.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = os.path.realpath(folder)
    best: tuple[str, str] | None = None
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (best is None or len(point) >= len(best[0])):  # a later mount on the same point hides the earlier
            best = (point, after.split(" ")[0])
    return f"{best[1]} on {best[0]}" if best is not None and best[1] in _LOCAL else None
