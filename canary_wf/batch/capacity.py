"""Demands and capacity as whole numbers, reduced to the resources that can run out."""

from canary_wf.batch.problem import Problem, Shape

_SCALE = 1_000_000
"""Fractions of slots are counted in millionths, so that ten tenths make exactly one."""

Limits = tuple[int, ...]


def limits_and_needs(problem: Problem) -> tuple[Limits, list[Limits]]:
    """Return the limits of one batch for each resource that can run out, and the needs of each task shape.

    Units are slots (MiB of memory), or millionths where an amount is not whole. If some tasks run alone, a last
    resource is added: such a task needs all of it, every other task one unit.
    """
    limits: list[int] = []
    columns: list[list[int]] = []
    for position, available in enumerate(problem.capacity):
        requested = [shape.demand[position] for shape in problem.shapes]
        if available is None or not any(requested):
            continue
        # A task on several nodes may ask for more than one node has. It runs alone on the whole batch.
        requested = [min(amount, available) for amount in requested]
        scale = 1 if all(float(amount).is_integer() for amount in (available, *requested)) else _SCALE
        limits.append(round(available * scale))
        columns.append([min(round(amount * scale), limits[-1]) for amount in requested])
    if any(shape.whole for shape in problem.shapes):
        limits.append(len(problem) + 1)
        columns.append([limits[-1] if shape.whole else 1 for shape in problem.shapes])
    return tuple(limits), [tuple(column[shape] for column in columns) for shape in range(len(problem.shapes))]


def distinct_needs(problem: Problem) -> tuple[Limits, list[Limits], list[int]]:
    """Return the limits of `limits_and_needs`, the distinct needs, and for each task shape the index of its needs."""
    limits, needs = limits_and_needs(problem)
    rows: dict[Limits, int] = {}
    row_of = [rows.setdefault(need, len(rows)) for need in needs]
    return limits, list(rows), row_of


def rates(problem: Problem) -> list[tuple[float, ...]]:
    """Return for each task shape the share (0 to 1) of each limited resource of one batch that a task takes.

    The resources are those of `limits_and_needs`. Only tasks that run alone take a share of the last one.
    """
    limits, needs = limits_and_needs(problem)
    shares = [tuple(need / limit for need, limit in zip(row, limits, strict=True)) for row in needs]
    if not any(shape.whole for shape in problem.shapes):
        return shares
    return [(*row[:-1], _alone(shape)) for row, shape in zip(shares, problem.shapes, strict=True)]


def occupancy(problem: Problem) -> list[tuple[float, ...]]:
    """Return `rates`, but count a shape beside which no other task can run as taking all of every resource.

    While a task holds all cpus, for example, no other task can use the gpus.
    """
    limits, needs = limits_and_needs(problem)
    least = [min(column) for column in zip(*needs, strict=True)]
    return [
        (1.0,) * len(limits)
        if any(need + low > available for need, low, available in zip(row, least, limits, strict=True))
        else rate
        for row, rate in zip(needs, rates(problem), strict=True)
    ]


def _alone(shape: Shape) -> float:
    return 1.0 if shape.whole else 0.0
