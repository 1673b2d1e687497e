"""What a plan comes to: numbers that a reader can check by hand."""

import msgspec
import pytest
from factories import plan_of, spec

from canary_wf.errors import InputError
from canary_wf.plan.explanation.summary import summarize
from canary_wf.plan.model import Plan


def _plan(hours: list[float], *, scheduler: str = "slurm", needs: bool = False, nodes: int = 1, gpus: int = 0) -> Plan:
    names = [f"j{number}" for number in range(len(hours))]
    jobs = [
        spec(name, *([names[number - 1]] if needs and number else []), cpus=2, gpus=gpus, nodes=nodes)
        for number, name in enumerate(names)
    ]
    plan = plan_of(*([job] for job in jobs), cpus=2, gpus=gpus, scheduler=scheduler)
    seconds = [3600 * hour for hour in hours]
    batches = [
        msgspec.structs.replace(batch, runtime=length) for batch, length in zip(plan.batches, seconds, strict=True)
    ]
    planned = [msgspec.structs.replace(job, runtime=length) for job, length in zip(plan.jobs, seconds, strict=True)]
    return msgspec.structs.replace(plan, jobs=tuple(planned), batches=tuple(batches))


def test_hours_are_those_asked_for() -> None:
    """Cores, GPUs and nodes of each batch, times its length."""
    summary = summarize(_plan([1.0, 2.0], nodes=3, gpus=1))
    assert (summary.core_hours, summary.gpu_hours) == (2 * 3 * 3.0, 1 * 3 * 3.0)
    assert (summary.jobs, summary.batches, summary.submissions) == (2, 2, 2)


@pytest.mark.parametrize(
    ("scheduler", "nodes", "hours"), [("slurm", None, 3.0), ("slurm", 1, 6.0), ("slurm", 2, 3.0), ("local", None, 6.0)]
)
def test_the_makespan_is_that_of_the_nodes_there_are(scheduler: str, nodes: int | None, hours: float) -> None:
    """One machine runs one batch after the other, a cluster without end all at once."""
    summary = summarize(_plan([1.0, 2.0, 3.0], scheduler=scheduler), nodes)
    assert summary.makespan == 3600 * hours
    assert summary.critical_path == 3600 * 3.0


def test_a_chain_of_batches_is_as_long_as_their_sum() -> None:
    """No number of nodes makes it shorter."""
    summary = summarize(_plan([1.0, 2.0], needs=True), 10)
    assert summary.makespan == summary.critical_path == 3600 * 3.0


def test_the_nominal_number_of_batches_is_what_the_work_fills() -> None:
    """Three hours of whole nodes at half an hour a batch; with dependencies at least their depth."""
    assert summarize(_plan([1.0, 2.0])).batches_nominal == 6
    short = msgspec.structs.replace(_plan([0.1, 0.1, 0.1], needs=True))
    assert summarize(short).batches_nominal == 3


def test_a_batch_wider_than_the_cluster_is_told() -> None:
    """Such a plan would wait for ever."""
    with pytest.raises(InputError, match="needs 3 nodes, the cluster has 2; give it 3 or more"):
        summarize(_plan([1.0], nodes=3), 2)


def test_batches_of_several_nodes_follow_one_another_on_one_machine() -> None:
    """What -r nodes=N lets jobs ask for on this machine is priced, not refused."""
    plan = _plan([1.0, 2.0], scheduler="local", nodes=3)
    assert summarize(plan).makespan == 3600 * 3.0
    assert summarize(plan, 6).makespan == 3600 * 2.0
