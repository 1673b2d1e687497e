"""The part of a Slurm allocation that this process may use: the CPUs, GPUs and memory of its step on this node.

Source: the environment that `srun` and `sbatch` set (their manuals, "OUTPUT ENVIRONMENT VARIABLES").
SLURM_CPUS_PER_TASK is for one task and exists only with `-c`; SLURM_CPUS_ON_NODE is for the step, or the job of the
batch script, on this node; SLURM_JOB_CPUS_PER_NODE is for the job, one number per node.
"""

import os
from collections.abc import Callable, Collection, Mapping

import msgspec

from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.slurm.command import ask_slurm, this_node
from canary_wf.resources.slurm.text import cpu_ids_of_job, memory_of_job, node_list_of_job, numbers_of, per_node
from canary_wf.resources.visible import CUDA, device_ids, visible_gpus, visible_intel_gpus

SCONTROL_SECONDS = 10.0
"""Seconds that the controller may take to answer."""

SLURM_GPUS = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")

_GPUS_OF_A_JOB = "CANARY_GPU_IDS"


class SlurmAllocation(msgspec.Struct, frozen=True):
    """The pool with one slot per id, the memory in MiB (None: unknown), and the type of the CPU ids.

    With `bindable` the CPU ids are the operating system's numbers, so that processes may be bound to them. `nodes` are
    the names of the job's nodes, if requested.
    """

    pool: ResourcePool
    memory: int | None
    bindable: bool
    nodes: tuple[str, ...] = ()


def allocated_resources(
    environment: Mapping[str, str] = os.environ,
    affinity: Collection[int] | None = None,
    show_job: Callable[[str], str] | None = None,
    *,
    several_nodes: bool = False,
) -> SlurmAllocation | None:
    """Return what Slurm allocated, or None outside of an allocation (SLURM_JOB_ID is not set).

    `affinity` are the CPUs on which this process may run (default: from the kernel). `show_job` returns the text of
    `scontrol show -d job ID`; by default the command is run, but only if the affinity does not determine the ids. With
    `several_nodes` the job's nodes are returned, too. The variables of a step may be missing then (a batch of several
    nodes does not run in a step of its own), and the controller reports what this node gave.
    """
    job = environment.get("SLURM_JOB_ID", "")
    if not job:
        return None
    allowed = sorted(os.sched_getaffinity(0) if affinity is None else affinity)
    job_text = (show_job or ask_scontrol)(job) if several_nodes else ""
    count = cpu_count(environment) or len(cpu_ids_of_job(job_text, this_node(environment))) or None
    if count is None:
        count = len(allowed)
    bindable = len(allowed) == count
    if not bindable or allowed == list(range(os.cpu_count() or 0)):
        # An affinity with all CPUs of the host shows nothing: the numbers agree by chance, or it is the whole node.
        job_text = job_text or (show_job or ask_scontrol)(job)
        bindable = bindable and set(cpu_ids_of_job(job_text, this_node(environment))) <= set(allowed)
    cpus = allowed if bindable else _cpu_ids(count, allowed, job_text, environment)
    gpus = gpu_ids(environment)
    ids = {"cpus": [str(number) for number in cpus], "gpus": gpus}
    pool = ResourcePool(
        {"resources": {rtype: [{"id": name, "slots": 1} for name in names] for rtype, names in ids.items()}}
    )
    memories = _memories(environment, count, len(gpus))
    if len(memories) != 1:
        job_text = job_text or ((show_job or ask_scontrol)(job) if memories else "")
        memory = memory_of_job(job_text, this_node(environment)) or min(memories, default=None)
    else:
        memory = memories[0]
    return SlurmAllocation(pool, memory, bindable, tuple(node_list_of_job(job_text)))


def cpu_count(environment: Mapping[str, str]) -> int | None:
    """Return the number of CPUs allocated to this process on this node, or None if no variable tells.

    In a step (SLURM_STEP_ID is set) this process is one task and has the CPUs of one task; a batch script has those of
    all tasks of its node. Both are capped by the step's or job's CPUs on the node, because steps inherit
    SLURM_CPUS_PER_TASK from `sbatch` even if they were started with less.
    """
    on_node = _positive(environment.get("SLURM_CPUS_ON_NODE"))
    if on_node is None:
        on_node = _of_this_node(environment, "SLURM_JOB_CPUS_PER_NODE")
    per_task = _positive(environment.get("SLURM_CPUS_PER_TASK"))
    if per_task is None:
        return on_node
    tasks = 1 if "SLURM_STEP_ID" in environment else (_of_this_node(environment, "SLURM_TASKS_PER_NODE") or 1)
    return per_task * tasks if on_node is None else min(per_task * tasks, on_node)


def gpu_ids(environment: Mapping[str, str]) -> list[str]:
    """Return the allocated GPUs: those in the drivers' variables, or in Slurm's if none of these is set.

    An empty CUDA_VISIBLE_DEVICES in a Slurm job with GPUs was inherited from the submitting shell, unless this process
    runs in a job of a batch that was given no GPUs. A step's GPUs are a subset of its job's; other values are leftovers
    of another step.
    """
    allocated = _gpus_of_slurm(environment)
    inherited = allocated and environment.get(CUDA) == "" and _GPUS_OF_A_JOB not in environment
    visible = None if inherited else visible_gpus(environment)
    if visible is None:
        visible = visible_intel_gpus(environment)
    return allocated if visible is None else visible


def _gpus_of_slurm(environment: Mapping[str, str]) -> list[str]:
    step, job = (_gpu_list(environment.get(name)) for name in SLURM_GPUS)
    if step is None or (job is not None and not set(step) <= set(job)):
        return job or []
    return step


def _gpu_list(text: str | None) -> list[str] | None:
    return None if text is None else [str(number) for number in numbers_of(text)] or device_ids(text)


def allocated_memory(environment: Mapping[str, str], cpus: int, gpus: int) -> int | None:
    """Return the allocated memory in MiB. Slurm's 0 means all memory of the node, and gives None.

    Slurm sets one of the variables. If there are several, one is a leftover of another job, and the least counts.
    """
    return min(_memories(environment, cpus, gpus), default=None)


def _memories(environment: Mapping[str, str], cpus: int, gpus: int) -> list[int]:
    amounts = (("SLURM_MEM_PER_NODE", 1), ("SLURM_MEM_PER_CPU", cpus), ("SLURM_MEM_PER_GPU", gpus))
    sizes = ((_positive(environment.get(name)), number) for name, number in amounts)
    return [size * number for size, number in sizes if size is not None and number]


def ask_scontrol(job: str) -> str:
    """Return the output of `scontrol show -d job`, or nothing when it is missing, fails or takes too long."""
    if not job.isascii() or not job.isdecimal():
        return ""
    answer = ask_slurm("scontrol", "show", "-d", "job", job, seconds=SCONTROL_SECONDS)
    return answer.text if answer.ok else ""


def _cpu_ids(count: int, allowed: list[int], job_text: str, environment: Mapping[str, str]) -> list[int]:
    listed = cpu_ids_of_job(job_text, this_node(environment))
    usable = [number for number in listed if number in set(allowed)]
    for numbers in (usable, listed):
        if len(numbers) >= count:
            return numbers[:count]
    return list(range(count))


def _of_this_node(environment: Mapping[str, str], name: str) -> int | None:
    """Return this node's entry of a list with one number per node; a batch script runs on the first node."""
    numbers = per_node(environment.get(name, ""))
    position = environment.get("SLURM_NODEID", "0")
    if not numbers:
        return None
    index = int(position) if position.isdecimal() and int(position) < len(numbers) else 0
    return numbers[index] or None


def _positive(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 and int(text) > 0 else None  # noqa: PLR2004 - more digits are damage
