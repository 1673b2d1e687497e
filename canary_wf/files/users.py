"""Users: their names, the folders of their files outside of any workspace, and folders closed to all others.

Source of the folders: the XDG Base Directory Specification. It says that relative paths are invalid and must be
ignored. So the current folder never decides whom a command trusts or which key it signs with.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from canary_wf.files.json_files import write_all
from canary_wf.files.plain_files import read_plain

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_OPEN_TO_OTHERS = 0o077
_BELOW_HOME = {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": ".local/state"}


def user_folder(
    variable: Literal["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"],
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Return the folder in the variable `variable` of `environment`, else the default in the user's home."""
    given = environment.get(variable, "")
    return Path(given) if given.startswith("/") else _home(environment) / _BELOW_HOME[variable]


def _home(environment: Mapping[str, str]) -> Path:
    given = environment.get("HOME", "")
    if given.startswith("/"):
        return Path(given)
    import pwd  # late: nearly every environment has HOME

    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        return Path("/")


def user_name(uid: int) -> str:
    """Return the name of the user with this id, or words with the id if it has none, as in containers."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def uid_of(pid: int) -> int | None:
    """Return the id of the user who owns the process `pid`, or None if it does not exist."""
    try:
        return os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - not a file path
    except OSError:
        return None


class PrivateFolder:
    """A folder for files of one user: closed to others, and files that others put there are not trusted.

    `path` need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`. Raises OSError, also if folder or file belong to somebody else."""
        os.close(self._open())
        file = self.path / name
        if file.lstat().st_uid != os.geteuid():
            raise PermissionError(file)
        return read_plain(file)

    def write(self, name: str, content: bytes) -> None:
        """Replace the file `name` atomically; create the folder if missing. Raises OSError."""
        folder = self._open(make=True)
        try:
            temporary = _write_temporary(folder, name, content)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)

    def remove(self, beginnings: tuple[str, ...]) -> None:
        """Remove the files whose names begin with one of `beginnings`. Raises OSError."""
        folder = self._open()
        try:
            for name in os.listdir(folder):  # noqa: PTH208 - by descriptor, so that no link can replace the folder
                if name.startswith(beginnings):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)

    def _open(self, *, make: bool = False) -> int:
        """Return a descriptor of the folder, which must be real, this user's, and closed to others. Raises OSError."""
        if make:
            self.path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid():
                raise PermissionError(self.path)
            if make and stat.S_IMODE(status.st_mode) & _OPEN_TO_OTHERS:
                os.fchmod(descriptor, _FOLDER_MODE)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def _write_temporary(folder: int, name: str, content: bytes) -> str:
    """Write `content` to a new file in `folder`, closed to others from the start; return its name."""
    temporary = f".{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE, dir_fd=folder)
    try:
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
    except OSError:
        os.unlink(temporary, dir_fd=folder)
        raise
    return temporary
