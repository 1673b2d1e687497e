"""How many batches change when one job is added: the share of batch ids that were not there before.

    python benchmarks/partition_stability.py [--jobs N] [--additions N] [--spec TEXT]…

Each seeded set of `partition_sets.py` is partitioned, then again with one random job more, for each of the additions.
"""

import argparse
import random
import statistics
from collections.abc import Sequence

from partition_sets import Job, generated, problem_of

from canary_wf.batch.partition import partition
from canary_wf.batch.specification import BatchSpecification


def batches_of(jobs: Sequence[Job], spec: BatchSpecification) -> set[frozenset[str]]:
    """Return the batches of `jobs` as sets of ids, which is what a batch's id is made of."""
    problem = problem_of(jobs)
    return {frozenset(problem.ids[task] for task in batch.tasks) for batch in partition(problem, spec)}


def added(jobs: Sequence[Job], number: int) -> list[Job]:
    """Return `jobs` and a job like one of them; where others have dependencies, it depends on one of them."""
    random_ = random.Random(number)  # noqa: S311 - a benchmark wants the same numbers every time
    upstream = [random_.choice(jobs)["id"]] if any(job["deps"] for job in jobs) else []
    return [*jobs, {**random_.choice(jobs), "id": f"new{number:04}", "deps": upstream}]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--additions", type=int, default=20)
    parser.add_argument("--spec", action="append")
    options = parser.parse_args()
    print("| set | jobs | spec | batches | median share changed | largest |\n|---|--:|---|--:|--:|--:|")
    for name, jobs in generated(options.jobs):
        for text in options.spec or ("duration:1800",):
            spec = BatchSpecification.parse(text)
            before = batches_of(jobs, spec)
            shares = []
            for number in range(options.additions):
                after = batches_of(added(jobs, number), spec)
                shares.append(len(after - before) / len(after))
            cells = f"{len(before)} | {statistics.median(shares):.2f} | {max(shares):.2f}"
            print(f"| {name} | {options.jobs} | {text} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
