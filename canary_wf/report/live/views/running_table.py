"""The table of the jobs that run: time so far, expected time, limit, node and batch, in as many columns as fit."""

from collections.abc import Iterator, Sequence

from canary_wf.durations import format_duration
from canary_wf.report.columns import cut_middle, width_of
from canary_wf.report.live.snapshot import RunningJob
from canary_wf.report.live.views.lines import Line, Piece, harmless

_LEAST_NAME = 20
_LONGEST_CELL = 20
_BETWEEN = "  "
_TITLES = ("id", "running", "time", "expected", "limit", "node", "batch")
_NAME = _TITLES.index("running")
_TIMES = frozenset({"time", "expected", "limit"})
_SPARE = ("id", "batch", "expected", "node", "limit")
"""What is left out first where names would not fit."""


def running_table(
    jobs: Sequence[RunningJob], width: int | None, encoding: str | None = None, ellipsis: str = "…"
) -> Iterator[Line]:
    """Yield a heading and a line for each of `jobs`, in `width` columns (None: as wide as they are)."""
    rows = [_TITLES, *(_cells(job, encoding, ellipsis) for job in jobs)]
    widths = [max(width_of(row[column]) for row in rows) for column in range(len(_TITLES))]
    shown = list(range(len(_TITLES)))
    if width is not None:
        for title in _SPARE:
            if _rest(widths, shown, width) >= min(_LEAST_NAME, widths[_NAME]):
                break
            shown.remove(_TITLES.index(title))
        widths[_NAME] = max(1, min(widths[_NAME], _rest(widths, shown, width)))
    for number, row in enumerate(rows):
        is_slow = number > 0 and jobs[number - 1].is_slow
        yield list(_line(row, widths, shown, ellipsis, heading=number == 0, is_slow=is_slow))


def _cells(running: RunningJob, encoding: str | None, ellipsis: str) -> tuple[str, ...]:
    job = running.job
    expected = "" if job.runtime_source == "default" else format_duration(job.runtime)
    time = format_duration(running.seconds) + (" SLOW" if running.is_slow else "")
    node = cut_middle(harmless(running.node, encoding), _LONGEST_CELL, ellipsis)
    name = harmless(job.name, encoding)
    return (job.id[:8], name, time, expected, format_duration(job.limit), node, job.batch)


def _rest(widths: Sequence[int], shown: Sequence[int], width: int) -> int:
    """Return the columns that are left for names."""
    return width - sum(widths[column] + len(_BETWEEN) for column in shown if column != _NAME)


def _line(
    row: Sequence[str], widths: Sequence[int], shown: Sequence[int], ellipsis: str, *, heading: bool, is_slow: bool
) -> Iterator[Piece]:
    for column in shown:
        text = cut_middle(row[column], widths[column], ellipsis) if column == _NAME else row[column]
        blanks = " " * (widths[column] - width_of(text))
        cell = blanks + text if _TITLES[column] in _TIMES else text + blanks
        style = "dim" if heading else "yellow" if is_slow and _TITLES[column] == "time" else ""
        after = _BETWEEN if column != shown[-1] else ""
        yield Piece((cell if after else cell.rstrip()) + after, style)
