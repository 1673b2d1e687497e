"""`canary_wf.generate`: the command `generate` for other programs, on top of `generation`."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from canary_wf.batch.specification import BatchSpecification
from canary_wf.discovery import DiscoveryOptions
from canary_wf.errors import UsageError
from canary_wf.generation import check_paths, generate_workflow
from canary_wf.plan.cluster.target import choose_target
from canary_wf.plan.model import Plan
from canary_wf.plan.planner import PlanSettings
from canary_wf.resources.options import parse_resource
from canary_wf.workflow.snakefile import WorkflowOptions

S = TypeVar("S", PlanSettings, DiscoveryOptions)

_SETTINGS = frozenset(
    {"workers", "retry", "bind", "output_limit", "fail_on", "strict", "rules", "slurm", "hooks", "software"}
)
_SELECTION = frozenset(
    {
        *("keyword_expression", "parameter_expression", "owners", "regex", "timeouts", "ctest_config", "shard"),
        *("names_matching", "names_not_matching", "labels_matching", "labels_not_matching"),
    }
)


def generate(  # noqa: PLR0913 - the options of a command
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (".",),
    batch_spec: str | BatchSpecification | None = "",
    out: str | os.PathLike[str] = ".",
    *,
    resources: Mapping[str, int | str] | None = None,
    resource_pool_file: str | os.PathLike[str] | None = None,
    scheduler: Literal["auto", "local", "slurm"] = "auto",
    settings: PlanSettings | None = None,
    options: DiscoveryOptions | None = None,
    workflow: WorkflowOptions | None = None,
    update: bool = False,
    **choices: Any,  # noqa: ANN401 - fields of the settings and of the options
) -> Plan:
    """Generate a workflow like the command `generate`, and return the plan. No configuration file is read.

    `batch_spec` is the text after ``-b spec=``; `resources` are the amounts of ``-r`` (slots by type, memory in MiB).
    `settings` has workers, the gate and strictness (`batch_spec` wins), `options` has the selection of jobs, `workflow`
    has containers and what a parent workflow needs. `choices` are single fields of the settings (``workers=2``) and of
    the options (``keyword_expression="fast"``), which win over both. Raises UsageError, InputError and WorkspaceError,
    all of them CanaryWfError, and TypeError for an unknown choice.
    """
    unknown = choices.keys() - _SETTINGS - _SELECTION
    if unknown:
        raise TypeError(f"generate() got an unexpected keyword argument {min(unknown)!r}")
    if not os.fspath(out):
        raise UsageError("is empty", where="out")
    spec = batch_spec if isinstance(batch_spec, BatchSpecification) else BatchSpecification.parse(batch_spec or "")
    settings = _chosen(settings or PlanSettings(), choices, _SETTINGS)
    settings = msgspec.structs.replace(settings, batch_spec=spec)
    if settings.workers is not None and settings.workers < 1:
        raise UsageError(f"{settings.workers} is not a whole number from 1", where="workers")
    requested = dict(parse_resource(f"{resource_type}={number}") for resource_type, number in (resources or {}).items())
    pool_file = None if resource_pool_file is None else Path(resource_pool_file)
    target = choose_target(scheduler, requested, pool_file, settings.slurm)
    selection = _chosen(options or DiscoveryOptions(), choices, _SELECTION)
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    checked = check_paths([os.fspath(path) for path in given])
    return generate_workflow(checked, selection, settings, target, Path(out), update=update, workflow=workflow).plan


def _chosen(known: S, choices: Mapping[str, Any], names: frozenset[str]) -> S:
    """Return `known` with the `choices` among `names` applied. Raises UsageError for a value of another type."""
    found = {}
    for field in msgspec.structs.fields(known):
        if field.name in choices and field.name in names:
            try:
                found[field.name] = msgspec.convert(choices[field.name], field.type)
            except msgspec.ValidationError as error:
                raise UsageError(f"{choices[field.name]!r:.80}: {error}", where=field.name) from None
    return msgspec.structs.replace(known, **found)
