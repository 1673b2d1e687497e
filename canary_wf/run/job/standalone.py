"""One job that runs by itself, outside of a batch: its environment, its process, and its exit code."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.process.spawn import LaunchError
from canary_wf.process.supervised import SupervisedProcess
from canary_wf.run.job.environment import base_environment, job_environment
from canary_wf.run.job.launcher import argument_list, run_folder
from canary_wf.run.run_context import bindable
from canary_wf.spec.job_spec import OUTPUT_LIMIT, JobSpec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.job_file import OUTPUT_FILE


class JobTimedOut(CanaryWfError):  # noqa: N818 - named after what happened, as subprocess does
    """The job's process ran longer than its limit and was ended."""


class OutputLostError(CanaryWfError):
    """Output of the job could not be written, so it cannot be judged."""


def standalone_environment(
    environment: Mapping[str, str],
    spec: JobSpec,
    resources: Resources,
    folder: Path,
    variables: Mapping[str, str | None] | None = None,
) -> dict[str, str]:
    """Return the environment of a job that a program with `environment` runs; for the rest see `job_environment`."""
    return job_environment(base_environment(environment), spec, resources, folder, variables)


def standalone_process(
    spec: JobSpec,
    folder: Path,
    environment: Mapping[str, str],
    resources: Resources,
    *,
    arguments: Sequence[str] = (),
    output: str = OUTPUT_FILE,
) -> SupervisedProcess:
    """Return the process, not started yet, of the job whose working directory is `folder`.

    Its command gets further `arguments`; `resources` are its ids; its output goes to the file `output` in `folder`.
    Raises LaunchError for a job without a command, and for a missing folder or file.
    """
    argv = [*argument_list(spec, environment, folder), *arguments]
    if not argv:
        raise LaunchError("has no command to run")
    bound = spec.ctest is not None and spec.ctest.processor_affinity
    return SupervisedProcess(
        argv,
        run_folder(spec, str(folder), folder),
        environment,
        folder / output,
        kept=None if spec.ctest is None else spec.output_limit or OUTPUT_LIMIT,
        cpus=bindable(resources, os.sched_getaffinity(0)) if bound else None,
    )


def exit_code(spec: JobSpec, process: SupervisedProcess, limit: float, *, in_time: bool) -> int:
    """Return the exit code of an ended process of `spec`; `in_time` says whether it kept its `limit` (seconds).

    Raises JobTimedOut when it had to be ended, OutputLostError when some of its output is lost.
    """
    if not in_time:
        raise JobTimedOut(f"ran longer than its limit of {limit:g} s", where=f"job {spec.name}")
    if process.fault is not None:
        what = f"its output could not be written ({process.fault.strerror})"
        raise OutputLostError(what, where=f"job {spec.name}")
    return process.code
