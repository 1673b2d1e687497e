"""`canary-wf plan`: what `generate` would plan, and its cost. It writes only the page of `--html`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from canary_wf.cli.completion import session_names_from
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_job, has_prefix
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
from canary_wf.cli.workspace import nearest_workspace
from canary_wf.durations import format_duration
from canary_wf.errors import UsageError, one_line
from canary_wf.files.json_files import write_for_user
from canary_wf.generation import check_paths, find_jobs, known_runtimes, open_readings, plan_jobs
from canary_wf.history.run_times import History, load_history
from canary_wf.plan.cluster.advice import cluster_warnings
from canary_wf.plan.cluster.target import choose_target
from canary_wf.plan.explanation.explain import explain
from canary_wf.plan.explanation.summary import PlanSummary, summarize
from canary_wf.plan.explanation.warnings import notes_of, short_note, warnings_of
from canary_wf.plan.model import Plan, RulesMode
from canary_wf.plan.store import find_session, load_plan
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
    rules: RulesMode


_WITH_SESSION = frozenset({"out", "session", "as_json", "cluster_nodes", "html", "verbose", "explained"})
"""The parameters that go with `--session`; all others are about a new plan."""


@click.command("plan", cls=DocumentedCommand)
@selection_options
@planning_options
@pool_options
@out_option
@click.option(
    "--session",
    metavar="SESSION",
    shell_complete=session_names_from,
    help="Show what was planned for this session instead: its name or the start of it, latest, -1, ….",
)
@json_option
@click.option(
    "--cluster-nodes", type=WholeNumber(min=1), metavar="K", help="Number of nodes for which to compute the makespan."
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page to FILE.")
@click.option("-v", "--verbose", is_flag=True, help="Say too how the run times and the sizes of batches came about.")
@click.option("--explain", "explained", metavar="JOB", help="Explain the batch, estimate and limit of JOB.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    out: Path,
    session: str | None,
    as_json: bool,
    cluster_nodes: int | None,
    html: Path | None,
    explained: str | None,
    verbose: bool,
    **values: Any,  # noqa: ANN401 - the selection, planning and pool options
) -> None:
    """Show the batches that generate would make of the jobs under PATH, and what they cost."""
    if session is None:
        plan, history, rules, further = _planned(values, out)
    else:
        _check_alone(context)
        is_given = context.get_parameter_source("out") is not click.core.ParameterSource.DEFAULT
        plan, history, rules, further = _recorded(out if is_given else nearest_workspace(), session)
    short = short_note(plan)
    notes = notes_of(plan) if verbose or as_json else [short] if short else []
    warnings = [*warnings_of(plan), *further]
    view = _PlanView(plan, summarize(plan, cluster_nodes), warnings, notes, history, rules)
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


def _planned(values: dict[str, Any], out: Path) -> tuple[Plan, History, RulesMode, Sequence[str]]:
    """Plan the jobs of `values`; return the plan, the run times that it is based on, and further warnings."""
    settings, scheduler = plan_settings(values)
    requested = resource_requests(values["resources"])
    pool_file, query_gpus = values["pool_file"], values["query_gpus"]
    target = choose_target(scheduler, requested, pool_file, settings.slurm, query_gpus=query_gpus)
    tests = check_paths(values["paths"])
    found = find_jobs(tests, discovery_options(values), out, open_readings(tests, out), target)
    history = known_runtimes(out)
    plan = plan_jobs(found, settings, target, history, out)
    further = (*found.warnings, *cluster_warnings(target, out, settings.slurm))
    return plan, history, settings.rules, further


def _recorded(out: Path, session: str) -> tuple[Plan, History, RulesMode, Sequence[str]]:
    """Return the plan of a session, and the run times that were known when it was made."""
    paths = find_session(out, session)
    plan = load_plan(paths.plan)
    rules: RulesMode = "shape" if paths.batch_table.exists() else "batch"
    return plan, load_history(out).before(plan.session), rules, ()


def _check_alone(context: click.Context) -> None:
    """Raise UsageError for a parameter of the command line that is about a new plan."""
    typed = click.core.ParameterSource.COMMANDLINE
    for parameter in context.command.params:
        name = str(parameter.name)
        if name not in _WITH_SESSION and context.get_parameter_source(name) is typed:
            where = "PATH" if isinstance(parameter, click.Argument) else parameter.opts[0]
            raise UsageError("does not go with --session, whose plan is made", where=where)


def _write_page(view: _PlanView, path: Path, cluster_nodes: int | None) -> None:
    from canary_wf.report.html.plan_page import plan_page

    text = plan_page(view.plan, view.summary, view.warnings, cluster_nodes)
    write_for_user(path, text.encode("utf-8", "backslashreplace"), "write the page to another folder")
    say_written(path)


def _explain(view: _PlanView, name: str, *, as_json: bool) -> None:
    planned = any(job.id.startswith(name.lower()) for job in view.plan.jobs)
    for job in (*view.plan.left_out, *view.plan.masked):
        if name == job.name or (not planned and has_prefix(job.id, name)):
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
    if uses_shapes(view.plan, view.rules):
        return count(len(shapes_of(view.plan)), "rule of a shape", "rules of shapes")
    return "one rule for each batch"
