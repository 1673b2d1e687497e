"""`canary-wf plan`: what `generate` would plan; nothing is written."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.generate import count, describe_target, tell_left_out
from canary_wf.cli.options import (
    discovery_options,
    json_option,
    out_option,
    plan_settings,
    planning_options,
    pool_options,
    resource_requests,
    selection_options,
)
from canary_wf.durations import format_duration
from canary_wf.generation import check_paths, find_jobs, known_runtimes, plan_jobs
from canary_wf.json_files import encode
from canary_wf.plan.model import Plan
from canary_wf.plan.summary import PlanSummary, summarize
from canary_wf.plan.target import choose_target


@click.command("plan")
@selection_options
@planning_options
@pool_options
@out_option
@json_option
@click.option("--cluster-nodes", type=click.IntRange(min=1), metavar="K", help="Nodes that the makespan is told for.")
def command(
    *,
    paths: tuple[str, ...],
    batch: tuple[str, ...],
    strict: bool,
    resources: tuple[str, ...],
    pool_file: Path | None,
    out: Path,
    as_json: bool,
    cluster_nodes: int | None,
    **selection: Any,  # noqa: ANN401 - the selection options
) -> None:
    """Show the batches that generate would make of the jobs under PATH."""
    settings, scheduler = plan_settings(batch, strict=strict)
    requested = resource_requests(resources)
    target = choose_target(scheduler, requested, pool_file)
    out = Path(os.path.abspath(out))  # noqa: PTH100 - resolve() would follow links out of OUT
    found = find_jobs(check_paths(paths), discovery_options(selection, requested), out)
    plan = plan_jobs(found, settings, target, known_runtimes(out), out)
    tell_left_out(plan)
    summary = summarize(plan, cluster_nodes)
    if as_json:
        content = {"jobs": len(plan.jobs), "batches": plan.batches, "left_out": plan.left_out, "summary": summary}
        sys.stdout.write(encode(content).decode() + "\n")
    else:
        _print(plan, summary)


def _print(plan: Plan, summary: PlanSummary) -> None:
    rows: list[tuple[str, ...]] = [("batch", "jobs", "cpus", "gpus", "nodes", "expected", "limit", "after")]
    for batch in plan.batches:
        sizes = (len(batch.jobs), batch.cpus, batch.gpus, batch.nodes)
        times = (format_duration(batch.runtime), format_duration(batch.time_limit))
        rows.append((batch.id, *map(str, sizes), *times, " ".join(batch.dependencies)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    sys.stdout.write(
        f"{count(summary.jobs, 'job')} in {count(summary.batches, 'batch', 'batches')}"
        f" (the work alone fills {summary.batches_nominal}), planned for {describe_target(plan)}\n"
        f"expected: {format_duration(summary.makespan)} from start to end,"
        f" {format_duration(summary.critical_path)} on the longest chain of batches,"
        f" {summary.core_hours:.2f} core-hours, {summary.gpu_hours:.2f} GPU-hours\n"
    )
