"""Software by keyword: who runs in which image, and batches that hold only jobs of one software."""

import pytest
from factories import spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.batch.partition import partition
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError, UsageError
from canary_wf.plan.software import Software, SoftwareChoice, software_of, split_by_software
from canary_wf.workflow.snakefile import WorkflowOptions

GPU = SoftwareChoice("gpu", Software(container="cuda"))
FAST = SoftwareChoice("fast", Software(conda="numpy"))


def test_the_last_choice_that_names_an_image_counts_and_environments_count_by_themselves() -> None:
    """A job may have an image of one choice and an environment of another; who is in none has neither."""
    jobs = [spec("a", keywords=("gpu",)), spec("b", keywords=("gpu", "fast")), spec("c")]
    newer = SoftwareChoice("b", Software(container="newer"))
    assert software_of(jobs, [GPU, FAST, newer]) == [Software("cuda"), Software("newer", "numpy"), Software()]


def test_an_expression_that_is_none_is_told_with_its_option() -> None:
    """-k would be the wrong name for it."""
    with pytest.raises(UsageError, match=r"^--conda-for: expression 'a and'"):
        software_of([], [SoftwareChoice("a and", Software(conda="x"))])


def _problem(needs: list[set[int]]) -> Problem:
    tasks = [Task(f"{number:03}", (1.0,), 1.0, tuple(sorted(needed))) for number, needed in enumerate(needs)]
    return Problem.of(["cpus"], [4.0], tasks)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[set[int]], list[Software]]:
    count = draw(st.integers(1, 30))
    needs = [draw(st.sets(st.integers(0, max(number - 1, 0)), max_size=2)) - {number} for number in range(count)]
    return needs, [Software(draw(st.sampled_from(["x", "y", None]))) for _ in range(count)]


@given(_cases(), st.sampled_from([1.0, 3.0, 20.0]))
def test_no_batch_mixes_software_and_the_graph_stays_one(
    case: tuple[list[set[int]], list[Software]], seconds: float
) -> None:
    """Every task is in one batch, after all batches that its dependencies are in."""
    needs, software = case
    problem, wanted = _problem(needs), BatchSpecification(duration=seconds)
    parts = split_by_software(partition(problem, wanted), problem, software, wanted)
    assert sorted(task for tasks in parts for task in tasks) == list(range(len(needs)))
    owner = {task: number for number, tasks in enumerate(parts) for task in tasks}
    for number, tasks in enumerate(parts):
        assert len({software[task] for task in tasks}) == 1
        assert all(owner[upstream] < number for task in tasks for upstream in needs[task])


def test_what_cannot_be_divided_is_refused() -> None:
    """A chain in one batch by layout:atomic, and more batches than a count allows."""
    problem, both = _problem([set(), {0}]), [Software("x"), Software()]
    atomic, single = BatchSpecification.parse("layout:atomic"), BatchSpecification.parse("count:1,layout:atomic")
    with pytest.raises(InputError, match="other software: x before that of the others; take layout:flat"):
        split_by_software(partition(problem, atomic), problem, both, atomic)
    independent = _problem([set(), set()])
    assert len(split_by_software(partition(independent, atomic), independent, both, atomic)) == 2
    with pytest.raises(InputError, match="it takes 2; ask for a duration"):
        split_by_software(partition(independent, single), independent, both, single)


@pytest.mark.parametrize("software", [{"container": "docker://x{y}"}, {"conda": "/home/{me}/env.yaml"}])
def test_software_in_whose_name_snakemake_looks_for_wildcards_is_refused(software: dict[str, str]) -> None:
    """Snakemake would refuse the whole workflow, with a name in place of the reason."""
    for kind in (Software, WorkflowOptions):
        with pytest.raises(UsageError, match=r"takes the braces in .* for a wildcard; use a path or a name without"):
            kind(**software)
