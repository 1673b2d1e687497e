"""What rules ask for: the words of Snakemake's executors for a batch's sizes."""

import msgspec
import pytest
from factories import plan_of, spec

from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.workflow.rule_resources import Site, further_resources, rule_resources
from canary_wf.workflow.shapes import minutes_of, shapes_of

PLAIN = SlurmOptions(gpu_model="a100")
GRES = SlurmOptions(gpu_model="a100", gpu_style="gres")
NONE = ("gpu_model", '""')


def _batch(**fields: int | None) -> PlannedBatch:
    return msgspec.structs.replace(plan_of([spec("a")]).batches[0], **fields)


@pytest.mark.parametrize(
    ("options", "gpus", "nodes", "expected"),
    [
        (PLAIN, 2, 1, [("gpu", "2")]),
        (PLAIN, 2, 3, [("gres", '"gpu:a100:2"'), NONE]),
        (PLAIN, 0, 3, [("gpu", "0"), NONE]),
        (GRES, 2, 1, [("gres", '"gpu:a100:2"'), NONE]),
        (GRES, 0, 1, [("gpu", "0"), NONE]),
    ],
)
def test_how_gpus_are_asked_for(options: SlurmOptions, gpus: int, nodes: int, expected: list[tuple[str, str]]) -> None:
    """By node, where there are several; no model of the profile's may ask for one where none is wanted."""
    found = rule_resources(_batch(gpus=gpus, nodes=nodes), '"b"', 5, Site(options, on_slurm=True, has_gpus=True))
    assert [pair for pair in found if pair[0].startswith("g")] == expected


def test_on_this_machine_gpus_are_counted() -> None:
    """Snakemake hands out no more of them than the profile says are there."""
    found = dict(rule_resources(_batch(gpus=2), '"b"', 5, Site(GRES, on_slurm=False, has_gpus=True)))
    assert found["gpu"] == "2"
    assert "gres" not in found


def test_memory_that_jobs_ask_for_goes_before_that_by_cpu() -> None:
    """A profile may give all batches memory by CPU; those whose jobs say what they need ask for that."""
    site = Site(PLAIN, on_slurm=True, has_gpus=False)
    found = dict(rule_resources(_batch(memory=600), '"b"', 5, site))
    assert (found["mem_mb"], found["mem_mb_per_cpu"]) == ("600", "0")
    assert not {"mem_mb", "mem_mb_per_cpu"} & set(dict(rule_resources(_batch(), '"b"', 5, site)))


def test_what_the_site_wants_is_added_where_no_default_says_it() -> None:
    """A model of GPU only where GPUs are asked for by it; memory of Slurm's own where no job says any."""
    site = Site(msgspec.structs.replace(PLAIN, account="lab"), on_slurm=True, has_gpus=True)
    assert further_resources(_batch(gpus=2), site) == ["SITE", "GPU_MODEL", "SLURMS_MEMORY"]
    assert further_resources(_batch(gpus=2, nodes=2, memory=5), site) == ["SITE"]
    assert further_resources(_batch(), Site(GRES, on_slurm=True, has_gpus=True)) == ["SLURMS_MEMORY"]
    assert further_resources(_batch(gpus=2), Site(PLAIN, on_slurm=False, has_gpus=True)) == []


@pytest.mark.parametrize(("longest", "told"), [(None, "5)"), (60, "5, longest=60)")])
def test_the_longest_time_stands_in_the_rule(longest: int | None, told: str) -> None:
    """Where a partition has a limit that is known."""
    found = dict(rule_resources(_batch(longest=longest), '"b"', 5, Site(PLAIN, on_slurm=True, has_gpus=False)))
    assert found["runtime"] == f'lambda wildcards: runtime_minutes(PLAN, "b", {told}'


def test_all_batches_of_a_shape_ask_for_the_same() -> None:
    """An array takes what its first batch asks for: that is enough for each of them, in time, memory, CPUs and GPUs."""
    plan = plan_of(*([spec(f"j{number}", cpus=2, gpus=1)] for number in range(4)), scheduler="slurm")
    sizes = [(350.0, 100), (400.0, 92), (480.0, 95), (360.0, 100)]
    batches = [
        msgspec.structs.replace(batch, time_limit=limit, memory=memory)
        for batch, (limit, memory) in zip(plan.batches, sizes, strict=True)
    ]
    (shape,) = shapes_of(msgspec.structs.replace(plan, batches=tuple(batches)))
    asked = dict(rule_resources(shape, "wildcards.batch", shape.minutes, Site.of(plan)))
    assert asked["runtime"] == "lambda wildcards: runtime_minutes(PLAN, wildcards.batch, 8)"
    assert (asked["mem_mb"], asked["cpus_per_task"], asked["gpu"]) == ("100", "2", "1")
    assert all(minutes_of(batch) <= shape.minutes and (batch.memory or 0) <= 100 for batch in batches)
