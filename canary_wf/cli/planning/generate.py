"""`canary-wf generate`: find the jobs, plan batches, and write the workflow into OUT."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import (
    discovery_options,
    json_option,
    out_option,
    plan_settings,
    planning_options,
    pool_options,
    resource_requests,
    selection_options,
    stacked,
    workflow_options,
)
from canary_wf.cli.output import print_json
from canary_wf.cli.workflow_options import module_lines, workflow_settings
from canary_wf.cli.workspace import hidden_workspace
from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.state.session_paths import relative_to_out
from canary_wf.wording import count, next_command, run_command

if TYPE_CHECKING:  # imported where they are used, not for `--help`
    from canary_wf.generation import Generated
    from canary_wf.plan.model import Plan

generate_options = stacked(
    selection_options,
    planning_options,
    pool_options,
    out_option,
    json_option,
    workflow_options,
    click.option("--update", is_flag=True, help="Keep final states of jobs whose id and inputs are unchanged."),
)


@click.command("generate", cls=DocumentedCommand)
@generate_options
def command(*, out: Path, as_json: bool, **values: Any) -> None:  # noqa: ANN401 - what the options of all groups hold
    """Find the jobs under PATH, plan batches, and write a Snakemake workflow into OUT."""
    generated = generate(values, out)
    if as_json:
        print_json(_as_dict(generated))
    else:
        _print(generated, out, module=values["module"])


def generate(values: dict[str, Any], out: Path) -> "Generated":
    """Generate the workflow for the `values` of `generate_options`; write its warnings to standard error."""
    from canary_wf.generation import check_paths, generate_workflow
    from canary_wf.plan.cluster.target import choose_target

    settings, scheduler = plan_settings(values)
    requested = resource_requests(values["resources"])
    query_gpus = values["query_gpus"]
    target = choose_target(scheduler, requested, values["pool_file"], settings.slurm, query_gpus=query_gpus)
    options = discovery_options(values)
    workflow = workflow_settings(values, out)
    paths = check_paths(values["paths"])
    source = click.get_current_context().get_parameter_source("out")
    hidden = hidden_workspace(out) if source is click.core.ParameterSource.DEFAULT else None
    generated = generate_workflow(paths, options, settings, target, out, update=values["update"], workflow=workflow)
    print_left_out(generated.plan)
    print_warnings(generated.warnings)
    if hidden is not None:
        there = os.path.relpath(hidden, out)
        print_warnings([f"there is a workspace in {there}, too; commands in this folder find it only with -d {there}"])
    return generated


def print_warnings(warnings: Sequence[str]) -> None:
    """Write `warnings` to standard error, one on each line."""
    for warning in warnings:
        sys.stderr.write(f"canary-wf: warning: {one_line(warning)}\n")


def print_left_out(plan: "Plan") -> None:
    """Write to standard error which jobs are left out, why, and what would let them run: one line for each reason."""
    from canary_wf.plan.explanation.wording import left_out_lines

    print_warnings(left_out_lines(plan.left_out))


def describe_target(plan: "Plan") -> str:
    """Return in words the machine that the plan is for."""
    from canary_wf.plan.explanation.wording import nodes_in_words

    nodes = nodes_in_words(plan)
    return f"this machine ({nodes})" if plan.scheduler == "local" else f"Slurm nodes with {nodes}"


def _as_dict(generated: "Generated") -> dict[str, Any]:
    plan = generated.plan
    return {
        "session": plan.session,
        "plan": relative_to_out(generated.paths.plan, generated.paths.out),
        "scheduler": plan.scheduler,
        "jobs": len(plan.jobs),
        "batches": len(plan.batches),
        "left_out": plan.left_out,
        "masked": len(plan.masked),
        "kept": generated.kept,
        "warnings": generated.warnings,
    }


def planned_lines(generated: "Generated") -> list[str]:
    """Return in words what was found and planned."""
    plan = generated.plan
    found = f"Found {count(len(generated.found.jobs), 'job')} in {count(generated.found.files, 'file')}"
    masked = f", {len(plan.masked)} masked" if plan.masked else ""
    batches = count(len(plan.batches), "batch", "batches")
    expected = sum(batch.runtime for batch in plan.batches)
    kept = f" {count(generated.kept, 'verdict')} kept from the previous session." if generated.kept else ""
    return [
        f"{found}{masked}.{kept}",
        f"Planned {batches} for {describe_target(plan)}, {format_duration(expected)} of batch time expected.",
    ]


def _print(generated: "Generated", out: Path, *, module: bool) -> None:
    plan = generated.plan
    lines = [*planned_lines(generated), f"Session {one_line(plan.session)}"]
    if module:
        lines.append(f"Next: {module_lines(out)}")
    else:
        from canary_wf.plan.cluster.advice import profile_for

        lines += [f"Next: {run_command(out)}", f"Or:   {next_command(out, profile_for(plan.scheduler))}"]
    sys.stdout.write("\n".join(lines) + "\n")
