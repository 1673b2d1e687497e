"""The public names of jobs, and of the files with their state.

Each name is imported on first use, so that a runner loads only the modules that it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from canary_wf.api.job.base_job import BaseJob
    from canary_wf.api.job.execution_space import ExecutionSpace, Mask, find_cache_dir
    from canary_wf.api.job.job import Dependency, Job, Launcher, ProcessLauncher
    from canary_wf.api.job.loading import load_job_from_file, load_job_from_state
    from canary_wf.api.job.parts import JobState, Measurements
    from canary_wf.run.job.standalone import JobTimedOut
    from canary_wf.run.job.workdir import MissingSourceError
    from canary_wf.spec.job_spec import JobSpec
    from canary_wf.spec.resource_request import ceil_div
    from canary_wf.spec.values import InvalidTypeError
    from canary_wf.verdict.dependency_condition import AnyMatcher
    from canary_wf.verdict.status import JobPhase

__all__ = [
    "AnyMatcher",
    "BaseJob",
    "Dependency",
    "ExecutionSpace",
    "InvalidTypeError",
    "Job",
    "JobPhase",
    "JobSpec",
    "JobState",
    "JobTimedOut",
    "Launcher",
    "Mask",
    "Measurements",
    "MissingSourceError",
    "ProcessLauncher",
    "ceil_div",
    "find_cache_dir",
    "load_job_from_file",
    "load_job_from_state",
]

_HOME = {
    "AnyMatcher": "canary_wf.verdict.dependency_condition",
    "BaseJob": "canary_wf.api.job.base_job",
    "Dependency": "canary_wf.api.job.job",
    "ExecutionSpace": "canary_wf.api.job.execution_space",
    "InvalidTypeError": "canary_wf.spec.values",
    "Job": "canary_wf.api.job.job",
    "JobPhase": "canary_wf.verdict.status",
    "JobSpec": "canary_wf.spec.job_spec",
    "JobState": "canary_wf.api.job.parts",
    "JobTimedOut": "canary_wf.run.job.standalone",
    "Launcher": "canary_wf.api.job.job",
    "Mask": "canary_wf.api.job.execution_space",
    "Measurements": "canary_wf.api.job.parts",
    "MissingSourceError": "canary_wf.run.job.workdir",
    "ProcessLauncher": "canary_wf.api.job.job",
    "ceil_div": "canary_wf.spec.resource_request",
    "find_cache_dir": "canary_wf.api.job.execution_space",
    "load_job_from_file": "canary_wf.api.job.loading",
    "load_job_from_state": "canary_wf.api.job.loading",
}
"""The module in which each name lives."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes, functions and exceptions
    """Import the public name that was asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names too, loaded or not."""
    return sorted({*globals(), *__all__})
