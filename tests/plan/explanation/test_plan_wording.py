"""What nodes a plan is for, in words."""

import msgspec
from factories import plan_of, spec

from canary_wf.plan.explanation.wording import node_in_words, nodes_in_words


def test_a_node_is_told_by_what_it_has() -> None:
    """What it has none of is not told, and memory only where that may be what tells kinds apart."""
    assert node_in_words({"cpus": 1, "gpus": 0, "fpgas": 2, "memory": 8000}) == "1 cpu, 2 fpgas"
    assert node_in_words({"cpus": 1, "memory": 8000}, with_memory=True) == "1 cpu, 8000 MiB of memory"


def test_other_kinds_are_told_once() -> None:
    """Behind the kind that most jobs are planned for."""
    plan = plan_of([spec("a")], [spec("b")], [spec("c")], cpus=4, gpus=2)
    assert nodes_in_words(plan) == "4 cpus, 2 gpus"
    first, *others = plan.batches
    wide = [msgspec.structs.replace(batch, node={"cpus": 16, "gpus": 0, "memory": 900}) for batch in others]
    told = nodes_in_words(msgspec.structs.replace(plan, batches=(first, *wide)))
    assert told == "4 cpus, 2 gpus and with 16 cpus, 900 MiB of memory"
