"""Paths inside a job's working directory, checked so that none leads out of it."""

import posixpath

from canary_wf.errors import InputError


def inner_path(text: str) -> str:
    """Return `text` as a plain relative path. Raises InputError when it is empty, absolute or leads out by ``..``."""
    path = posixpath.normpath(text) if text else ""
    if not path or path in {".", ".."} or path.startswith(("/", "../")) or "\0" in path:
        raise InputError(f"{text!r} is not a path inside the job's working directory")
    return path


def source_path(folder: str, text: str) -> str:
    """Return the absolute path (maybe a glob) of `text`, which is relative to `folder` (absolute, not a glob)."""
    if not text or "\0" in text:
        raise InputError(f"{text!r} is not a path")
    if text.startswith("/"):
        return posixpath.normpath(text)
    if any(character in text for character in "*?["):
        from glob import escape

        folder = escape(folder)
    return posixpath.normpath(posixpath.join(folder, text))
