"""Whether a command may act in a workspace: only in the user's own, or in one that the user trusts.

A workspace decides what is run and what is removed, so a workspace prepared by somebody else could do harm. Commands
that act refuse it; commands that only read treat it as data. The rule is that of git's `safe.directory`: owners are
compared, also for root, who under `sudo` may also act for the calling user. Trusted workspaces are named in the
environment or in a file of the user, never in a file of the workspace.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.plain_files import open_plain
from canary_wf.files.users import user_folder, user_name
from canary_wf.state.session_paths import STATE_FOLDER, SessionPaths, sessions_folder

VARIABLE = "CANARY_WF_TRUST"
"""Trusted workspaces, separated by colons; ``*`` trusts all, and a path that ends in ``/*`` all below a folder."""

FILE = "canary-wf/trusted"
"""The same, one a line, in the user's configuration folder (`XDG_CONFIG_HOME`, else `~/.config`)."""

_LONGEST = 1 << 16


def require_trusted(out: Path, sessions: Sequence[str] = (), environment: Mapping[str, str] = os.environ) -> None:
    """Raise WorkspaceError when the user neither owns the workspace `out` nor said that it is trusted.

    The owners of OUT, the state's folders down to those of each of `sessions`, and their plans are checked. Inside OUT
    none of them may be a link, even in a trusted workspace: a command must not act elsewhere.
    """
    foreign: tuple[Path, int] | None = None
    for path in _guarded_paths(out, sessions):
        try:
            found = path.stat() if path == out else path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error
        if stat.S_ISLNK(found.st_mode):
            hint = "move what it points to into its place, or name the folder it lies in with -d"
            raise WorkspaceError("is a link, which is not followed", where=path, hint=hint)
        if foreign is None and not _is_own(found.st_uid, environment) and not (path == out and found.st_uid == 0):
            foreign = path, found.st_uid
    if foreign is not None and not _is_listed_as_trusted(out, environment):
        import shlex  # late, as nearly every workspace is the user's own

        path, owner = foreign
        hint = f"choose another folder with -d, or, if you trust it: export {VARIABLE}={shlex.quote(str(out))}"
        raise WorkspaceError(f"belongs to {user_name(owner)}, not to you; nothing is done in it", where=path, hint=hint)


def is_trusted(out: Path, sessions: Sequence[str] = ()) -> bool:
    """Return whether the user may act in the workspace `out`."""
    try:
        require_trusted(out, sessions)
    except WorkspaceError:
        return False
    return True


def foreign_owner(out: Path) -> str | None:
    """Return the other user to whom the workspace `out` belongs, or None if it is this user's own or trusted.

    The owners of OUT and of its folders of state and of sessions are checked. OUT itself may belong to root.
    """
    for path in (out, out / STATE_FOLDER, sessions_folder(out)):
        try:
            owner = path.lstat().st_uid
        except FileNotFoundError:
            continue
        except OSError:
            return "somebody else"
        if not _is_own(owner, os.environ) and not (path == out and owner == 0):
            return None if _is_listed_as_trusted(out, os.environ) else user_name(owner)
    return None


def is_foreign(path: Path) -> bool:
    """Return whether `path` belongs to another user (not root) and its folder is not trusted."""
    owner = path.stat().st_uid
    return owner != 0 and not _is_own(owner, os.environ) and not _is_listed_as_trusted(path.parent, os.environ)


def may_remove(path: Path, out: Path) -> bool:
    """Return whether `path`, inside the workspace `out`, is a folder of the user or of a trusted workspace."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and (_is_own(found.st_uid, os.environ) or _is_listed_as_trusted(out, os.environ))


def _guarded_paths(out: Path, sessions: Sequence[str]) -> Iterator[Path]:
    """Yield the paths that decide whose the workspace is, from the top."""
    yield from (out, out / STATE_FOLDER, sessions_folder(out))
    yield from (out / STATE_FOLDER / inside for inside in ("history", "cache", "larger", "artifacts"))
    yield from (out / "workflow", out / "workflow" / "rules")
    for name in sessions:
        folder = SessionPaths(out, name).folder
        yield folder
        yield from (folder / inside for inside in ("batches", "slices", "jobs", "report", "plan.json"))


def _is_own(owner: int, environment: Mapping[str, str]) -> bool:
    """Return whether `owner` is this user, or the user who called root by `sudo`."""
    own = os.geteuid()
    return owner == own or (own == 0 and environment.get("SUDO_UID") == str(owner))


def _is_listed_as_trusted(out: Path, environment: Mapping[str, str]) -> bool:
    real = os.path.realpath(out)
    return any(_covers(entry, real) for entry in _entries(environment))


def _covers(entry: str, real: str) -> bool:
    if entry == "*":
        return True
    if not os.path.isabs(entry):  # noqa: PTH117 - texts
        return False
    if entry.endswith("/*"):
        return real.startswith(f"{os.path.realpath(entry[:-2]).rstrip('/')}/")
    return os.path.realpath(entry) == real


def _entries(environment: Mapping[str, str]) -> list[str]:
    """Return the trusted workspaces: from the variable, and from the file in the user's configuration folder."""
    found = environment.get(VARIABLE, "").split(os.pathsep)
    lines = (line.strip() for line in _own_file(user_folder("XDG_CONFIG_HOME", environment) / FILE).splitlines())
    return [entry for entry in (*found, *lines) if entry and not entry.startswith("#")]


def _own_file(path: Path) -> str:
    """Return the text of `path` if it is a regular file that only the user or root may write, else nothing."""
    try:
        with open_plain(path, follow=True) as file:
            found = os.fstat(file.fileno())
            if found.st_uid not in {os.geteuid(), 0} or found.st_mode & stat.S_IWOTH:
                return ""
            return file.read(_LONGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
