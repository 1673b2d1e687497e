"""Jobs: what they are, where they stand, and the files that say so.

The names of the public API are here; each is imported when it is first asked for, so that a runner that needs a few
modules of this package loads only those.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from canary_wf.job.base import BaseJob
    from canary_wf.job.cached_runs import find_cache_dir
    from canary_wf.job.demand import ceil_div
    from canary_wf.job.dependency import Dependency
    from canary_wf.job.job import Job
    from canary_wf.job.job_state import JobState
    from canary_wf.job.launching import JobTimedOut, Launcher
    from canary_wf.job.loading import load_job_from_file, load_job_from_state
    from canary_wf.job.mask import Mask
    from canary_wf.job.measurements import Measurements
    from canary_wf.job.phase import JobPhase
    from canary_wf.job.space import ExecutionSpace
    from canary_wf.job.spec import JobSpec
    from canary_wf.job.values import InvalidTypeError
    from canary_wf.job.when import AnyMatcher
    from canary_wf.job.workdir import MissingSourceError

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
    "ceil_div",
    "find_cache_dir",
    "load_job_from_file",
    "load_job_from_state",
]

_HOME = {
    "AnyMatcher": "when",
    "BaseJob": "base",
    "Dependency": "dependency",
    "ExecutionSpace": "space",
    "InvalidTypeError": "values",
    "Job": "job",
    "JobPhase": "phase",
    "JobSpec": "spec",
    "JobState": "job_state",
    "JobTimedOut": "launching",
    "Launcher": "launching",
    "Mask": "mask",
    "Measurements": "measurements",
    "MissingSourceError": "workdir",
    "ceil_div": "demand",
    "find_cache_dir": "cached_runs",
    "load_job_from_file": "loading",
    "load_job_from_state": "loading",
}
"""The module of this package in which each name lives."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes, functions and exceptions
    """Import the public name that was asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names too, loaded or not."""
    return sorted({*globals(), *__all__})
