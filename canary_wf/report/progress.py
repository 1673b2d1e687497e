"""How far the batches are that run now, one line each, and when their runners gave their last sign of life."""

from collections.abc import Iterator

from canary_wf.durations import format_duration
from canary_wf.job.attempt import is_alive, read_attempt
from canary_wf.report.forecast import forecast
from canary_wf.report.session import SessionState
from canary_wf.session_paths import BatchPaths


def progress_of(state: SessionState, now: float) -> Iterator[str]:
    """Yield a line for each batch that has a living runner; `now` is epoch seconds."""
    if not state.live:
        return
    for progress in forecast(state, now).batches:
        name, total = progress.batch.id, len(progress.batch.jobs)
        heard = None if progress.is_done else _heard_of(state.paths.batch(name))
        if heard is None:
            continue
        left = format_duration(max(1, round(progress.remaining)))
        yield (
            f"batch {name}: {progress.done} of {total} done ({progress.failed} failed), {progress.running} running,"
            f" about {left} left; last sign of life {max(0, round(now - heard))} s ago"
        )


def _heard_of(files: BatchPaths) -> float | None:
    """Return when the runner of a batch gave its last sign of life (epoch seconds), None when none is alive."""
    attempt = read_attempt(files.attempt)
    if attempt is None or not is_alive(files.attempt, attempt):
        return None
    return files.attempt.stat().st_mtime
