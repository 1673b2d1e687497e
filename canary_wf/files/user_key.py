"""A key of the user's own, which signs what is not believed merely because a file of a workspace says it.

The same key seals what others shall not learn although they may see a digest of it.

It lies in the user's state folder (`XDG_STATE_HOME`, else `~/.local/state`), readable by nobody else, and is made when
something is first signed or sealed. Who may write in a workspace can copy what was signed there, but sign nothing new.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import encode, write_all
from canary_wf.files.plain_files import open_plain
from canary_wf.files.user_folders import user_folder

FILE = "canary-wf/key"
_BYTES = 32
_HINT = "point XDG_STATE_HOME to a folder that only you may write"


def signature(value: object, environment: Mapping[str, str] = os.environ) -> str:
    """Return the signature of `value` (anything that JSON can hold). Raises WorkspaceError when no key can be made."""
    path = _path(environment)
    return _digest(_read(path) or _make(path), value)


def is_signed(value: object, by: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether `by` is this user's signature of `value`. Raises WorkspaceError for a key that others may have."""
    import hmac

    key = _read(_path(environment))
    return key is not None and hmac.compare_digest(_digest(key, value).encode(), by.encode("utf-8", "replace"))


def sealing_key(purpose: str, *, make: bool, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """Return a key for one `purpose`, from which nobody learns the user's key or that for another purpose.

    None where the user has no key yet, unless it is to be made. Raises WorkspaceError as `signature` does.
    """
    import hmac

    path = _path(environment)
    key = _read(path) or (_make(path) if make else None)
    return None if key is None else hmac.digest(key, purpose.encode(), "sha256")


def _path(environment: Mapping[str, str]) -> Path:
    return user_folder("XDG_STATE_HOME", environment) / FILE


def _digest(key: bytes, value: object) -> str:
    import hmac

    return hmac.new(key, encode(value), "sha256").hexdigest()


def _read(path: Path) -> bytes | None:
    """Return the key in `path`, None when there is none yet. Raises WorkspaceError when it is not the user's alone."""
    try:
        with open_plain(path) as file:
            found = os.fstat(file.fileno())
            key = file.read(_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path, hint=_HINT) from error
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or len(key) < _BYTES:
        raise WorkspaceError(
            "is not a key that only you can read", where=path, hint="remove it; a new one is made then"
        )
    return key


def _make(path: Path) -> bytes:
    """Make a key, written beside and linked, so that two who make one at once get the same."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, os.urandom(_BYTES))
            os.fsync(descriptor)
            _link(beside, path)
        finally:
            os.close(descriptor)
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(f"cannot be written ({error.strerror})", where=path, hint=_HINT) from error
    key = _read(path)
    if key is None:
        raise WorkspaceError("is gone again", where=path, hint=_HINT)
    return key


def _link(beside: Path, path: Path) -> None:
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        pass
    except PermissionError:  # a file system without hard links
        beside.rename(path)
