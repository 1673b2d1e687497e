"""The lock files behind the host-wide leases: one per resource id, shared by all users of a host.

A file is locked with `flock` on an open descriptor, so the kernel unlocks it when its holder ends, however it ends.
Descriptors are closed on exec, so started programs hold nothing. Files are never removed: if a locked file were
removed, a second process could lock a new file of that name. The text in a file names its holder for people only;
messages use what the kernel reports. Nothing in the directory is trusted: links are not followed, and only regular
files are used.
"""

import errno
import fcntl
import os
import stat
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import OPEN_MORE, remedy

if TYPE_CHECKING:
    from canary_wf.files.locks import Holder

ANYONE = 0o666
SHARED_FOLDER = 0o1777
"""World-writable and sticky: everybody may add files, only their owner may remove them."""

LONGEST_NAME = 100
"""Bytes of an encoded name; a longer one is replaced by its hash."""

ALLOCATION = "slurm/"
"""Prefix of locks within a Slurm job: each is one byte of a shared file, because files of a job would never go away."""

_ALLOCATIONS = "slurm.lock"
_BYTES = 1 << 62

_SETTLING_SECONDS = 0.5
"""Seconds that another process may take between creating the directory and opening it to all."""

_OTHER_FOLDER = "point CANARY_WF_LEASE_DIR to a folder that all users of this host may write"

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def encode_name(name: str) -> str:
    """Return `name` as part of a file name: characters other than letters, digits, ``_`` and ``-`` become ``%XX``."""
    raw = name.encode("utf-8", "surrogatepass")
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    if len(text) <= LONGEST_NAME:
        return text
    import hashlib

    return f"%{hashlib.sha256(raw).hexdigest()}"


class LeaseFolder:
    """An open lease directory, created if missing. Raises WorkspaceError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            _make_folder(path)
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self._unusable(path, error) from error

    def close(self) -> None:
        """Close the directory; descriptors of its files stay open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def lock(self, name: str) -> int | None:
        """Return a descriptor that holds the lock of the file `name`, or None while somebody else holds it."""
        file = _ALLOCATIONS if name.startswith(ALLOCATION) else name
        descriptor = self._open(file)
        try:
            if file is name:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _byte_lock(fcntl.F_WRLCK, _byte_of(name), 1))
        except (BlockingIOError, PermissionError):  # fcntl may say either
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise self._unusable(self.path / file, error) from error
        return descriptor

    def holders(self, name: str) -> "list[Holder]":
        """Return the holders of the lock of the file `name` according to the kernel; the text could be anybody's.

        Holders in other containers are invisible, and so are holders of a single byte.
        """
        if name.startswith(ALLOCATION):
            return []
        try:
            descriptor = os.open(name, os.O_RDONLY | _OPEN, dir_fd=self._descriptor)
        except OSError:
            return []
        try:
            from canary_wf.files.locks import lock_holders  # late: start-up

            return lock_holders(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        patience = time.monotonic() + _SETTLING_SECONDS
        while True:
            try:
                return self._checked(self._existing(name), name)
            except FileNotFoundError:
                pass
            except PermissionError as error:
                if time.monotonic() > patience:
                    raise self._unusable(self.path / name, error) from error
                time.sleep(0.02)
                continue
            except OSError as error:
                raise self._unusable(self.path / name, error) from error
            self._create(name, patience)

    def _existing(self, name: str) -> int:
        # Without O_CREAT: with it, `fs.protected_regular` refuses other users' files in a sticky directory.
        try:
            return os.open(name, os.O_RDWR | _OPEN, dir_fd=self._descriptor)
        except PermissionError:
            return os.open(name, os.O_RDONLY | _OPEN, dir_fd=self._descriptor)

    def _checked(self, descriptor: int, name: str) -> int:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise WorkspaceError("is not a regular file", where=self.path / name, hint=_remedy(self.path / name))

    def _create(self, name: str, patience: float) -> None:
        """Make the file under a temporary name, open it to all, and only then rename it (the first process wins)."""
        temporary = f".{os.getpid()}.{os.urandom(6).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN
        try:
            descriptor = os.open(temporary, flags, ANYONE, dir_fd=self._descriptor)
        except PermissionError as error:
            if time.monotonic() > patience:
                raise self._unusable(self.path, error) from error
            time.sleep(0.02)
            return
        except OSError as error:
            raise self._unusable(self.path, error) from error
        try:
            os.fchmod(descriptor, ANYONE)
            os.link(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        except FileExistsError:
            pass
        except OSError as error:
            raise self._unusable(self.path / name, error) from error
        finally:
            os.close(descriptor)
            os.unlink(temporary, dir_fd=self._descriptor)

    def _unusable(self, path: Path, error: OSError) -> WorkspaceError:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            return WorkspaceError("cannot be opened (too many open files)", where=path, hint=OPEN_MORE)
        advice = remedy(error, None)  # of a full disk, which is nobody's file
        hint = f"{advice}, or {_OTHER_FOLDER}" if advice else _remedy(path, is_folder=path == self.path)
        return WorkspaceError(f"cannot be used for leases ({error.strerror})", where=path, hint=hint)


def _remedy(path: Path, *, is_folder: bool = False) -> str:
    """Return what this user can do about an unusable `path`: in a sticky folder only its owner can remove it."""
    from canary_wf.files.users import user_name

    try:
        found = os.lstat(path)
    except OSError:
        return _OTHER_FOLDER
    what = "let all users write to it (mode 1777)" if is_folder and stat.S_ISDIR(found.st_mode) else "remove it"
    first = what if os.geteuid() in {found.st_uid, 0} else f"ask {user_name(found.st_uid)}, whose it is, to {what}"
    return f"{first}, or {_OTHER_FOLDER}"


def sign(descriptor: int, text: str) -> None:
    """Write the holder's name into its lock file, if permitted; leave a file with a second hard link alone.

    Somebody may have linked another file of this user into the directory.
    """
    try:
        if os.fstat(descriptor).st_nlink == 1:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text.encode("utf-8", "replace"), 0)
    except OSError:
        pass  # read-only here, or the disk is full: the lock holds nevertheless


def unlock(descriptor: int) -> None:
    """Release the lock, even if a forked process still has the descriptor."""
    sign(descriptor, "")
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _byte_lock(fcntl.F_UNLCK, 0, 0))
    os.close(descriptor)


def _byte_of(name: str) -> int:
    import hashlib

    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8]) % _BYTES


def _byte_lock(kind: int, start: int, length: int) -> bytes:
    """Return the kernel's `struct flock` for `length` bytes from `start`; 0 means all bytes that follow."""
    return struct.pack("hhqqii", kind, os.SEEK_SET, start, length, 0, 0)


def _make_folder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step: a process killed between two would leave a folder that is closed to all others.
    before = os.umask(0)
    try:
        path.mkdir(SHARED_FOLDER)
    except FileExistsError:
        return
    finally:
        os.umask(before)
