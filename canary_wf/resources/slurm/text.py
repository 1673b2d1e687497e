"""The short forms of Slurm's lists, such as ``8(x2),4`` and ``n[1-3,5]``, and what `scontrol show job` prints."""

import re
from collections.abc import Iterator

LONGEST = 100_000
"""Maximal number of entries; a longer list is damaged, not large."""

_REPEATED = re.compile(r"([0-9]{1,9})(?:\(x([0-9]{1,6})\))?")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_NODE = re.compile(r"([^,\[\]]*)(?:\[([0-9,-]+)\]([^,\[\]]*))?(?:,|$)")
_DETAIL = re.compile(r"^\s*Nodes=(\S+)\s+CPU_IDs=([0-9,-]+)", re.MULTILINE)
_NODE_LIST = re.compile(r"^\s*NodeList=(\S+)", re.MULTILINE)
_MEMORY = re.compile(r"^\s*Nodes=(\S+)\s+CPU_IDs=[0-9,-]+\s+Mem=([0-9]{1,15})\b", re.MULTILINE)


def per_node(text: str) -> list[int]:
    """Return one number per node of ``8(x2),4``; [] for anything else."""
    numbers: list[int] = []
    for part in text.split(","):
        match = _REPEATED.fullmatch(part.strip())
        if match is None:
            return []
        times = int(match[2] or 1)
        if len(numbers) + times > LONGEST:
            return []
        numbers += [int(match[1])] * times
    return numbers


def numbers_of(text: str) -> list[int]:
    """Return the numbers of ``0-3,8``; [] for anything else."""
    return [int(number) for number in _expanded(text)]


def nodes_of(text: str) -> list[str]:
    """Return the names in ``n[1-3,07],login``; a name may have one pair of brackets."""
    names: list[str] = []
    for match in _NODE.finditer(text):
        prefix, ranges, suffix = match.groups()
        if ranges is not None:
            names += [f"{prefix}{number}{suffix}" for number in _expanded(ranges)]
        elif prefix:
            names.append(prefix)
    return names


def cpu_ids_of_job(text: str, node: str) -> list[int]:
    """Return the CPU ids that `scontrol show -d job` lists for `node`, [] if it lists none.

    They are Slurm's own numbers, which may differ from those of the operating system.
    """
    lines = _DETAIL.findall(text)
    if len(lines) == 1 and len(nodes_of(lines[0][0])) == 1:
        return numbers_of(lines[0][1])
    for nodes, ids in lines:
        if node in nodes_of(nodes):
            return numbers_of(ids)
    return []


def node_list_of_job(text: str) -> list[str]:
    """Return the names of the job's nodes in the output of `scontrol show job`, [] if there are none."""
    match = _NODE_LIST.search(text)
    return [] if match is None else nodes_of(match[1])


def memory_of_job(text: str, node: str) -> int | None:
    """Return the MiB that `scontrol show -d job` lists for `node`, None if it lists none."""
    for nodes, size in _MEMORY.findall(text):
        if node in nodes_of(nodes):
            return int(size) or None
    return None


def _expanded(text: str) -> list[str]:
    result: list[str] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return []
        first, last = match[1], match[2] or match[1]
        if not 0 <= int(last) - int(first) < LONGEST:
            return []
        result += _padded(first, last)
    return result


def _padded(first: str, last: str) -> Iterator[str]:
    width = len(first) if first.startswith("0") else 0
    return (f"{number:0{width}d}" for number in range(int(first), int(last) + 1))
