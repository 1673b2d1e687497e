"""Demands and capacity in whole numbers, reduced to the resources that can run out."""

from canary_wf.batch.problem import Problem, Shape

_PARTS = 1_000_000
"""Slots may be fractions; they are counted in millionths, so that ten tenths are one."""

Limits = tuple[int, ...]


def limited(problem: Problem) -> tuple[Limits, list[Limits]]:
    """Return what one batch has of each resource that can run out, and what tasks of each kind need of it.

    Units are slots (MiB of memory), or millionths where one is not whole. A last resource is added when some tasks
    run alone: they need all of it, every other task one part.
    """
    limits: list[int] = []
    columns: list[list[int]] = []
    for place, there in enumerate(problem.capacity):
        wanted = [shape.demand[place] for shape in problem.shapes]
        if there is None or not any(wanted):
            continue
        # A task on several nodes may ask for more than one node has; it runs alone on the whole of the batch.
        wanted = [min(amount, there) for amount in wanted]
        parts = 1 if all(float(amount).is_integer() for amount in (there, *wanted)) else _PARTS
        limits.append(round(there * parts))
        columns.append([min(round(amount * parts), limits[-1]) for amount in wanted])
    if any(shape.whole for shape in problem.shapes):
        limits.append(len(problem) + 1)
        columns.append([limits[-1] if shape.whole else 1 for shape in problem.shapes])
    return tuple(limits), [tuple(column[kind] for column in columns) for kind in range(len(problem.shapes))]


def distinct_needs(problem: Problem) -> tuple[Limits, list[Limits], list[int]]:
    """Return the limits of `limited`, the different needs, and which of these each kind of task has."""
    limits, needs = limited(problem)
    rows: dict[Limits, int] = {}
    row_of = [rows.setdefault(need, len(rows)) for need in needs]
    return limits, list(rows), row_of


def rates(problem: Problem) -> list[tuple[float, ...]]:
    """Return for each kind of task the share of each limited resource of one batch that a running task takes, 0 to 1.

    Resources are those of `limited`; of the last one, only tasks that run alone take a share.
    """
    limits, needs = limited(problem)
    shares = [tuple(need / limit for need, limit in zip(row, limits, strict=True)) for row in needs]
    if not any(shape.whole for shape in problem.shapes):
        return shares
    return [(*row[:-1], _alone(shape)) for row, shape in zip(shares, problem.shapes, strict=True)]


def occupancy(problem: Problem) -> list[tuple[float, ...]]:
    """Return `rates`, with all of every resource for the kinds of tasks beside which no other one can run.

    While a task holds all cpus, say, nobody can use the gpus either.
    """
    limits, needs = limited(problem)
    least = [min(column) for column in zip(*needs, strict=True)]
    return [
        (1.0,) * len(limits)
        if any(need + low > there for need, low, there in zip(row, least, limits, strict=True))
        else rate
        for row, rate in zip(needs, rates(problem), strict=True)
    ]


def _alone(shape: Shape) -> float:
    return 1.0 if shape.whole else 0.0
