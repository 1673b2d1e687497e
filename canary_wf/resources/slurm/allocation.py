"""What a Slurm allocation grants to this process: the CPUs, GPUs and memory of its step on this node.

Facts: the environment that `srun` and `sbatch` set (their manuals, "OUTPUT ENVIRONMENT VARIABLES").
SLURM_CPUS_PER_TASK is what one task may use and exists only where `-c` was given; SLURM_CPUS_ON_NODE is what the step,
or the batch script's job, has on this node; SLURM_JOB_CPUS_PER_NODE is the job's, one number a node.
"""

import os
from collections.abc import Callable, Collection, Mapping

import msgspec

from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.slurm.text import (
    ask_slurm,
    cpu_ids_of_job,
    memory_of_job,
    node_list_of_job,
    numbers_of,
    per_node,
    this_node,
)
from canary_wf.resources.visible import CUDA, device_ids, visible_gpus, visible_intel_gpus

SCONTROL_SECONDS = 10.0
"""How long the controller may take to answer."""

SLURM_GPUS = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")

_GPUS_OF_A_JOB = "CANARY_GPU_IDS"


class SlurmAllocation(msgspec.Struct, frozen=True):
    """The pool of one slot an id, the memory in MiB (None: not said), and whether the CPU ids are this process's own.

    With `bindable` the CPU ids are the operating system's, so that processes may be bound to them. `nodes` are the
    names of the job's nodes where they were asked for.
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
    """Return what Slurm granted, or None outside of an allocation (SLURM_JOB_ID is not set).

    `affinity` are the CPUs this process may run on (else the kernel is asked), `show_job` gives the text of
    `scontrol show -d job ID` (else it is run, only when the affinity does not settle the ids). With `several_nodes` the
    job's nodes are told, too; its step's variables may be missing then (a batch of several nodes runs in no step of its
    own), and the controller says what this node gave.
    """
    job = environment.get("SLURM_JOB_ID", "")
    if not job:
        return None
    allowed = sorted(os.sched_getaffinity(0) if affinity is None else affinity)
    shown = (show_job or ask_scontrol)(job) if several_nodes else ""
    count = cpu_count(environment) or len(cpu_ids_of_job(shown, this_node(environment))) or None
    if count is None:
        count = len(allowed)
    bindable = len(allowed) == count
    if not bindable or allowed == list(range(os.cpu_count() or 0)):
        # An affinity with all CPUs of the host is none: as many were granted by chance, or it is the whole node.
        shown = shown or (show_job or ask_scontrol)(job)
        bindable = bindable and set(cpu_ids_of_job(shown, this_node(environment))) <= set(allowed)
    cpus = allowed if bindable else _cpu_ids(count, allowed, shown, environment)
    gpus = gpu_ids(environment)
    ids = {"cpus": [str(number) for number in cpus], "gpus": gpus}
    pool = ResourcePool(
        {"resources": {rtype: [{"id": name, "slots": 1} for name in names] for rtype, names in ids.items()}}
    )
    memories = _memories(environment, count, len(gpus))
    if len(memories) != 1:
        shown = shown or ((show_job or ask_scontrol)(job) if memories else "")
        memory = memory_of_job(shown, this_node(environment)) or min(memories, default=None)
    else:
        memory = memories[0]
    return SlurmAllocation(pool, memory, bindable, tuple(node_list_of_job(shown)))


def cpu_count(environment: Mapping[str, str]) -> int | None:
    """Return how many CPUs this process was granted on this node, or None when no variable says.

    In a step (SLURM_STEP_ID is set) this process is one task, so it has the CPUs of one task; a batch script has those
    of all tasks of its node. Both are capped by what the step or job has on the node, because SLURM_CPUS_PER_TASK is
    handed down from `sbatch` to steps that were started with less.
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
    """Return the granted GPUs: what the drivers' variables show, and only where none is set what Slurm says.

    An empty CUDA_VISIBLE_DEVICES in a Slurm job that has GPUs came from the shell that submitted it, unless this runs
    in a job of a batch, which was given none. A step's GPUs are some of its job's: others are left of another step.
    """
    granted = _gpus_of_slurm(environment)
    inherited = granted and environment.get(CUDA) == "" and _GPUS_OF_A_JOB not in environment
    visible = None if inherited else visible_gpus(environment)
    if visible is None:
        visible = visible_intel_gpus(environment)
    return granted if visible is None else visible


def _gpus_of_slurm(environment: Mapping[str, str]) -> list[str]:
    step, job = (_gpu_list(environment.get(name)) for name in SLURM_GPUS)
    if step is None or (job is not None and not set(step) <= set(job)):
        return job or []
    return step


def _gpu_list(text: str | None) -> list[str] | None:
    return None if text is None else [str(number) for number in numbers_of(text)] or device_ids(text)


def memory_granted(environment: Mapping[str, str], cpus: int, gpus: int) -> int | None:
    """Return the granted memory in MiB; 0 stands for all of the node in Slurm, and is None here.

    Slurm sets one of the variables; where there are several, one is left of another job, and the least is granted.
    """
    return min(_memories(environment, cpus, gpus), default=None)


def _memories(environment: Mapping[str, str], cpus: int, gpus: int) -> list[int]:
    amounts = (("SLURM_MEM_PER_NODE", 1), ("SLURM_MEM_PER_CPU", cpus), ("SLURM_MEM_PER_GPU", gpus))
    sizes = ((_positive(environment.get(name)), number) for name, number in amounts)
    return [size * number for size, number in sizes if size is not None and number]


def ask_scontrol(job: str) -> str:
    """Return what `scontrol show -d job` prints, or nothing when it is missing, fails or takes too long."""
    if not job.isascii() or not job.isdecimal():
        return ""
    answer = ask_slurm("scontrol", "show", "-d", "job", job, seconds=SCONTROL_SECONDS)
    return answer.text if answer.ok else ""


def _cpu_ids(count: int, allowed: list[int], shown: str, environment: Mapping[str, str]) -> list[int]:
    listed = cpu_ids_of_job(shown, this_node(environment))
    mine = [number for number in listed if number in set(allowed)]
    for numbers in (mine, listed):
        if len(numbers) >= count:
            return numbers[:count]
    return list(range(count))


def _of_this_node(environment: Mapping[str, str], name: str) -> int | None:
    """Return this node's number of a list that has one a node; a batch script runs on the first one."""
    numbers = per_node(environment.get(name, ""))
    position = environment.get("SLURM_NODEID", "0")
    if not numbers:
        return None
    index = int(position) if position.isdecimal() and int(position) < len(numbers) else 0
    return numbers[index] or None


def _positive(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 and int(text) > 0 else None  # noqa: PLR2004 - more digits are damage
