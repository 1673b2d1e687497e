"""A job before its dependencies are known: the spec so far, and the patterns that are still to be resolved."""

from collections.abc import Callable
from pathlib import Path

import msgspec

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
