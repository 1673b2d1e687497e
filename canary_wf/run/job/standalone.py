"""The process of one job that is run by itself, outside of a batch: what is executed for it, and where."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from canary_wf.process.spawn import LaunchError
from canary_wf.process.supervised import SupervisedProcess
from canary_wf.run.job.launcher import argument_list, run_folder
from canary_wf.run.run_context import bindable
from canary_wf.spec.job_spec import OUTPUT_LIMIT, JobSpec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.job_file import OUTPUT_FILE


def process_of(
    spec: JobSpec,
    folder: Path,
    environment: Mapping[str, str],
    resources: Resources,
    *,
    arguments: Sequence[str] = (),
    output: str = OUTPUT_FILE,
) -> SupervisedProcess:
    """Return the process, not yet started, of the job whose working directory is `folder`.

    Its command gets further `arguments`; `resources` are the ids that it was given; what it prints goes to the file
    `output` in `folder`. Raises LaunchError for a job without a command, and where a folder or file is not there.
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
