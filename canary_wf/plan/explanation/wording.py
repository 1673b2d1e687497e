"""Text about parts of a plan: jobs that are left out, grouped by reason, and nodes."""

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from canary_wf.batch.problem import MEMORY
from canary_wf.errors import one_line
from canary_wf.plan.model import LeftOut, Plan
from canary_wf.spec.ctest_rules import DISABLED
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.session_paths import relative_to_out
from canary_wf.wording import amount, count, some

MOST_GROUPS = 10


def with_origin(left_out: LeftOut, job: JobSpec, out: Path) -> LeftOut:
    """Return `left_out` with the fields of its `job` that reports show. The file is relative to `out`."""
    ran_in = job.working_directory
    return msgspec.structs.replace(
        left_out,
        path=job.path,
        file=relative_to_out(job.file, out),
        command=job.command,
        keywords=job.keywords,
        test=job.attributes.get("test") if job.kind == "ctest" else None,
        folder=None if ran_in is None else posixpath.relpath(ran_in, posixpath.dirname(job.file)),
        cpus=job.cpus,
        disabled=job.mask == DISABLED,
    )


def grouped(jobs: Iterable[LeftOut]) -> dict[tuple[str, str | None], list[LeftOut]]:
    """Return `jobs` by reason and hint, largest group first."""
    groups: dict[tuple[str, str | None], list[LeftOut]] = {}
    for job in jobs:
        groups.setdefault((job.reason, job.hint), []).append(job)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def left_out_lines(jobs: Iterable[LeftOut]) -> list[str]:
    """Return a line for each reason why `jobs` are left out: how many, which, and the options that let them run."""
    groups = grouped(jobs)
    lines = [_line(reason, hint, members) for (reason, hint), members in groups.items()]
    more = sum(len(members) for members in list(groups.values())[MOST_GROUPS:])
    rest = [f"{count(more, 'more job')} left out for other reasons"] if more else []
    return [*lines[:MOST_GROUPS], *rest]


def _line(reason: str, hint: str | None, jobs: list[LeftOut]) -> str:
    names = some([job.name for job in jobs])
    phrase = f"{count(len(jobs), 'job')} left out, {reason}: {names}"
    how = "" if hint is None else f"; generate with {hint} to run {'it' if len(jobs) == 1 else 'them'}"
    return one_line(f"{phrase}{how}")


def node_in_words(node: Mapping[str, int], *, with_memory: bool = False) -> str:
    """Return what one node offers: slots by type, and memory if it may distinguish node types (`with_memory`)."""
    offered = [amount(count, name) for name, count in node.items() if name != MEMORY and count]
    offered += [f"{node[MEMORY]} MiB of memory"] if with_memory and node.get(MEMORY) else []
    return ", ".join(offered)


def nodes_in_words(plan: Plan) -> str:
    """Return what a node offers, and what the other node types offer that some batches need. GPUs count as devices."""
    others = [batch.node for batch in plan.batches if batch.node is not None]
    phrase = dict.fromkeys(node_in_words(node, with_memory=True) for node in others)
    node = plan.node if plan.scheduler == "slurm" else {**plan.node, "gpus": gpus_of(plan)}
    return " and with ".join([node_in_words(node, with_memory=bool(others)), *phrase])


def gpus_of(plan: Plan) -> int:
    """Return how many GPUs the machine of `plan` has. `node` counts the slots of all of them."""
    items = plan.resource_pool.get("resources", {}).get("gpus", ())
    return sum(1 for item in items if item["slots"]) if items else plan.node.get("gpus", 0)
