"""The software of jobs (a container image, a conda environment), and batches split so that their jobs share it.

The rule of a batch names the software. The batch specification does not know software, so batches whose jobs differ are
split afterwards.
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
    """An image, and a conda environment by its absolute path or name. None means that of the workflow."""

    container: str | None = None
    conda: str | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a text in which Snakemake would look for wildcards."""
        require_no_wildcard(self.container, "container")
        require_no_wildcard(self.conda, "conda")


def require_no_wildcard(text: str | None, where: str) -> None:
    """Raise UsageError if `text`, the value of the directive `where` of a rule, has what Snakemake calls a wildcard.

    Snakemake has no way to write the brace itself there.
    """
    if text is not None and "{" in text:
        hint = "use a path or a name without braces"
        raise UsageError(f"Snakemake takes the braces in {text!r} for a wildcard", where=where, hint=hint)


class SoftwareChoice(msgspec.Struct, frozen=True):
    """The software of the jobs that match the expression `jobs`, which has the syntax of ``-k``."""

    jobs: str
    software: Software


def software_of(jobs: Sequence[JobSpec], choices: Sequence[SoftwareChoice]) -> list[Software]:
    """Return the software of each job. The last matching choice that names an image decides it; same for environments.

    Raises UsageError for a malformed expression.
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


def split_by_software(
    batches: Sequence[PackedBatch], problem: Problem, software: Sequence[Software], spec: BatchSpecification
) -> list[tuple[int, ...]]:
    """Return the tasks of each of `batches`. A batch with different software is split, one batch for each software.

    Raises InputError if tasks of one batch depend on one another and differ in software, and if there are then more
    batches than were asked for.
    """
    if len(set(software)) < 2:  # noqa: PLR2004 - nothing to split by
        return [batch.tasks for batch in batches]
    split: list[tuple[int, ...]] = []
    for batch in batches:
        by_software: dict[Software, list[int]] = {}
        for task in batch.tasks:
            by_software.setdefault(software[task], []).append(task)
        if len(by_software) > 1:
            _check_apart(batch, problem, software)
        split += map(tuple, by_software.values())
    _check_count(len(split), spec)
    return split


def _check_apart(batch: PackedBatch, problem: Problem, software: Sequence[Software]) -> None:
    here = set(batch.tasks)
    for task in batch.tasks:
        for upstream in here.intersection(problem.dependencies[task]):
            if software[upstream] != software[task]:
                message = "layout:atomic puts jobs that depend on one another into one batch, but some of them have "
                message += f"other software: {_named(software[upstream])} before {_named(software[task])}"
                raise InputError(f"batch specification: {message}", hint="take layout:flat, or give both the same")


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
