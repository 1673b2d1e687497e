"""Options that several commands share, and functions that evaluate them."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from canary_wf.cli.completion import batch_pairs, session_names_from
from canary_wf.cli.configured import ARGUMENTS, after_configured, paths_or_configured, warn_of_variables
from canary_wf.cli.workflow_options import software_choices
from canary_wf.cli.workspace import nearest_workspace
from canary_wf.errors import InputError, UsageError, WorkspaceError
from canary_wf.state.session_paths import absolute_path
from canary_wf.verdict.retry_policy import ANY, MOST, parse_retry

if TYPE_CHECKING:
    from canary_wf.batch.specification import BatchSpecification
    from canary_wf.discovery import DiscoveryOptions
    from canary_wf.plan.planner import PlanSettings


class WholeNumber(click.IntRange):
    """click's range of integers, with a plain name in messages."""

    name = "whole number"


F = TypeVar("F", bound=Callable[..., Any])


def _folder(_context: click.Context, _option: click.Parameter, text: str) -> Path:
    # An empty variable in a script must not mean the current folder.
    if not text:
        raise UsageError("is empty", where="-d", hint="name a folder, or leave -d out for the current one")
    folder = absolute_path(text)
    if os.path.exists(folder) and not os.path.isdir(folder):  # noqa: PTH110, PTH112 - also False where nobody may look
        hint = "name a folder with -d, or leave -d out for the current one"
        raise WorkspaceError("is not a folder", where=text, hint=hint)
    return folder


out_option = click.option(
    "-d", "--out", metavar="OUT", default=".", show_default=True, callback=_folder, help="The workspace."
)


def _nearest_workspace(context: click.Context, option: click.Parameter, text: str) -> Path:
    """Return the folder that `-d` or the configuration names, else the nearest workspace, else the current folder."""
    assert option.name is not None
    if context.get_parameter_source(option.name) is not click.core.ParameterSource.DEFAULT:
        return _folder(context, option, text)
    return nearest_workspace()


workspace_option = click.option(
    "-d",
    "--out",
    metavar="OUT",
    default=".",
    show_default="the nearest one, here or in a folder above",
    callback=_nearest_workspace,
    help="The workspace.",
)
"""The workspace of a command that needs one; `out_option` is for commands that may make one."""

session_option = click.option(
    "--session",
    metavar="SESSION",
    shell_complete=session_names_from,
    help="Another session than the newest: its name or the start of it, or -1 for the one before, -2, ….",
)
"""The session of a command that reads; `canary_wf.plan.store.find_session` says which one it is."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")

_BATCH_KEYS = ("spec", "scheduler", "workers", "fail_on", "retry", "output_limit")
_BATCH_MEANINGS = {
    **dict.fromkeys(("backend", "executor", "cluster"), "scheduler"),
    **dict.fromkeys(("jobs", "parallel", "processes", "threads"), "workers"),
    **dict.fromkeys(("retries", "reruns"), "retry"),
}
"""What one may write for a key of ``-b`` that means another one."""


def stacked(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return a decorator that adds all `options`. The help shows them in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...", callback=paths_or_configured)

selection_options = stacked(
    paths_argument,
    click.option("-k", "keyword_expression", metavar="EXPR", help="Only jobs whose keywords or names satisfy EXPR."),
    click.option("-R", "names_matching", metavar="REGEX", help="Only jobs whose names match REGEX, as with ctest."),
    click.option("-E", "names_not_matching", metavar="REGEX", help="No jobs whose names match REGEX."),
    click.option(
        "-L",
        "labels_matching",
        multiple=True,
        metavar="REGEX",
        help="Only jobs of which a keyword matches REGEX; several must all match.",
    ),
    click.option(
        "-LE",
        "labels_not_matching",
        multiple=True,
        metavar="REGEX",
        help="No jobs of which a keyword matches REGEX; several must all match.",
    ),
    click.option("-p", "parameter_expression", metavar="EXPR", help="Only jobs whose parameters satisfy EXPR."),
    click.option("-o", "names", multiple=True, metavar="NAME", help="Turn the option NAME on for when='options=NAME'."),
    click.option("--owner", "owners", multiple=True, metavar="NAME", help="Only jobs of this owner."),
    click.option("--regex", metavar="REGEX", help="Only jobs whose test file has text that matches REGEX."),
    click.option("--shard", metavar="M/N", help="Of these, only part M of N parts of about the same expected time."),
    click.option(
        "--timeout",
        "timeouts",
        multiple=True,
        metavar="TYPE=T",
        callback=after_configured,
        help="Time limit of jobs that declare none. TYPE is a keyword, as in fast=2m, or default; multiplier=2 doubles"
        " all limits.",
    ),
    click.option("--ctest-config", metavar="CFG", help="Configuration of CMake build trees that have several."),
)

planning_options = stacked(
    click.option(
        "-b",
        "batch",
        multiple=True,
        metavar="KEY=VALUE",
        callback=after_configured,
        shell_complete=batch_pairs,
        help="How batches are made and run; repeatable. The keys are below.",
    ),
    click.option(
        "--repeat-until-pass",
        type=WholeNumber(1, MOST + 1),
        metavar="N",
        help="Retry a job that does not pass, until it passes or has run N times.",
    ),
    click.option("--bind", is_flag=True, help="Bind each job to the CPUs of its ids."),
    click.option(
        "--rules",
        type=click.Choice(["batch", "shape", "auto"]),
        default="auto",
        show_default=True,
        help="One rule per batch or per shape (batches with about the same request); auto decides by their number.",
    ),
    click.option(
        "--slurm",
        "slurm",
        multiple=True,
        metavar="KEY=VALUE,…",
        callback=after_configured,
        help="Options for Slurm: account=, partition=, qos=, constraint=, gpu_model=, gpu_style=gpu|gres.",
    ),
    click.option(
        "--container-for",
        "containers_for",
        multiple=True,
        metavar="EXPR=IMAGE",
        callback=after_configured,
        help="Image of the jobs whose keywords or names satisfy EXPR; they get batches of their own.",
    ),
    click.option(
        "--conda-for",
        "condas_for",
        multiple=True,
        metavar="EXPR=FILE",
        callback=after_configured,
        help="Environment of the jobs whose keywords or names satisfy EXPR; they get batches of their own.",
    ),
    click.option("--hook", "hooks", multiple=True, metavar="MODULE:OBJECT", help="Call this for every event of a job."),
    click.option("--project", metavar="NAME", default="", help="Name on pages and lists (default: the folder's name)."),
    click.option("--strict", is_flag=True, help="Treat a job that fits on no node as an error."),
)

pool_options = stacked(
    click.option(
        "-r",
        "resources",
        multiple=True,
        metavar="TYPE=N",
        callback=after_configured,
        help="What one node has, e.g. cpus=32, gpus=4.",
    ),
    click.option(
        "--resource-pool-file",
        "pool_file",
        type=click.Path(path_type=Path),
        help="The same from a YAML or JSON file, also in CTest's format.",
    ),
    click.option("--query-gpus", is_flag=True, help="Ask the vendor's library for GPUs (canary-wf[nvidia] or [amd])."),
)

workflow_options = stacked(
    click.option("--module", is_flag=True, help="Also write what a larger Snakemake workflow needs to use this one."),
    click.option("--container", metavar="IMAGE", help="Image of all other batches, for snakemake --sdm apptainer."),
    click.option("--conda", metavar="FILE", help="Environment of all other batches, for snakemake --sdm conda."),
)


def discovery_options(values: dict[str, Any]) -> "DiscoveryOptions":
    """Return the discovery options for the values of the selection options."""
    from canary_wf.discovery import DiscoveryOptions
    from canary_wf.discovery.shards import parse_shard

    warn_of_variables()
    timeouts = {}
    for text in values["timeouts"]:
        limit_type, equals, seconds = text.partition("=")
        if not equals or not limit_type:
            raise UsageError(f"{text!r} is not understood", where="--timeout", hint="write TYPE=T, such as fast=2m")
        timeouts[limit_type] = seconds
    return DiscoveryOptions(
        options=frozenset(values["names"]),
        keyword_expression=values["keyword_expression"],
        parameter_expression=values["parameter_expression"],
        owners=tuple(values["owners"]),
        regex=values["regex"],
        names_matching=values.get("names_matching"),
        names_not_matching=values.get("names_not_matching"),
        labels_matching=tuple(values.get("labels_matching", ())),
        labels_not_matching=tuple(values.get("labels_not_matching", ())),
        timeouts=timeouts,
        ctest_config=values.get("ctest_config"),
        shard=None if values.get("shard") is None else parse_shard(values["shard"]),
    )


def resource_requests(texts: Sequence[str]) -> dict[str, int]:
    """Return the amounts of the `-r` options, by resource type."""
    from canary_wf.resources.options import parse_resource

    return dict(parse_resource(text) for text in texts)


def plan_settings(values: dict[str, Any]) -> "tuple[PlanSettings, str]":
    """Return the settings of the plan and the name of the scheduler for the values of the planning options."""
    from canary_wf.plan.cluster.slurm_options import parse_slurm_options
    from canary_wf.plan.planner import PlanSettings

    given = dict(_batch_pair(text) for text in values["batch"])
    workers = given.get("workers")
    if workers is not None and not re.fullmatch("0*[1-9][0-9]{0,5}", workers):
        raise UsageError(f"{workers[:20]!r} is not a whole number from 1 to 999999", where="-b workers")
    fail_on = given.get("fail_on", "any")
    if fail_on not in {"any", "never"}:
        raise UsageError(f"{fail_on!r} is not known", where="-b fail_on", hint="write any or never")
    settings = PlanSettings(
        batch_spec=_batch_spec(given.get("spec", "")),
        workers=None if workers is None else int(workers),
        retry=_retry(given.get("retry"), values["repeat_until_pass"]),
        bind=values["bind"],
        output_limit=_output_limit(given.get("output_limit")),
        fail_on="never" if fail_on == "never" else "any",
        strict=values["strict"],
        rules=values["rules"],
        slurm=parse_slurm_options(values["slurm"]),
        hooks=_hooks(values),
        software=software_choices(values["containers_for"], values["condas_for"]),
        project=values["project"],
        command=("canary-wf", *click.get_current_context().meta.get(ARGUMENTS, ())),
    )
    return settings, given.get("scheduler", "auto")


def _hooks(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the hooks of installed packages and of the options; warn of those that cannot be loaded here."""
    from canary_wf.hooks.user_hooks import check_hook, installed_hooks, why_not_loaded

    given = [check_hook(text) for text in values["hooks"]]
    elsewhere = values.get("container") or values.get("conda") or values["containers_for"] or values["condas_for"]
    for name in dict.fromkeys(given):
        # In a container or environment there may be other modules.
        if not elsewhere and (why := why_not_loaded(name)) is not None:
            sys.stderr.write(f"canary-wf: warning: --hook {name} {why}; it would not be called\n")
    return tuple(dict.fromkeys([*installed_hooks(), *given]))


def _batch_spec(text: str) -> "BatchSpecification":
    from canary_wf.batch.specification import BatchSpecification, BatchSpecificationError

    try:
        return BatchSpecification.parse(text)
    except BatchSpecificationError as error:
        raise UsageError(error.what.removeprefix("batch specification: "), where="-b spec", hint=error.hint) from None


def _output_limit(text: str | None) -> int | None:
    """Return the size `text` in bytes."""
    from canary_wf.resources.memory_size import MIB, parse_memory

    if text is None:
        return None
    try:
        size = parse_memory(text)
    except InputError:
        size = 0
    if not size:
        hint = "write MiB or a size such as 500MB or 2GiB"
        raise UsageError(f"{text[:60]!r} is not a positive size", where="-b output_limit", hint=hint)
    return size * MIB


def _retry(text: str | None, runs: int | None) -> dict[str, int]:
    policy = {} if text is None else parse_retry(text)
    if runs is None:
        return policy
    if ANY in policy:
        raise UsageError("says the same as -b retry=any", where="--repeat-until-pass", hint="give only one of them")
    return {**policy, ANY: runs - 1}


def _batch_pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or key not in _BATCH_KEYS:
        known = ", ".join(f"{name}=" for name in _BATCH_KEYS)
        near = _near_pair(key, value) if equals else None
        hint = f"write one of {known}" if near is None else f"did you mean {near}?"
        raise UsageError(f"{text!r} is not understood", where="-b", hint=hint)
    return key, value


def _near_pair(key: str, value: str) -> str | None:
    """Return the pair of ``-b`` that may be meant by another one, or None."""
    from difflib import get_close_matches

    if key in ("count", "duration", "layout", "nodes"):
        return f"spec={key}:{value}"
    near = [_BATCH_MEANINGS[key]] if key in _BATCH_MEANINGS else get_close_matches(key.lower(), _BATCH_KEYS, n=1)
    return f"{near[0]}={value}" if near else None
