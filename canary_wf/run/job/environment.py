"""The environment a job runs in: the caller's, what the job declares, and the ids it was given, also as placeholders.

Each stands for the ids of one resource type that the job was given, separated by commas, as in the variable
``CANARY_GPU_IDS`` and its like; it is empty when the job was given none. Any other ``%(…)s`` stays as it is, and so
does every other percent sign: nothing is to be doubled, and nothing has to be.
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

_PLACEHOLDER = re.compile(r"%\(([A-Za-z_][A-Za-z0-9_]*)_ids\)s")


def id_variable(kind: str) -> str:
    """Return the name of the variable with the ids of `kind`, a resource type with or without its plural's s."""
    return f"CANARY_{kind.upper()}_IDS"


def has_placeholder(text: str) -> bool:
    """Return whether `text` has something that looks like a placeholder."""
    return "%(" in text and _PLACEHOLDER.search(text) is not None


def expanded(text: str, ids: Mapping[str, str]) -> str:
    """Return `text` with the placeholders replaced that `ids` (by `id_variable`) knows."""
    if "%(" not in text:
        return text
    return _PLACEHOLDER.sub(lambda found: ids.get(id_variable(found[1]), found[0]), text)


RUNTIME_FOLDER = str(Path(__file__).parents[2] / "runtime")
"""Where a test's `import canary` finds the runtime module."""

NODES = "nodes"
"""The type under which a job of several nodes is given their names."""

_IDS = re.compile("CANARY_[A-Z0-9_]+_IDS")
_OWN = ("cpus", "gpus", NODES)
_RESERVED = frozenset(id_variable(name) for kind in _OWN for name in (kind, kind[:-1]))


class BaseEnvironment(dict[str, str]):
    """What all jobs of a batch inherit.

    `templates` are the variables whose values have placeholders, `vendor` is whose GPUs there are, where that is known,
    `types` are the resource types of the pool, and `spare` is an id of each type for who wants no slots of it.
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
    """Return what all jobs of a batch inherit from the runner, who has resources of these `types`.

    As a mapping these have an id each, for jobs that want no slots of it. `attempt` is the token of the attempt
    at the batch.
    """
    types = dict(types) if isinstance(types, Mapping) else frozenset(types)
    # The ids of a runner inside of a job are not those of its own jobs.
    kept = {
        name: value
        for name, value in callers_environment(environment).items()
        if not (name.startswith("CANARY_") and _IDS.fullmatch(name))
    }
    kept |= {name: "" for kind in sorted(types) for name in id_names(kind, types)}
    if attempt is not None:
        # A runner inside of a job keeps what the outer one goes by.
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

    `variables` are the job's own (default: what the spec declares); one that is None is not set at all. Raises
    InputError for changes of variables that are not well formed.
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
    # OpenMP would start a thread for each CPU of the machine; MKL, OpenBLAS and NumExpr go by this one, too.
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
    """Return the environment of a test of CTest: what CTest would give it, and which ids it was given.

    A test of CTest chooses its devices itself, by the variables of its resource groups, so that what is visible, how
    many threads it may start, and PATH are left as the runner found them.
    """
    known = base if isinstance(base, BaseEnvironment) else BaseEnvironment(base)
    ids = id_variables(resources, known.types)
    environment = {
        **base,
        **ids,
        "CANARY_WF_JOB": f"{folder}/{STATE_FILE}",
        "PWD": spec.working_directory or str(folder),
        # Ctest sets the one when somebody may be looking on and the other in dashboards; programs ask for either.
        "CTEST_INTERACTIVE_DEBUG_MODE": "1",
        "DASHBOARD_TEST_FROM_CTEST": str(spec.attributes.get("ctest") or "1"),
    }
    _expand_inherited(environment, known, ids)
    _set_all(environment, spec.environment if variables is None else variables)
    environment = changed_environment(environment, spec.ctest.environment_modification if spec.ctest else ())
    environment.pop(COUNT_VARIABLE, None)
    return {**environment, **group_variables(spec, resources, known.spare)}


def _expand_inherited(environment: dict[str, str], base: BaseEnvironment, own: Collection[str]) -> None:
    """Replace the placeholders in what the job inherits, but for the variables that are its `own`."""
    for name in base.templates:
        if name not in own:
            environment[name] = expanded(base[name], environment)


def _set_all(environment: dict[str, str], variables: Mapping[str, str | None]) -> None:
    """Set `variables`, with their placeholders replaced by the ids that `environment` has."""
    for name, value in variables.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = expanded(value, environment)


def id_variables(resources: Resources, types: Collection[str] = ()) -> dict[str, str]:
    """Return the variables that give a job its ids by type, of a pool of these `types`."""
    ids = {kind: ",".join(str(item["id"]) for item in items) for kind, items in resources.items()}
    known = {*types, *ids}
    variables = {"CANARY_CPU_IDS": "", "CANARY_GPU_IDS": ""}
    variables.update({name: text for kind, text in ids.items() for name in id_names(kind, known)})
    nodes = resources.get(NODES, [])
    if nodes:
        # What srun and MPI's launchers look for; of a step of Slurm's executor these variables were taken away.
        variables.update(dict.fromkeys(("SLURM_JOB_NODELIST", "SLURM_NODELIST"), ids[NODES]))
        variables.update(dict.fromkeys(("SLURM_JOB_NUM_NODES", "SLURM_NNODES"), str(len(nodes))))
    return variables


def id_names(kind: str, types: Collection[str]) -> tuple[str, ...]:
    """Return the variables for ids of `kind`: CANARY_FPGAS_IDS and CANARY_FPGA_IDS for ``fpgas``.

    The singular is left to a type that is called so itself. CPUs, GPUs and nodes have theirs in any case, so that what
    another type would share with them (``gpu``, ``GPUS``) is CANARY_RESOURCE_GPU_IDS and the like.
    """
    if not kind.isidentifier():
        return ()
    own = id_variable(kind)
    if kind in _OWN:
        return (own, id_variable(kind[:-1]))
    if own in _RESERVED:
        return (id_variable(f"resource_{kind}"),)
    if not kind.endswith("s") or kind[:-1] in types:
        return (own,)
    return (own, id_variable(kind[:-1]))


def _prefixed(prefix: str, rest: str) -> str:
    return f"{prefix}{os.pathsep}{rest}" if rest else prefix
