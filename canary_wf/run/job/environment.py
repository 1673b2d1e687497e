"""The environment of a job: the caller's, the variables that the job declares, and the ids that it was given.

A placeholder ``%(gpu_ids)s`` stands for the ids of one resource type that the job was given, separated by commas, as in
the variable ``CANARY_GPU_IDS``; it is empty when the job was given none. Any other ``%(…)s``, and every other percent
sign, stays as it is. Nothing has to be doubled.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from canary_wf.ctest.environment_changes import changed_environment
from canary_wf.ctest.resource_groups import COUNT_VARIABLE, group_variables
from canary_wf.process.orphans import ATTEMPT
from canary_wf.resources.visible import Vendor, mask_variables, vendor_of
from canary_wf.snakemake.caller_environment import callers_environment
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import Resources
from canary_wf.state.job_file import STATE_FILE

_PLACEHOLDER = r"%\(([A-Za-z_][A-Za-z0-9_]*)_ids\)s"


def id_variable(resource_type: str) -> str:
    """Return the name of the variable for ids of `resource_type`, a resource type in the plural or the singular."""
    return f"CANARY_{resource_type.upper()}_IDS"


def has_placeholder(text: str) -> bool:
    """Return whether `text` contains what looks like a placeholder."""
    return "%(" in text and re.search(_PLACEHOLDER, text) is not None


def expanded(text: str, ids: Mapping[str, str]) -> str:
    """Return `text` with the placeholders replaced whose variable (see `id_variable`) is in `ids`."""
    if "%(" not in text:
        return text
    return re.sub(_PLACEHOLDER, lambda found: ids.get(id_variable(found[1]), found[0]), text)


RUNTIME_FOLDER = str(Path(__file__).parents[2] / "runtime")
"""Where a test's `import canary` finds the runtime module."""

NODES = "nodes"
"""The resource type under which a job of several nodes gets the names of its nodes."""

_IDS = "CANARY_[A-Z0-9_]+_IDS"
_OWN = ("cpus", "gpus", NODES)
_RESERVED = frozenset(id_variable(name) for resource_type in _OWN for name in (resource_type, resource_type[:-1]))


class BaseEnvironment(dict[str, str]):
    """What all jobs of a batch inherit.

    `templates` are the variables whose values have placeholders, `vendor` is the vendor of the GPUs if known, `types`
    are the resource types of the pool, and `spare` maps each type to an id for jobs that request no slots of it.
    """

    def __init__(self, variables: Mapping[str, str], types: Iterable[str] = (), vendor: Vendor | None = None) -> None:
        super().__init__(variables)
        self.templates = tuple(name for name, value in variables.items() if has_placeholder(value))
        self.types = frozenset(types)
        self.spare = types if isinstance(types, Mapping) else {}
        self.vendor = vendor


def base_environment(
    environment: Mapping[str, str], types: Iterable[str] = (), attempt: str | None = None
) -> BaseEnvironment:
    """Return what all jobs of a batch inherit from the runner, whose pool has these resource `types`.

    If `types` is a mapping, it maps each type to an id for jobs that request no slots of it. `attempt` is the token of
    the attempt at the batch.
    """
    types = dict(types) if isinstance(types, Mapping) else frozenset(types)
    # A runner inside a job must not pass the outer job's ids on to its own jobs.
    kept = {
        name: value
        for name, value in callers_environment(environment).items()
        if not (name.startswith("CANARY_") and re.fullmatch(_IDS, name))
    }
    kept |= {name: "" for resource_type in sorted(types) for name in id_variable_names(resource_type, types)}
    if attempt is not None:
        # A runner inside a job keeps the mark of the outer one.
        kept[ATTEMPT] = f"{environment[ATTEMPT]}:{attempt}" if ATTEMPT in environment else attempt
    return BaseEnvironment(kept, types, vendor_of(environment))


def job_environment(
    base: Mapping[str, str],
    spec: JobSpec,
    resources: Resources,
    folder: Path | str,
    variables: Mapping[str, str | None] | None = None,
) -> dict[str, str]:
    """Return the environment of one job that runs in `folder` with `resources`.

    `variables` are the job's own (default: those of the spec); a variable that is None is unset. Raises InputError for
    malformed environment changes.
    """
    if spec.ctest is not None:
        return _ctest_environment(base, spec, resources, folder, variables)
    own = str(folder)
    known = base if isinstance(base, BaseEnvironment) else BaseEnvironment(base)
    ids = id_variables(resources, known.types)
    masks = mask_variables([str(item["id"]) for item in resources.get("gpus", ())], known.vendor)
    environment = {**base, **ids}
    _set_all(environment, masks)
    _expand_inherited(environment, known, {*ids, *masks})
    # OpenMP would start a thread for each CPU of the machine; MKL, OpenBLAS and NumExpr follow this variable, too.
    environment.setdefault("OMP_NUM_THREADS", str(max(spec.cpus, 1)))
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
    """Return the environment of a CTest test: what ctest would give it, and the ids it was given.

    A CTest test chooses its devices by the variables of its resource groups. So the visible devices, the number of
    threads and PATH stay as the runner found them.
    """
    known = base if isinstance(base, BaseEnvironment) else BaseEnvironment(base)
    ids = id_variables(resources, known.types)
    environment = {
        **base,
        **ids,
        "CANARY_WF_JOB": f"{folder}/{STATE_FILE}",
        "PWD": spec.working_directory or str(folder),
        # ctest sets the first in interactive runs and the second in dashboard runs; programs query either.
        "CTEST_INTERACTIVE_DEBUG_MODE": "1",
        "DASHBOARD_TEST_FROM_CTEST": str(spec.attributes.get("ctest") or "1"),
    }
    _expand_inherited(environment, known, ids)
    _set_all(environment, spec.environment if variables is None else variables)
    environment = changed_environment(environment, spec.ctest.environment_modification if spec.ctest else ())
    environment.pop(COUNT_VARIABLE, None)
    return {**environment, **group_variables(spec, resources, known.spare)}


def _expand_inherited(environment: dict[str, str], base: BaseEnvironment, own: Collection[str]) -> None:
    """Replace the placeholders in inherited variables, except those that are the job's `own`."""
    for name in base.templates:
        if name not in own:
            environment[name] = expanded(base[name], environment)


def _set_all(environment: dict[str, str], variables: Mapping[str, str | None]) -> None:
    """Set `variables`, with their placeholders replaced by the ids in `environment`."""
    for name, value in variables.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = expanded(value, environment)


def id_variables(resources: Resources, types: Collection[str] = ()) -> dict[str, str]:
    """Return the variables with a job's ids, by type, of a pool with these `types`."""
    ids = {resource_type: ",".join(str(item["id"]) for item in items) for resource_type, items in resources.items()}
    known = {*types, *ids}
    variables = {"CANARY_CPU_IDS": "", "CANARY_GPU_IDS": ""}
    variables.update(
        {name: text for resource_type, text in ids.items() for name in id_variable_names(resource_type, known)}
    )
    nodes = resources.get(NODES, [])
    if nodes:
        # srun and MPI launchers need these; they were removed from the environment of the executor's job step.
        variables.update(dict.fromkeys(("SLURM_JOB_NODELIST", "SLURM_NODELIST"), ids[NODES]))
        variables.update(dict.fromkeys(("SLURM_JOB_NUM_NODES", "SLURM_NNODES"), str(len(nodes))))
    return variables


def id_variable_names(resource_type: str, types: Collection[str]) -> tuple[str, ...]:
    """Return the variables for ids of `resource_type`: CANARY_FPGAS_IDS and CANARY_FPGA_IDS for ``fpgas``.

    The singular is reserved for a type of that very name. CPUs, GPUs and nodes always keep their variables, so a type
    that would share them (``gpu``, ``GPUS``) gets CANARY_RESOURCE_GPU_IDS and the like.
    """
    if not resource_type.isidentifier():
        return ()
    own = id_variable(resource_type)
    if resource_type in _OWN:
        return (own, id_variable(resource_type[:-1]))
    if own in _RESERVED:
        return (id_variable(f"resource_{resource_type}"),)
    if not resource_type.endswith("s") or resource_type[:-1] in types:
        return (own,)
    return (own, id_variable(resource_type[:-1]))


def _prefixed(prefix: str, rest: str) -> str:
    return f"{prefix}{os.pathsep}{rest}" if rest else prefix
