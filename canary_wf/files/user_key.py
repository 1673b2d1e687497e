"""A user's own key, which signs what must not be believed just because a file of a workspace says it.

The same key also seals secrets of which others may see a digest.

It lies in the user's state folder (`XDG_STATE_HOME`, else `~/.local/state`), readable by nobody else, and is created on
first use. Whoever can write to a workspace can copy signed values in it, but cannot sign anything new.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import encode, write_all
from canary_wf.files.plain_files import open_plain
from canary_wf.files.users import user_folder

FILE = "canary-wf/key"
_BYTES = 32
_HINT = "point XDG_STATE_HOME to a folder that only you may write"


def signature(value: object, environment: Mapping[str, str] = os.environ) -> str:
    """Return the signature of `value` (any JSON value). Raises WorkspaceError when no key can be created."""
    path = _path(environment)
    return _digest(_read(path) or _make(path), value)


def is_signed(value: object, by: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether `by` is this user's signature of `value`. Raises WorkspaceError for a key that may be known."""
    import hmac

    key = _read(_path(environment))
    return key is not None and hmac.compare_digest(_digest(key, value).encode(), by.encode("utf-8", "replace"))


def sealing_key(purpose: str, *, make: bool, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """Return a key for one `purpose`, which reveals neither the user's key nor the keys for other purposes.

    Returns None if the user has no key yet, unless `make` is set. Raises WorkspaceError like `signature`.
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
    """Return the key in `path`, None if there is none yet. Raises WorkspaceError unless only the user can read it."""
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
    """Create a key; it is written to a temporary file and linked, so that two concurrent processes get the same."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, os.urandom(_BYTES))
            os.fsync(descriptor)
            _link(temporary, path)
        finally:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(f"cannot be written ({error.strerror})", where=path, hint=_HINT) from error
    key = _read(path)
    if key is None:
        raise WorkspaceError("is gone again", where=path, hint=_HINT)
    return key


def _link(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    except PermissionError:  # a file system without hard links
        temporary.rename(path)
