"""The node types of a Slurm cluster, as `sinfo` reports them (its manual, "--format")."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from canary_wf.errors import UsageError
from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.resources.slurm.command import ask_slurm
from canary_wf.wording import amount

_NO_OPTIONS = SlurmOptions()
_LINE = re.compile(r"([^|]*)\|(\d+)\+?\|(\d+)\+?\|([^|]*)(?:\|([^|]*))?(?:\|([^|]*)\|([^|]*))?")
_OUT_OF_USE = re.compile(r"(?:down|drain|drng|fail|error|inval|maint|unk|no_respond|perfctrs|future)", re.IGNORECASE)


class ClusterNode(msgspec.Struct, frozen=True):
    """One line of `sinfo`: the nodes of one type in a partition. `memory` is in MiB."""

    partition: str
    is_default: bool
    cpus: int
    memory: int
    gpus: int
    features: tuple[str, ...] = ()
    availability: str = "up"
    state: str = "idle"

    @property
    def takes_jobs(self) -> bool:
        """Whether a job may start on these nodes, now or after other jobs have ended, as far as is known."""
        return self.availability == "up" and not _OUT_OF_USE.match(self.state)

    @property
    def size(self) -> tuple[int, int, int]:
        """GPUs, CPUs and MiB, scarcest first."""
        return (self.gpus, self.cpus, self.memory)


def node_types(nodes: Iterable[ClusterNode]) -> list[ClusterNode]:
    """Return the node types that are not smaller than another type in every respect, most GPUs and CPUs first."""
    types = {node.size: node for node in sorted(nodes, key=lambda node: node.size, reverse=True)}
    return [node for size, node in types.items() if not any(_is_within(size, other) for other in types)]


def _is_within(size: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return size != other and all(own <= theirs for own, theirs in zip(size, other, strict=True))


def out_of_use(nodes: Sequence[ClusterNode]) -> list[str]:
    """Return which of `nodes` take no jobs, in words: partitions, or all nodes of one type in a partition."""
    found = []
    for partition in dict.fromkeys(node.partition for node in nodes):
        of_it = [node for node in nodes if node.partition == partition]
        closed = next((node.availability for node in of_it if node.availability != "up"), None)
        if closed is not None:
            found.append(f"partition {partition} is {closed}")
            continue
        for size in dict.fromkeys(node.size for node in of_it):
            alike = [node for node in of_it if node.size == size]
            if not any(node.takes_jobs for node in alike):
                states = ", ".join(dict.fromkeys(node.state for node in alike))
                gpus, cpus, _ = size
                kind = amount(cpus, "cpus") + (f" and {amount(gpus, 'gpus')}" if gpus else "")
                found.append(f"all nodes of partition {partition} with {kind} are {states}")
    return found


def ask_sinfo(slurm: SlurmOptions = _NO_OPTIONS) -> list[ClusterNode]:
    """Return the nodes that match `slurm`: those of its partition, else of the default partition, else all.

    The list is empty if `sinfo` does not answer. Raises UsageError for an unknown partition, and if no node of it has
    the features or GPUs that `slurm` asks for.
    """
    answer = ask_slurm("sinfo", "--noheader", "--format=%P|%c|%m|%G|%f|%a|%T")
    lines = answer.text.splitlines() if answer.ok else []
    nodes = [node for line in lines if (node := parse_sinfo(line, slurm.gpu_model)) is not None]
    if not nodes:
        return []
    if slurm.partition is None:
        found = [node for node in nodes if node.is_default] or nodes
    else:
        found = _of_partitions(nodes, slurm.partition.split(","))
    return _with_features(found, slurm)


def _of_partitions(nodes: list[ClusterNode], names: list[str]) -> list[ClusterNode]:
    names_here = sorted({node.partition for node in nodes})
    for name in names:
        if name not in names_here:
            message = f"there is no partition {name!r} here"
            raise UsageError(message, where="--slurm partition", hint=f"there are {', '.join(names_here)}")
    return [node for node in nodes if node.partition in names]


def _with_features(nodes: list[ClusterNode], slurm: SlurmOptions) -> list[ClusterNode]:
    """Return the nodes that match the constraint if it is one word. Only Slurm can evaluate an expression."""
    if slurm.gpu_model is not None and not any(node.gpus for node in nodes):
        raise UsageError(f"no node of the partition has GPUs {slurm.gpu_model!r}", where="--slurm gpu_model")
    if slurm.constraint is None or not slurm.constraint.replace("_", "").replace("-", "").isalnum():
        return nodes
    found = [node for node in nodes if slurm.constraint in node.features]
    if not found:
        raise UsageError(f"no node of the partition has feature {slurm.constraint!r}", where="--slurm constraint")
    return found


def parse_sinfo(line: str, gpu_model: str | None = None) -> ClusterNode | None:
    """Parse a ``partition|cpus|memory|gres|features|availability|state`` line of `sinfo`. Return None for others.

    The fields after the gres may be missing. With `gpu_model`, only GPUs of that model count.
    """
    match = _LINE.fullmatch(line.strip())
    if match is None:
        return None
    name, cpus, memory, gres, features, availability, state = match.groups()
    # gpu:4, gpu:a100:4, gpu:a100:4(S:0-1); a comma separates several
    models = re.findall(r"(?:^|,)gpu(?::([^:,()]+))?:(\d+)(?![^,(])", gres)
    gpus = sum(int(count) for model, count in models if gpu_model in {None, model})
    listed = () if features in {None, "(null)"} else tuple(features.split(","))
    return ClusterNode(
        name.rstrip("*"),
        name.endswith("*"),
        int(cpus),
        int(memory),
        gpus,
        listed,
        (availability or "up").strip(),
        (state or "idle").strip(),
    )
