"""The environment a job runs in: the caller's, what the job declares, and the ids it was given."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from canary_wf.job.environment_changes import changed_environment
from canary_wf.job.events import Resources
from canary_wf.job.placeholders import expanded, has_placeholder, id_variable
from canary_wf.job.resource_groups import COUNT_VARIABLE, group_variables
from canary_wf.job.spec import JobSpec
from canary_wf.job.state_file import STATE_FILE

RUNTIME_FOLDER = str(Path(__file__).parent.parent / "runtime")
"""Where a test's `import canary` finds the runtime module."""

NODES = "nodes"
"""The type under which a job of several nodes is given their names."""

_GPU_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


_THREADS = (
    *("GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
"""What Snakemake sets besides OMP_NUM_THREADS, to the threads of the whole batch, for every rule that it runs."""

ATTEMPT = "CANARY_WF_ATTEMPT"
"""The variable by which the processes of an attempt at a batch are known: its token, behind those of outer ones."""

_IDS = re.compile("CANARY_[A-Z0-9_]+_IDS")


class BaseEnvironment(dict[str, str]):
    """What all jobs of a batch inherit; `templates` are the variables whose values have placeholders."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.templates = tuple(name for name, value in variables.items() if has_placeholder(value))


def base_environment(
    environment: Mapping[str, str], types: Iterable[str] = (), attempt: str | None = None
) -> BaseEnvironment:
    """Return what all jobs of a batch inherit from the runner, who has resources of these `types`.

    `attempt` is the token of the attempt at the batch.
    """
    # HIP_VISIBLE_DEVICES would select again among what ROCR_VISIBLE_DEVICES leaves visible, and ids that a runner
    # inside of a job was given itself are none of its own jobs'.
    kept = {name: value for name, value in environment.items() if name != "HIP_VISIBLE_DEVICES"}
    kept = {name: value for name, value in kept.items() if not (name.startswith("CANARY_") and _IDS.fullmatch(name))}
    kept |= {name: "" for kind in types for name in _id_names(kind)}
    if attempt is not None:
        # A runner inside of a job keeps what the outer one goes by.
        kept[ATTEMPT] = f"{environment[ATTEMPT]}:{attempt}" if ATTEMPT in environment else attempt
    return BaseEnvironment(kept)


def job_environment(
    base: Mapping[str, str],
    spec: JobSpec,
    resources: Resources,
    folder: Path | str,
    variables: Mapping[str, str | None] | None = None,
) -> dict[str, str]:
    """Return the environment of one job that runs in `folder` with `resources`.

    `variables` are the job's own (default: what the spec declares); one that is None is not set at all. Raises
    InputError for changes of variables that are not well formed.
    """
    if spec.ctest is not None:
        return _ctest_environment(base, spec, resources, folder, variables)
    own = str(folder)
    ids = id_variables(resources)
    environment = {**base, **ids}
    _expand_inherited(environment, base, ids)
    # Snakemake has set these to what the whole batch has, so that what the user's own shell said is not known here.
    threads = str(max(spec.cpus, 1))
    environment["OMP_NUM_THREADS"] = threads
    environment.update({name: threads for name in _THREADS if name in base})
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
    folder: Path | str,
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
    _expand_inherited(environment, base, ids)
    _set_all(environment, spec.environment if variables is None else variables)
    environment = changed_environment(environment, spec.ctest.environment_modification if spec.ctest else ())
    environment.pop(COUNT_VARIABLE, None)
    return {**environment, **group_variables(spec, resources)}


def _expand_inherited(environment: dict[str, str], base: Mapping[str, str], ids: Mapping[str, str]) -> None:
    """Replace the placeholders in what the job inherits."""
    known = base if isinstance(base, BaseEnvironment) else BaseEnvironment(base)
    for name in known.templates:
        if name not in ids:
            environment[name] = expanded(base[name], environment)


def _set_all(environment: dict[str, str], variables: Mapping[str, str | None]) -> None:
    """Set `variables`, with their placeholders replaced by the ids that `environment` has."""
    for name, value in variables.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = expanded(value, environment)


def id_variables(resources: Resources) -> dict[str, str]:
    """Return the variables that tell a job which ids of which type it was given."""
    ids = {kind: ",".join(str(item["id"]) for item in items) for kind, items in resources.items()}
    variables = {"CANARY_CPU_IDS": ids.get("cpus", ""), "CANARY_GPU_IDS": ids.get("gpus", "")}
    variables.update({name: text for kind, text in ids.items() for name in _id_names(kind)})
    variables.update(dict.fromkeys(_GPU_VARIABLES, ids.get("gpus", "")))
    nodes = resources.get(NODES, [])
    if nodes:
        # What srun and MPI's launchers look for; of a step of Slurm's executor these variables were taken away.
        variables.update(dict.fromkeys(("SLURM_JOB_NODELIST", "SLURM_NODELIST"), ids[NODES]))
        variables.update(dict.fromkeys(("SLURM_JOB_NUM_NODES", "SLURM_NNODES"), str(len(nodes))))
    return variables


def _id_names(kind: str) -> tuple[str, ...]:
    """Return the variables for ids of `kind`: CANARY_GPUS_IDS and CANARY_GPU_IDS for ``gpus``."""
    if not kind.isidentifier():
        return ()
    return (id_variable(kind), id_variable(kind[:-1])) if kind.endswith("s") else (id_variable(kind),)


def _prefixed(prefix: str, rest: str) -> str:
    return f"{prefix}{os.pathsep}{rest}" if rest else prefix
