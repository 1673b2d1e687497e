"""How far the batches are that run now, one line each, and when their runners gave their last sign of life."""

from collections.abc import Iterator

from canary_wf.durations import format_duration
from canary_wf.files.file_clock import age_of
from canary_wf.report.live.forecast import forecast
from canary_wf.report.session import SessionState
from canary_wf.state.attempt import is_alive, read_attempt
from canary_wf.state.session_paths import BatchPaths
from canary_wf.state.waiting import read_waiting


def progress_of(state: SessionState, now: float) -> Iterator[str]:
    """Yield a line for each batch that has a living runner; `now` is epoch seconds."""
    if not state.live:
        return
    for progress in forecast(state, now).batches:
        name, total = progress.batch.id, len(progress.batch.jobs)
        silence = None if progress.is_done else _silence_of(state.paths.batch(name))
        if silence is None:
            continue
        waiting = read_waiting(state.paths.batch(name).waiting)
        if waiting is not None:
            yield f"batch {name}: {waiting}"
            continue
        left = format_duration(max(1, round(progress.remaining)))
        yield (
            f"batch {name}: {progress.done} of {total} done ({progress.failed} failed), {progress.running} running,"
            f" about {left} left; last sign of life {max(0, round(silence))} s ago"
        )


def _silence_of(files: BatchPaths) -> float | None:
    """Return the seconds since the last sign of life of a batch's runner, None when none is alive."""
    attempt = read_attempt(files.attempt)
    if attempt is None or not is_alive(files.attempt, attempt):
        return None
    return age_of(files.attempt)


def waiting_lines(state: SessionState) -> Iterator[str]:
    """Yield what batches of a session that is being run wait for before their first job, one line each."""
    for batch in state.plan.batches if state.live else ():
        if batch.id in state.runs and (waiting := read_waiting(state.paths.batch(batch.id).waiting)) is not None:
            yield f"batch {batch.id}: {waiting}"
