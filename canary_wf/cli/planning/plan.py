"""`canary-wf plan`: what `generate` would plan, and its cost. It writes only the page of `--html`."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import SHORTEST_PREFIX, find_job
from canary_wf.cli.options import (
    WholeNumber,
    discovery_options,
    json_option,
    out_option,
    plan_settings,
    planning_options,
    pool_options,
    resource_requests,
    selection_options,
)
from canary_wf.cli.output import print_columns, print_json, say_written
from canary_wf.cli.planning.generate import describe_target, print_left_out
from canary_wf.durations import format_duration
from canary_wf.errors import UsageError, one_line
from canary_wf.files.json_files import write_for_user
from canary_wf.generation import check_paths, find_jobs, known_runtimes, open_readings, plan_jobs
from canary_wf.history.run_times import History
from canary_wf.plan.cluster.advice import cluster_warnings
from canary_wf.plan.cluster.target import choose_target
from canary_wf.plan.explanation.explain import explain
from canary_wf.plan.explanation.summary import PlanSummary, summarize
from canary_wf.plan.explanation.warnings import notes_of, short_note, warnings_of
from canary_wf.plan.model import Plan
from canary_wf.plan.planner import PlanSettings
from canary_wf.wording import count
from canary_wf.workflow.shapes import shapes_of, uses_shapes

_MOST_NAMED = 4


class _PlanView(msgspec.Struct, frozen=True):
    """The plan with everything that is shown about it."""

    plan: Plan
    summary: PlanSummary
    warnings: list[str]
    notes: list[str]
    history: History
    settings: PlanSettings


@click.command("plan", cls=DocumentedCommand)
@selection_options
@planning_options
@pool_options
@out_option
@json_option
@click.option(
    "--cluster-nodes", type=WholeNumber(min=1), metavar="K", help="Number of nodes for which to compute the makespan."
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page to FILE.")
@click.option("-v", "--verbose", is_flag=True, help="Say too how the run times and the sizes of batches came about.")
@click.option("--explain", "explained", metavar="JOB", help="Explain the batch, estimate and limit of JOB.")
def command(
    *,
    paths: tuple[str, ...],
    resources: tuple[str, ...],
    pool_file: Path | None,
    out: Path,
    as_json: bool,
    cluster_nodes: int | None,
    html: Path | None,
    explained: str | None,
    **values: Any,  # noqa: ANN401 - the selection and planning options
) -> None:
    """Show the batches that generate would make of the jobs under PATH, and what they cost."""
    settings, scheduler = plan_settings(values)
    requested = resource_requests(resources)
    target = choose_target(scheduler, requested, pool_file, settings.slurm, query_gpus=values["query_gpus"])
    tests = check_paths(paths)
    found = find_jobs(tests, discovery_options(values), out, open_readings(tests, out), target)
    history = known_runtimes(out)
    plan = plan_jobs(found, settings, target, history, out)
    warnings = [*found.warnings, *warnings_of(plan), *cluster_warnings(target, out, settings.slurm)]
    short = short_note(plan)
    notes = notes_of(plan) if values["verbose"] or as_json else [short] if short else []
    view = _PlanView(plan, summarize(plan, cluster_nodes), warnings, notes, history, settings)
    if html is not None:
        _write_page(view, html, cluster_nodes)
    if explained is not None:
        _explain(view, explained, as_json=as_json)
        return
    print_left_out(plan)
    if as_json:
        content = {"jobs": len(plan.jobs), "batches": plan.batches, "left_out": plan.left_out}
        print_json({**content, "summary": view.summary, "warnings": view.warnings, "notes": view.notes})
    else:
        _print(view)


def _write_page(view: _PlanView, path: Path, cluster_nodes: int | None) -> None:
    from canary_wf.report.html.plan_page import plan_page

    text = plan_page(view.plan, view.summary, view.warnings, cluster_nodes)
    write_for_user(path, text.encode("utf-8", "backslashreplace"), "write the page to another folder")
    say_written(path)


def _explain(view: _PlanView, name: str, *, as_json: bool) -> None:
    planned = any(job.id.startswith(name.lower()) for job in view.plan.jobs)
    for job in (*view.plan.left_out, *view.plan.masked):
        if name == job.name or (not planned and len(name) >= SHORTEST_PREFIX and job.id.startswith(name.lower())):
            raise UsageError(f"{name!r} is in no batch: {job.reason}", where="--explain")
    explanation = explain(view.plan, find_job(view.plan.jobs, name, "canary-wf find"), view.history)
    if as_json:
        print_json({"explain": explanation})
    else:
        sys.stdout.write("\n".join(explanation.lines) + "\n")


def _print(view: _PlanView) -> None:
    plan, summary = view.plan, view.summary
    rows: list[tuple[str, ...]] = [("batch", "jobs", "cpus", "gpus", "nodes", "expected", "limit", "after")]
    for batch in plan.batches:
        sizes = (len(batch.jobs), batch.cpus, batch.gpus, batch.nodes)
        times = (format_duration(batch.runtime), format_duration(batch.time_limit))
        rows.append((batch.id, *map(str, sizes), *times, _after(batch.dependencies)))
    print_columns(rows, {"after": "end"})
    sys.stdout.write(
        f"{count(summary.jobs, 'job')} → {count(summary.submissions, 'submission')}"
        f" (the work alone fills {summary.batches_nominal}), {_rules(view)}, planned for {describe_target(plan)}\n"
        f"expected: {format_duration(summary.makespan)} from start to end,"
        f" {format_duration(summary.critical_path)} on the longest chain of batches,"
        f" {summary.core_hours:.2f} core-hours, {summary.gpu_hours:.2f} GPU-hours\n"
    )
    sys.stdout.write("".join(f"warning: {warning}\n" for warning in view.warnings))
    sys.stdout.write("".join(f"note: {note}\n" for note in view.notes))


def _after(batches: tuple[str, ...]) -> str:
    more = f" and {len(batches) - _MOST_NAMED} more" if len(batches) > _MOST_NAMED else ""
    return one_line(" ".join(batches[:_MOST_NAMED]) + more)


def _rules(view: _PlanView) -> str:
    if uses_shapes(view.plan, view.settings.rules):
        return count(len(shapes_of(view.plan)), "rule of a shape", "rules of shapes")
    return "one rule for each batch"
