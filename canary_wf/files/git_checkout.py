"""What a git checkout says of itself, read from its files.

No git program runs: in a folder of somebody else, it could run hooks and commands of that folder's configuration.
"""

import os
import re
from functools import cache
from typing import NamedTuple

from canary_wf.files.plain_files import read_plain

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_REFERENCE = re.compile(r"refs/[!-~]+", re.ASCII)
_LINK = "gitdir: "
_LARGEST = 1 << 24
"""Bytes read of a file of git; one with a hundred thousand references has 8 MiB."""


class Checkout(NamedTuple):
    """A checkout: its top folder, and its commit (hex digits) and branch where they can be told."""

    folder: str
    commit: str | None
    branch: str | None


@cache
def repository_of(folder: str) -> str | None:
    """Return the nearest folder from `folder` upwards that contains ``.git``, or None."""
    parent = os.path.dirname(folder)  # noqa: PTH120 - strings, for the cache
    if os.path.lexists(f"{folder.rstrip('/')}/.git"):
        return folder
    return None if parent == folder else repository_of(parent)


def checkout_of(folder: str) -> Checkout | None:
    """Return the checkout that the absolute path `folder` lies in, or None outside of any."""
    top = repository_of(folder)
    if top is None:
        return None
    state = _state_folder(top)
    head = _line(f"{state}/HEAD")
    reference = head.removeprefix("ref: ")
    if _HASH.fullmatch(head):
        return Checkout(top, head, None)
    if reference == head or not _REFERENCE.fullmatch(reference) or ".." in reference:
        return Checkout(top, None, None)
    common = os.path.normpath(os.path.join(state, _line(f"{state}/commondir")))  # noqa: PTH118 - as above
    commit = next((found for place in (state, common) if _HASH.fullmatch(found := _line(f"{place}/{reference}"))), None)
    branch = reference.removeprefix("refs/heads/")
    return Checkout(top, commit or _packed(common, reference), None if branch == reference else branch)


def _state_folder(top: str) -> str:
    """Return the folder that holds HEAD: ``.git``, or where the file of that name in a further worktree leads."""
    link = _line(f"{top}/.git")
    if link.startswith(_LINK):
        return os.path.normpath(os.path.join(top, link.removeprefix(_LINK)))  # noqa: PTH118 - as above
    return f"{top.rstrip('/')}/.git"


def _packed(common: str, reference: str) -> str | None:
    """Return the commit of `reference` in the file of packed references."""
    for line in _text(f"{common}/packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference and _HASH.fullmatch(commit):
            return commit
    return None


def _line(path: str) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: str) -> str:
    """Return the text of a file, or nothing where there is no such file to be read."""
    try:
        return read_plain(path, most=_LARGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
