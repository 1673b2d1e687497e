"""One dependency of a job in a session: the upstream job itself, and on which verdicts the job may run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from canary_wf.verdict.dependency_condition import is_satisfied, why_unsatisfied

if TYPE_CHECKING:
    from canary_wf.api.job.job import Job


@dataclass(eq=False)
class Dependency:
    """The upstream `job`; `when` is a condition of `canary_wf.verdict.dependency_condition`, None for any verdict."""

    job: "Job"
    when: str | None

    def is_satisfied(self) -> bool:
        """Return whether the upstream has its verdict and lets the downstream run."""
        return self.is_done() and is_satisfied(self.when, self.job.status)

    def is_done(self) -> bool:
        """Return whether the upstream has its verdict, or will never have one."""
        return self.job.is_done() or self.job.dropped()

    def why_blocked(self) -> str | None:
        """Return why the downstream can never run because of this upstream, or None while it can."""
        if not self.is_done():
            return None
        if not self.job.is_done():
            return f"dependency {self.job.name} is left out: {self.job.mask}"
        return why_unsatisfied(self.when, self.job.status, self.job.name)
