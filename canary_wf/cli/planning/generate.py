"""`canary-wf generate`: find the jobs, plan batches, and write the workflow into OUT."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    workflow_options,
)
from canary_wf.cli.output import print_json
from canary_wf.cli.workflow_options import module_lines, workflow_settings
from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.generation import Generated, check_paths, generate_workflow
from canary_wf.plan.cluster.advice import slurm_profile
from canary_wf.plan.cluster.target import choose_target
from canary_wf.plan.explanation.wording import left_out_lines, nodes_in_words
from canary_wf.plan.model import Plan
from canary_wf.state.session_paths import relative_to_out
from canary_wf.wording import count, next_command


@click.command("generate", cls=DocumentedCommand)
@selection_options
@planning_options
@pool_options
@out_option
@json_option
@workflow_options
@click.option("--update", is_flag=True, help="Keep final states of jobs whose id and inputs are unchanged.")
def command(
    *,
    paths: tuple[str, ...],
    resources: tuple[str, ...],
    pool_file: Path | None,
    out: Path,
    as_json: bool,
    update: bool,
    **values: Any,  # noqa: ANN401 - the selection, planning and workflow options
) -> None:
    """Find the jobs under PATH, plan batches, and write a Snakemake workflow into OUT."""
    settings, scheduler = plan_settings(values)
    requested = resource_requests(resources)
    target = choose_target(scheduler, requested, pool_file, settings.slurm, query_gpus=values["query_gpus"])
    options = discovery_options(values)
    workflow = workflow_settings(values, out)
    generated = generate_workflow(check_paths(paths), options, settings, target, out, update=update, workflow=workflow)
    print_left_out(generated.plan)
    print_warnings(generated.warnings)
    if as_json:
        print_json(_as_dict(generated))
    else:
        _print(generated, out, module=values["module"])


def print_warnings(warnings: Sequence[str]) -> None:
    """Write `warnings` to standard error, one on each line."""
    for warning in warnings:
        sys.stderr.write(f"canary-wf: warning: {one_line(warning)}\n")


def print_left_out(plan: Plan) -> None:
    """Write to standard error which jobs are left out, why, and what would let them run: one line for each reason."""
    print_warnings(left_out_lines(plan.left_out))


def describe_target(plan: Plan) -> str:
    """Return in words the machine that the plan is for."""
    nodes = nodes_in_words(plan)
    return f"this machine ({nodes})" if plan.scheduler == "local" else f"Slurm nodes with {nodes}"


def _as_dict(generated: Generated) -> dict[str, Any]:
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


def _print(generated: Generated, out: Path, *, module: bool) -> None:
    plan = generated.plan
    found = f"Found {count(len(generated.found.jobs), 'job')} in {count(generated.found.files, 'file')}"
    masked = f", {len(plan.masked)} masked" if plan.masked else ""
    batches = count(len(plan.batches), "batch", "batches")
    expected = sum(batch.runtime for batch in plan.batches)
    kept = f" {count(generated.kept, 'verdict')} kept from the previous session." if generated.kept else ""
    lines = [
        f"{found}{masked}.{kept}",
        f"Planned {batches} for {describe_target(plan)}, {format_duration(expected)} of batch time expected.",
        f"Session {one_line(plan.session)}",
    ]
    if module:
        lines.append(f"Next: {module_lines(out)}")
    else:
        profile = slurm_profile() if plan.scheduler == "slurm" else "local"
        lines.append(f"Next: {next_command(out, profile)}")
    sys.stdout.write("\n".join(lines) + "\n")
