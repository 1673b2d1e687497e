"""How far small partitions are from the best ones, as found by an exact solver (OR-tools CP-SAT, a dev dependency).

    python benchmarks/optimality.py [--sets N] [--jobs N] [--seconds S]

For each seeded set of independent jobs, the solver is asked for the fewest batches within the target, and for the
shortest longest batch of a given number; it may start jobs whenever it likes, so its batches can be shorter than the
reference schedule would make them. Where it runs out of time, its bound is what is compared with.
"""

import argparse
import random
from collections.abc import Sequence

from ortools.sat.python import cp_model

from canary_wf.batch.partition import partition
from canary_wf.batch.problem import Problem, Task
from canary_wf.batch.reference_schedule import simulate
from canary_wf.batch.specification import BatchSpecification

CPUS = 8
TARGET = 300


def small(jobs: int, seed: int) -> Problem:
    """Return a seeded problem of independent jobs with whole run times (s), which the solver wants."""
    random_ = random.Random(seed)  # noqa: S311 - the same numbers every time
    return Problem.of(
        ("cpus",),
        (CPUS,),
        [
            Task(
                f"j{number:03}",
                (random_.choices((1, 2, 4, 8), (70, 15, 10, 5))[0],),
                float(min(max(round(60 * random_.lognormvariate(0, 1.2)), 1), TARGET)),
            )
            for number in range(jobs)
        ],
    )


class Exact:
    """The packing of one problem into at most `most` batches as a constraint model, made anew for each question."""

    def __init__(self, problem: Problem, most: int, longest: int, seconds: float) -> None:
        self.model = cp_model.CpModel()
        self._seconds = seconds
        demands = [int(problem.shapes[kind].demand[0]) for kind in problem.shape_of]
        self.used = [self.model.new_bool_var(f"used{batch}") for batch in range(most)]
        self.length = self.model.new_int_var(0, longest, "length")
        here = [[self.model.new_bool_var("") for _ in demands] for _ in range(most)]
        for batch in range(most):
            intervals = []
            for task, runtime in enumerate(map(int, problem.runtimes)):
                start = self.model.new_int_var(0, longest - runtime, "")
                there = here[batch][task]
                intervals.append(self.model.new_optional_fixed_size_interval_var(start, runtime, there, ""))
                self.model.add(start + runtime <= self.length).only_enforce_if(there)
                self.model.add_implication(there, self.used[batch])
            self.model.add_cumulative(intervals, demands, CPUS)
            # Not needed, but it is what gives the solver a bound: the work of a batch fits into its length.
            work = [demand * int(runtime) for demand, runtime in zip(demands, problem.runtimes, strict=True)]
            self.model.add(cp_model.LinearExpr.weighted_sum(here[batch], work) <= CPUS * self.length)
        for task in range(len(demands)):
            self.model.add_exactly_one(row[task] for row in here)
        for earlier, later in zip(self.used, self.used[1:], strict=False):
            self.model.add_implication(later, earlier)

    def smallest(self, wanted: cp_model.LinearExprT) -> tuple[float, float]:
        """Return the smallest value of `wanted` that was found, and a bound below which there is none."""
        self.model.minimize(wanted)
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = self._seconds
        status = solver.solve(self.model)
        found = solver.objective_value if status in {cp_model.OPTIMAL, cp_model.FEASIBLE} else float("inf")
        return found, solver.best_objective_bound


def fewest(problem: Problem, most: int, seconds: float) -> tuple[float, float]:
    """Return the fewest batches of `TARGET` seconds that hold `problem`, and the solver's bound; `most` are enough."""
    exact = Exact(problem, most, TARGET, seconds)
    return exact.smallest(sum(exact.used))


def shortest(problem: Problem, count: int, longest: int, seconds: float) -> tuple[float, float]:
    """Return the shortest longest batch (s) when there are `count`, and the solver's bound."""
    exact = Exact(problem, count, longest, seconds)
    return exact.smallest(exact.length)


def lengths(problem: Problem, text: str) -> Sequence[float]:
    """Return the lengths (s) of the batches that the partitioner makes by the specification `text`."""
    return [simulate(problem, batch.tasks).length for batch in partition(problem, BatchSpecification.parse(text))]


def main() -> None:
    """Print one row for each set and question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20.0, help="for the solver, for each question")
    options = parser.parse_args()
    print("| set | jobs | question | made | solver | bound | made/bound |\n|--:|--:|---|--:|--:|--:|--:|")
    for seed in range(options.sets):
        problem = small(options.jobs, seed)
        made = len(lengths(problem, f"duration:{TARGET}"))
        rows = [(f"fewest of {TARGET} s", float(made), *fewest(problem, made, options.seconds))]
        for count in (2, 4):
            longest = max(lengths(problem, f"count:{count}"))
            rows.append((f"shortest of {count}", longest, *shortest(problem, count, int(longest), options.seconds)))
        for question, value, found, bound in rows:
            cells = f"{value:.0f} | {found:.0f} | {bound:.0f} | {value / bound:.3f}"
            print(f"| {seed} | {options.jobs} | {question} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
