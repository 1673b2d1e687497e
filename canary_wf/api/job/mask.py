"""Whether a job is left out of a run, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mask:
    """True when the job is masked; `reason` says why, None when it is not."""

    reason: str | None = None

    def __bool__(self) -> bool:
        return self.reason is not None

    def __str__(self) -> str:
        return self.reason or ""
