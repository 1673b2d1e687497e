"""Who holds the lock on a file, as the kernel says: whatever the file itself says, anybody may have written.

Facts: the lines of `/proc/locks` (proc(5)): ``1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF``, with the device in
hexadecimal and the inode in decimal; a line of one who waits has ``->`` in it.
"""

import os
from pathlib import Path
from typing import NamedTuple

from canary_wf.files.user_names import uid_of, user_name

_LOCKS = Path("/proc/locks")
_KINDS = frozenset({"FLOCK", "POSIX"})
"""What `flock` is here, and where it goes through a server (NFS)."""

_FIELDS = 6


class Holder(NamedTuple):
    """A process of this host that holds a lock, and the id of its user."""

    pid: int
    uid: int

    def __str__(self) -> str:
        return f"process {self.pid} of {user_name(self.uid)}"


def lock_holders(descriptor: int, locks: Path = _LOCKS) -> list[Holder]:
    """Return who holds a lock on the open file, as far as this process can see them: not in other containers."""
    found = os.fstat(descriptor)
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    pids = _pids(locks, str(found.st_ino))
    # Some file systems show locks under another device (btrfs, overlayfs): then the open file itself tells.
    exact = [pid for where, pid in pids if where == device]
    holding = exact or [pid for _, pid in pids if _has_open(pid, found)]
    return [Holder(pid, uid) for pid in dict.fromkeys(holding) if (uid := uid_of(pid)) is not None]


def _pids(locks: Path, inode: str) -> list[tuple[str, int]]:
    """Return the devices and processes of all locks on files with this inode."""
    try:
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        if len(fields) >= _FIELDS and fields[1] in _KINDS and fields[4].isdecimal():
            device, _, number = fields[5].rpartition(":")
            if number == inode:
                found.append((device, int(fields[4])))
    return found


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        names = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - names, not paths
    except OSError:
        return False
    return any(_is_same(f"/proc/{pid}/fd/{name}", wanted) for name in names)


def _is_same(path: str, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), wanted)  # noqa: PTH116 - many a process
    except OSError:
        return False
