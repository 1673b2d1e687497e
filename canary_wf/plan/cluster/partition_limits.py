"""The limits of a partition on one job, so that planning refuses a batch that `sbatch` would refuse.

Source: ``scontrol show partition`` (its manual, section "PARTITIONS - SPECIFICATIONS FOR SHOW COMMAND").
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from canary_wf.errors import InputError
from canary_wf.resources.slurm.command import ask_slurm
from canary_wf.spec.batch_slice import PlannedBatch

_FIELD = re.compile(r"(?:^|\s)([A-Za-z:]+)=(\S*)")
_TIME = re.compile(r"(?:(\d+)-)?(\d+):(\d+)(?::(\d+))?")


class PartitionLimits(msgspec.Struct, frozen=True):
    """The limits of one partition: minutes and nodes of one job, MiB and CPUs on one node. None means no limit."""

    name: str
    is_default: bool = False
    minutes: int | None = None
    nodes: int | None = None
    memory: int | None = None
    memory_per_cpu: int | None = None
    cpus: int | None = None

    def memory_of(self, node_cpus: int) -> int | None:
        """Return the MiB that a job may have on a node of `node_cpus` CPUs.

        With a limit for each CPU, Slurm adds CPUs to a job that asks for more memory than its CPUs allow.
        """
        per_cpu = None if self.memory_per_cpu is None else self.memory_per_cpu * min(node_cpus, self.cpus or node_cpus)
        return min((size for size in (self.memory, per_cpu) if size is not None), default=None)


def ask_partitions(partitions: str | None) -> list[PartitionLimits] | None:
    """Return the limits of partitions (``a,b``; None: the default one, or all), or None if they are unknown."""
    answer = ask_slurm("scontrol", "show", "partition", "--oneliner")
    if not answer.ok:
        return None
    found = [parsed for line in answer.text.splitlines() if (parsed := parse_partition(line)) is not None]
    if partitions is not None:
        names = partitions.split(",")
        return [limits for limits in found if limits.name in names] or None
    return [limits for limits in found if limits.is_default] or found or None


def parse_partition(line: str) -> PartitionLimits | None:
    """Parse one line of ``scontrol show partition --oneliner``. Return None if it does not have that form."""
    fields = dict(_FIELD.findall(line))
    if not fields.get("PartitionName"):
        return None
    nodes = [number for name in ("MaxNodes", "TotalNodes") if (number := _number(fields.get(name)))]
    return PartitionLimits(
        name=fields["PartitionName"],
        is_default=fields.get("Default") == "YES",
        minutes=_minutes(fields.get("MaxTime")),
        nodes=min(nodes, default=None),
        memory=_number(fields.get("MaxMemPerNode")),
        memory_per_cpu=_number(fields.get("MaxMemPerCPU")),
        cpus=_number(fields.get("MaxCPUsPerNode")),
    )


def keep_to_limits(
    batches: Iterable[PlannedBatch], partitions: Sequence[PartitionLimits], node_cpus: int
) -> list[PlannedBatch]:
    """Return `batches` with the longest time that one of `partitions` allows each. Nodes have `node_cpus` CPUs.

    Only partitions that accept the batch as planned count. Raises InputError for a batch that no partition accepts.
    """
    return [_keep_to_limits(batch, partitions, node_cpus) for batch in batches]


def _keep_to_limits(batch: PlannedBatch, partitions: Sequence[PartitionLimits], node_cpus: int) -> PlannedBatch:
    reasons = [list(_excesses(batch, limits, node_cpus)) for limits in partitions]
    if reasons and all(reasons):
        asked, allowed, hint = reasons[0][0]
        message = f"asks for {asked}, partition {partitions[0].name} allows {allowed}"
        raise InputError(message, where=f"batch {batch.id}", hint=hint)
    allowing = [limits.minutes for limits, excesses in zip(partitions, reasons, strict=True) if not excesses]
    known = [minutes for minutes in allowing if minutes is not None]
    if not known or len(known) < len(allowing):
        return batch
    return msgspec.structs.replace(batch, longest=max(known))


def _excesses(batch: PlannedBatch, limits: PartitionLimits, node_cpus: int) -> Iterator[tuple[str, str, str]]:
    """Yield for each limit that the batch exceeds what it asks for, what is allowed, and a hint."""
    minutes = math.ceil(batch.time_limit / 60)
    elsewhere = "choose another one with --slurm partition=NAME"
    if limits.minutes is not None and minutes > limits.minutes:
        help_ = f"plan shorter batches with -b spec=duration:T, give its jobs shorter timeouts, or {elsewhere}"
        yield f"{minutes} minutes", f"{limits.minutes} minutes", help_
    if limits.nodes is not None and batch.nodes > limits.nodes:
        yield f"{batch.nodes} nodes", f"{limits.nodes}", f"say what a job may use with -r nodes=N, or {elsewhere}"
    if limits.cpus is not None and batch.cpus > limits.cpus:
        yield f"{batch.cpus} CPUs on a node", f"{limits.cpus}", f"say what a node offers with -r cpus=N, or {elsewhere}"
    memory = limits.memory_of(node_cpus)
    if memory is not None and batch.memory is not None and batch.memory > memory:
        yield (
            f"{batch.memory} MiB",
            f"{memory} MiB on a node",
            f"say what a node offers with -r memory=N, or {elsewhere}",
        )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 and int(text) else None  # noqa: PLR2004 - more digits are damage


def _minutes(text: str | None) -> int | None:
    """Return the whole minutes of ``days-hours:minutes:seconds``, or None for UNLIMITED and malformed text."""
    match = _TIME.fullmatch(text or "")
    if match is None:
        return None
    days, first, second = (int(part or 0) for part in match.groups()[:3])
    hours, minutes = (0, first) if match[4] is None else (first, second)
    return days * 24 * 60 + hours * 60 + minutes
