"""A job before its dependencies are resolved: an incomplete spec, patterns of dependencies, and rules for paths."""

import posixpath
from collections.abc import Callable
from pathlib import Path

import msgspec

from canary_wf.errors import InputError
from canary_wf.spec.job_spec import JobSpec


class DependencyRequest(msgspec.Struct, frozen=True):
    """One dependency as stated in a test file.

    `patterns` are matched against all jobs. `expects` is the number of jobs that they must match together: ``+``,
    ``?``, ``*`` or a number. `place` is the location of the statement as ``file`` or ``file:line``, or a function that
    returns it if finding it is slow. With `by_id`, the patterns are job ids.
    """

    patterns: tuple[str, ...]
    place: str | Callable[[], str]
    when: str = "on_success"
    expects: str | int = "+"
    by_id: bool = False

    @property
    def where(self) -> str:
        """The location, for a message."""
        return self.place if isinstance(self.place, str) else self.place()


class Draft(msgspec.Struct, frozen=True):
    """A job spec without dependencies and directory, with the data needed to complete it.

    `execution_path` replaces the directory made from the job's name. `warnings` say what in the job's file has no
    effect. `pool_file` is the resource pool that comes with the job's file; it applies if the user describes no other.
    `companions` are the ids of jobs that are selected with this one.
    """

    spec: JobSpec
    requests: tuple[DependencyRequest, ...] = ()
    execution_path: str | None = None
    warnings: tuple[str, ...] = ()
    pool_file: Path | None = None
    companions: tuple[str, ...] = ()


def inner_path(text: str) -> str:
    """Return `text` as a normalised relative path. Raises InputError if it is empty, absolute or goes up by ``..``."""
    path = posixpath.normpath(text) if text else ""
    if not path or path in {".", ".."} or path.startswith(("/", "../")) or "\0" in path:
        raise InputError(f"{text!r} is not a path inside the job's working directory")
    return path


def source_path(folder: str, text: str) -> str:
    """Return the absolute path of `text`, a path or glob relative to `folder` (absolute, not a glob)."""
    if not text or "\0" in text:
        raise InputError(f"{text!r} is not a path")
    if text.startswith("/"):
        return posixpath.normpath(text)
    if any(character in text for character in "*?["):
        from glob import escape

        folder = escape(folder)
    return posixpath.normpath(posixpath.join(folder, text))
