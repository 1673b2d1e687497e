"""Which software the rule of a batch names, an image and a conda environment, and batches whose jobs agree on it.

The batch specification knows nothing of software, so batches are divided afterwards where their jobs differ.
"""

from collections.abc import Callable, Sequence

import msgspec

from canary_wf.batch.partition import PackedBatch
from canary_wf.batch.problem import Problem
from canary_wf.batch.specification import BatchSpecification
from canary_wf.discovery.selection import keyword_filter
from canary_wf.errors import InputError, UsageError
from canary_wf.spec.job_spec import JobSpec


class Software(msgspec.Struct, frozen=True):
    """An image, and a conda environment by its absolute path or its name; None leaves it to the workflow's own."""

    container: str | None = None
    conda: str | None = None


class SoftwareChoice(msgspec.Struct, frozen=True):
    """The software of the jobs for which the expression `jobs` holds, as ``-k`` takes it."""

    jobs: str
    software: Software


def software_of(jobs: Sequence[JobSpec], choices: Sequence[SoftwareChoice]) -> list[Software]:
    """Return the software of each job: image and environment are each those of the last choice that names one.

    Raises UsageError for an expression that is not well formed.
    """
    chosen = [(_filter(choice), choice.software) for choice in reversed(choices)]

    def software(job: JobSpec) -> Software:
        found = [each for left_out, each in chosen if left_out(job) is None]
        images = (each.container for each in found if each.container is not None)
        environments = (each.conda for each in found if each.conda is not None)
        return Software(next(images, None), next(environments, None))

    return [software(job) for job in jobs]


def _filter(choice: SoftwareChoice) -> Callable[[JobSpec], str | None]:
    option = "--conda-for" if choice.software.container is None else "--container-for"
    try:
        return keyword_filter(choice.jobs)
    except UsageError as error:
        raise UsageError(error.what, where=option) from None


def divided(
    parts: Sequence[PackedBatch], problem: Problem, software: Sequence[Software], spec: BatchSpecification
) -> list[tuple[int, ...]]:
    """Return the tasks of each of `parts`, one that holds tasks of different software divided into one for each.

    Raises InputError where a batch has tasks that depend on one another and differ in it, and where there are more
    batches than were asked for.
    """
    if len(set(software)) < 2:  # noqa: PLR2004 - nothing to tell apart
        return [part.tasks for part in parts]
    pieces: list[tuple[int, ...]] = []
    for part in parts:
        by_software: dict[Software, list[int]] = {}
        for task in part.tasks:
            by_software.setdefault(software[task], []).append(task)
        if len(by_software) > 1:
            _check_apart(part, problem, software)
        pieces += map(tuple, by_software.values())
    _check_count(len(pieces), spec)
    return pieces


def _check_apart(part: PackedBatch, problem: Problem, software: Sequence[Software]) -> None:
    here = set(part.tasks)
    for task in part.tasks:
        for upstream in here.intersection(problem.dependencies[task]):
            if software[upstream] != software[task]:
                told = "layout:atomic puts jobs that depend on one another into one batch, but some of them have "
                told += f"other software: {_named(software[upstream])} before {_named(software[task])}"
                raise InputError(f"batch specification: {told}", hint="take layout:flat, or give both the same")


def _named(software: Software) -> str:
    names = [name for name in (software.container, software.conda) if name is not None]
    return " and ".join(names) or "that of the others"


def _check_count(found: int, spec: BatchSpecification) -> None:
    if isinstance(spec.count, int) and found > spec.count:
        raise InputError(
            f"batch specification: 'count:{spec.count}' is too small for jobs of different software, which are never "
            f"in one batch: it takes {found}",
            hint="ask for a duration instead",
        )
