"""A plan as one self-contained page: its key figures, the batches on the cluster, and the jobs of each batch by id.

The page contains everything it shows and loads nothing. Job names are always text: the template escapes them, and its
script only inserts them as text.
"""

from collections.abc import Sequence
from typing import Any

from canary_wf._version import __version__
from canary_wf.durations import format_duration
from canary_wf.plan.explanation.summary import SECONDS_AN_HOUR, PlanSummary
from canary_wf.plan.explanation.wording import nodes_in_words
from canary_wf.plan.model import Plan
from canary_wf.plan.store import slices
from canary_wf.report.html.gantt import LEFT, TOP, WIDTH, gantt_of
from canary_wf.report.html.heading import about, heading
from canary_wf.report.html.page import render_page
from canary_wf.report.placement import place_jobs
from canary_wf.spec.batch_slice import BatchSlice, PlannedBatch
from canary_wf.wording import amount, count

_TEMPLATE = "plan_page.html.j2"


def plan_page(plan: Plan, summary: PlanSummary, warnings: Sequence[str], cluster_nodes: int | None = None) -> str:
    """Return the HTML page of `plan`, drawn for the same number `cluster_nodes` as `summary`."""
    gantt = gantt_of(plan, cluster_nodes)
    slices_of_plan = list(slices(plan))
    return render_page(
        _TEMPLATE,
        version=__version__,
        plan=plan,
        heading=heading(plan, "Plan"),
        about=about(plan),
        facts=_facts(plan, summary),
        warnings=warnings,
        gantt=gantt,
        frame={"width": WIDTH, "left": LEFT, "top": TOP},
        batches=[_batch(plan, batch) for batch in plan.batches],
        rows=[{"label": _label(batch), "seconds": format_duration(batch.runtime)} for batch in plan.batches],
        details=[_detail(batch_slice) for batch_slice in slices_of_plan],
    )


def _facts(plan: Plan, summary: PlanSummary) -> list[tuple[str, str]]:
    where = "this machine" if plan.scheduler == "local" else "Slurm"
    return [
        ("jobs", f"{summary.jobs:,}"),
        ("submissions", f"{summary.submissions:,}"),
        ("start to end", format_duration(summary.makespan)),
        ("longest chain", format_duration(summary.critical_path)),
        ("core-hours", f"{summary.core_hours:,.2f}"),
        ("GPU-hours", f"{summary.gpu_hours:,.2f}"),
        ("planned for", f"{where}: nodes with {nodes_in_words(plan)}"),
    ]


def _label(batch: PlannedBatch) -> str:
    """Return the label of a bar, for a pointer and for a screen reader."""
    jobs = "1 job" if len(batch.jobs) == 1 else f"{len(batch.jobs)} jobs"
    sizes = amount(batch.cpus, "cpus") + (f", {amount(batch.gpus, 'gpus')}" if batch.gpus else "")
    sizes += f", {batch.nodes} nodes" if batch.nodes > 1 else ""
    after = f", after {count(len(batch.dependencies), 'other')}" if batch.dependencies else ""
    times = f"{format_duration(batch.runtime)} expected, limit {format_duration(batch.time_limit)}"
    return f"batch {batch.id}: {jobs}, {sizes}, {times}{after}"


def _batch(plan: Plan, batch: PlannedBatch) -> dict[str, Any]:
    target = plan.batch_spec.duration
    kind = "gpu" if batch.gpus else "cpu"
    return {
        "id": batch.id,
        "jobs": len(batch.jobs),
        "cpus": batch.cpus,
        "gpus": batch.gpus,
        "nodes": batch.nodes,
        "expected": format_duration(batch.runtime),
        "limit": format_duration(batch.time_limit),
        "hours": f"{batch.cpus * batch.nodes * batch.runtime / SECONDS_AN_HOUR:.2f}",
        "after": list(batch.dependencies),
        "class": kind if target is None or batch.runtime <= target * (1 + 1e-9) else f"{kind} long",
    }


def _detail(batch_slice: BatchSlice) -> dict[str, Any]:
    """Return what the script draws for a batch: per job its name, start, run time, source, and indices of its ids."""
    placed = place_jobs(batch_slice)
    ids = _ids(batch_slice, [item.ids for item in placed])
    index = {pair: number for number, pair in enumerate(ids)}
    names = [f"{kind.removesuffix('s')} {name}" for kind, name in ids]
    nothing = [] if all(item.ids for item in placed) else ["no id"]
    return {
        "id": batch_slice.batch.id,
        "label": _label(batch_slice.batch),
        "length": batch_slice.batch.runtime,
        "ids": names + nothing,
        "jobs": [
            [
                batch_slice.jobs[item.job].name,
                round(item.start, 3),
                round(item.end - item.start, 3),
                batch_slice.jobs[item.job].runtime_source,
                [index[kind, name] for kind, taken in item.ids.items() for name in taken] or [len(names)],
            ]
            for item in placed
        ],
    }


def _ids(batch_slice: BatchSlice, used: Sequence[dict[str, tuple[str, ...]]]) -> list[tuple[str, str]]:
    """Return the ids that the batch's jobs get, CPUs first, in the order of the pool."""
    used_ids = {(kind, name) for ids in used for kind, names in ids.items() for name in names}
    pool = batch_slice.resource_pool["resources"]
    types = ["cpus", "gpus", *sorted(set(pool) - {"cpus", "gpus"})]
    return [
        (kind, str(item["id"])) for kind in types for item in pool.get(kind, ()) if (kind, str(item["id"])) in used_ids
    ]
