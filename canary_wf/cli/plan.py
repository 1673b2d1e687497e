"""`canary-wf plan`: what `generate` would plan; nothing is written."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.generate import describe_target, tell_left_out
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
from canary_wf.generation import check_paths, find_jobs, plan_jobs
from canary_wf.json_files import encode
from canary_wf.plan.model import Plan
from canary_wf.plan.target import choose_target


@click.command("plan")
@selection_options
@planning_options
@pool_options
@out_option
@json_option
def command(
    *,
    paths: tuple[str, ...],
    batch: tuple[str, ...],
    strict: bool,
    resources: tuple[str, ...],
    pool_file: Path | None,
    out: Path,
    as_json: bool,
    **selection: Any,  # noqa: ANN401 - the selection options
) -> None:
    """Show the batches that generate would make of the jobs under PATH."""
    settings, scheduler = plan_settings(batch, strict=strict)
    requested = resource_requests(resources)
    target = choose_target(scheduler, requested, pool_file)
    out = Path(os.path.abspath(out))  # noqa: PTH100 - resolve() would follow links out of OUT
    found = find_jobs(check_paths(paths), discovery_options(selection, requested), out)
    plan = plan_jobs(found, settings, target, out)
    tell_left_out(plan)
    if as_json:
        sys.stdout.write(encode({"jobs": len(plan.jobs)}).decode() + "\n")
    else:
        _print(plan)


def _print(plan: Plan) -> None:
    rows = [("batch", "jobs", "cpus", "gpus", "nodes", "expected", "limit", "after")]
    for batch in plan.batches:
        sizes = (len(batch.jobs), batch.cpus, batch.gpus, batch.nodes)
        times = (format_duration(batch.runtime), format_duration(batch.time_limit))
        rows.append((batch.id, *map(str, sizes), *times, " ".join(batch.dependencies)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    sys.stdout.write(f"{len(plan.jobs)} jobs, planned for {describe_target(plan)}\n")
    del nominal_batches
