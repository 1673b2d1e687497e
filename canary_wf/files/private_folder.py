"""A folder for files of one user: closed to others, and files that others put there are not trusted."""

import contextlib
import os
import stat
from pathlib import Path

from canary_wf.files.json_files import write_all
from canary_wf.files.plain_files import read_plain

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_OPEN_TO_OTHERS = 0o077


class PrivateFolder:
    """The folder `path`, which need not exist yet."""

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
