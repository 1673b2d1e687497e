"""A job before its dependencies are known: the spec so far, paths in its folder, and patterns still to be resolved."""

import posixpath
from collections.abc import Callable
from pathlib import Path

import msgspec

from canary_wf.errors import InputError
from canary_wf.spec.job_spec import JobSpec


class DependencyRequest(msgspec.Struct, frozen=True):
    """One dependency as a test file states it.

    `patterns` are matched over all jobs; `expects` says how many jobs they must match together: ``+``, ``?``, ``*``
    or a number; `place` is where it was said, as ``file`` or ``file:line``, or a function that finds that out where it
    takes long; `by_id` makes the patterns job ids.
    """

    patterns: tuple[str, ...]
    place: str | Callable[[], str]
    when: str = "on_success"
    expects: str | int = "+"
    by_id: bool = False

    @property
    def where(self) -> str:
        """The place, for a message."""
        return self.place if isinstance(self.place, str) else self.place()


class Draft(msgspec.Struct, frozen=True):
    """A job spec without dependencies and directory, with what is needed to complete it.

    `execution_path` replaces the directory made from the job's name; `warnings` tell what of the job has no effect.
    `pool_file` is the resource pool that comes with the job's file, for who has no other. `companions` are the ids of
    jobs that are selected with this one.
    """

    spec: JobSpec
    requests: tuple[DependencyRequest, ...] = ()
    execution_path: str | None = None
    warnings: tuple[str, ...] = ()
    pool_file: Path | None = None
    companions: tuple[str, ...] = ()


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
