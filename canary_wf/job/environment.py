"""The environment a job runs in: the caller's, what the job declares, and the ids it was given."""

import os
from collections.abc import Mapping
from pathlib import Path

from canary_wf.job.environment_changes import changed_environment
from canary_wf.job.events import Resources
from canary_wf.job.resource_groups import COUNT_VARIABLE, group_variables
from canary_wf.job.spec import JobSpec
from canary_wf.job.state_file import STATE_FILE

RUNTIME_FOLDER = str(Path(__file__).parent.parent / "runtime")
"""Where a test's `import canary` finds the runtime module."""

_GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def base_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what all jobs of a batch inherit from the runner."""
    # HIP_VISIBLE_DEVICES would select again among what ROCR_VISIBLE_DEVICES leaves visible.
    return {key: value for key, value in environment.items() if key != "HIP_VISIBLE_DEVICES"}


def job_environment(
    base: Mapping[str, str],
    spec: JobSpec,
    resources: Resources,
    folder: Path,
    variables: Mapping[str, str | None] | None = None,
) -> dict[str, str]:
    """Return the environment of one job that runs in `folder` with `resources`.

    `variables` are the job's own (default: what the spec declares); one that is None is not set at all. Raises
    InputError for changes of variables that are not well formed.
    """
    if spec.ctest is not None:
        return _ctest_environment(base, spec, resources, folder, variables)
    own = str(folder)
    environment = {**base, **id_variables(resources)}
    environment["OMP_NUM_THREADS"] = str(spec.cpus)
    environment["CANARY_WF_JOB"] = f"{own}/{STATE_FILE}"
    environment["PWD"] = own
    _set_all(environment, spec.environment if variables is None else variables)
    environment["PATH"] = _prefixed(own, environment.get("PATH", os.defpath))
    if spec.kind == "pyt":
        prefix = f"{own}{os.pathsep}{RUNTIME_FOLDER}"
        environment["PYTHONPATH"] = _prefixed(prefix, environment.get("PYTHONPATH", ""))
    return environment


def _ctest_environment(
    base: Mapping[str, str],
    spec: JobSpec,
    resources: Resources,
    folder: Path,
    variables: Mapping[str, str | None] | None,
) -> dict[str, str]:
    """Return the environment of a test of CTest: what CTest would give it, and which ids it was given.

    A test of CTest chooses its devices itself, by the variables of its resource groups, so that what is visible, how
    many threads it may start, and PATH are left as the runner found them.
    """
    ids = {name: value for name, value in id_variables(resources).items() if name not in _GPU_VARIABLES}
    environment = {
        **base,
        **ids,
        "CANARY_WF_JOB": f"{folder}/{STATE_FILE}",
        "PWD": spec.working_directory or str(folder),
    }
    _set_all(environment, spec.environment if variables is None else variables)
    environment = changed_environment(environment, spec.ctest.environment_modification if spec.ctest else ())
    environment.pop(COUNT_VARIABLE, None)
    return {**environment, **group_variables(spec, resources)}


def _set_all(environment: dict[str, str], variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value


def id_variables(resources: Resources) -> dict[str, str]:
    """Return the variables that tell a job which ids of which type it was given."""
    ids = {kind: ",".join(str(item["id"]) for item in items) for kind, items in resources.items()}
    variables = {"CANARY_CPU_IDS": ids.get("cpus", ""), "CANARY_GPU_IDS": ids.get("gpus", "")}
    variables.update({f"CANARY_{kind.upper()}_IDS": text for kind, text in ids.items() if kind.isidentifier()})
    variables.update(dict.fromkeys(_GPU_VARIABLES, ids.get("gpus", "")))
    return variables


def _prefixed(prefix: str, rest: str) -> str:
    return f"{prefix}{os.pathsep}{rest}" if rest else prefix
