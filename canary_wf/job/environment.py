"""The environment a job runs in: the caller's, what the job declares, and the ids it was given."""

import os
from collections.abc import Mapping
from pathlib import Path

from canary_wf.job.events import Resources
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

    `variables` are the job's own (default: what the spec declares); one that is None is not set at all.
    """
    own = str(folder)
    environment = {**base, **id_variables(resources)}
    environment["OMP_NUM_THREADS"] = str(spec.cpus)
    environment["CANARY_WF_JOB"] = f"{own}/{STATE_FILE}"
    environment["PWD"] = own
    for name, value in (spec.environment if variables is None else variables).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    environment["PATH"] = _prefixed(own, environment.get("PATH", os.defpath))
    if spec.kind == "pyt":
        prefix = f"{own}{os.pathsep}{RUNTIME_FOLDER}"
        environment["PYTHONPATH"] = _prefixed(prefix, environment.get("PYTHONPATH", ""))
    return environment


def id_variables(resources: Resources) -> dict[str, str]:
    """Return the variables that tell a job which ids of which type it was given."""
    ids = {kind: ",".join(str(item["id"]) for item in items) for kind, items in resources.items()}
    variables = {"CANARY_CPU_IDS": ids.get("cpus", ""), "CANARY_GPU_IDS": ids.get("gpus", "")}
    variables.update({f"CANARY_{kind.upper()}_IDS": text for kind, text in ids.items() if kind.isidentifier()})
    variables.update(dict.fromkeys(_GPU_VARIABLES, ids.get("gpus", "")))
    return variables


def _prefixed(prefix: str, rest: str) -> str:
    return f"{prefix}{os.pathsep}{rest}" if rest else prefix
