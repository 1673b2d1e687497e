"""A mark by which the runner of a batch is known for sure: an open file without a place on any disk.

What `attempt.json` says of a runner, a job or another user may have written, and a process is ended for it. So the
process itself must say that it is the one: it holds an anonymous file (`memfd_create(2)`) whose name has the token of
the attempt and the batch's folder, which the kernel shows in `/proc/PID/fd`. Nobody can put one into another process.
"""

import os
from pathlib import Path


def set_mark(token: str, folder: Path) -> int:
    """Bear the mark of the attempt `token` at the batch in `folder` until the descriptor that is returned is closed.

    Raises OSError.
    """
    return os.memfd_create(_name(token, folder), os.MFD_CLOEXEC)


def bears_mark(pid: int, token: str, folder: Path) -> bool:
    """Return whether the process bears that mark; of another user's process that is not known, and False."""
    try:
        wanted = f"/memfd:{_name(token, folder)} (deleted)"
        return any(_link_target(f"/proc/{pid}/fd/{name}") == wanted for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return False


def may_bear_mark(pid: int, token: str) -> bool:
    """Return whether the process may bear a mark of the attempt `token`: it does, or is not for us to look into.

    The folder is left out: not all file systems number folders for good, and a live runner is not to be taken for dead.
    """
    try:
        wanted = f"/memfd:canary-wf:{token[:40]}:"
        return any(_link_target(f"/proc/{pid}/fd/{name}").startswith(wanted) for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return True


def _name(token: str, folder: Path) -> str:
    return f"canary-wf:{token[:40]}:{folder.stat().st_ino}"


def _link_target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - not a file path
    except OSError:
        return ""  # closed just now
