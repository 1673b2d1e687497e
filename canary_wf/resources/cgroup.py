"""The limits of this process's control groups: a CPU quota and a memory limit (cgroup v1 and v2).

A limit may be set at any level between the process's group and the mount point. So the whole chain is read, and the
lowest limit counts. Paths and formats: the kernel's `Documentation/admin-guide/cgroup-v1` and `cgroup-v2.rst`.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MIB = 1024 * 1024
UNLIMITED = 1 << 60
"""Bytes; v1 represents "no limit" by a number near 2**63."""


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the number of CPUs whose time this process may use, or None without a quota."""
    quotas = []
    for folder in _folders(root, "cpu"):
        if pair := _words(folder / "cpu.max"):
            quotas.append(_ratio(pair[0], pair[1] if len(pair) > 1 else "100000"))
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
        if quota and period:
            quotas.append(_ratio(quota[0], period[0]))
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return the memory limit of this process in MiB, or None without one."""
    limits = []
    for folder in _folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            words = _words(folder / name)
            if words and words[0].isdecimal() and int(words[0]) < UNLIMITED:
                limits.append(int(words[0]))
    return min(limits) // MIB if limits else None


def own_folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the process's own groups, by controller; at most one exists."""
    for mount, parts in _groups(root, controller):
        yield mount.joinpath(*parts)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield each folder that may hold a limit of the controller, from the process's group up to the mount point."""
    for mount, parts in _groups(root, controller):
        for depth in range(len(parts), -1, -1):
            yield mount.joinpath(*parts[:depth])


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield possible mount points of the controller, each with the path of this process's group below it."""
    mounted = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            mounts = [mounted, mounted / "unified"]
        elif controller in controllers.split(","):
            mounts = [mounted / controllers, mounted / controller]
        else:
            continue
        parts = PurePosixPath(group).parts[1:]
        if ".." in parts:  # the group lies outside this namespace
            parts = ()
        for mount in mounts:
            yield mount, parts


def _ratio(quota: str, period: str) -> float | None:
    try:
        part, whole = int(quota), int(period)
    except ValueError:  # "max"
        return None
    return part / whole if part > 0 and whole > 0 else None


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
