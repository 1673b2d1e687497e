"""The sum of a session and its failures as a small page without a script, for a look and for other pages to show."""

from canary_wf.durations import format_duration
from canary_wf.errors import one_line
from canary_wf.plan.explanation.wording import left_out_lines
from canary_wf.report.html.page import render_page
from canary_wf.report.printable import shown_tail
from canary_wf.report.session import SessionState
from canary_wf.report.table import status_word
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.wording import count

MOST_FAILURES = 50
_LINES = 10


def summary_report(state: SessionState) -> str:
    """Return the page."""
    failed = state.failed
    left = len(failed) - MOST_FAILURES
    passed = not failed and not state.not_done
    left_out = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    return render_page(
        "summary_page.html.j2",
        session=state.plan.session,
        passed=passed,
        sentence=f"{count(len(state.plan.jobs), 'job')}: {'passed' if passed else 'did not pass'}{left_out}",
        counts=state.counts(),
        failures=[_failure(state, job) for job in failed[:MOST_FAILURES]],
        left_out=left_out_lines(state.plan.left_out),
        more=count(left, "more failure") if left > 0 else None,
    )


def _failure(state: SessionState, job: PlannedJob) -> dict[str, str]:
    record = state.record(job)
    parts = [job.path, record.status.reason, None if record.duration is None else format_duration(record.duration)]
    return {
        "status": status_word(record),
        "name": one_line(job.name),
        "about": ", ".join(one_line(part) for part in parts if part),
        "output": "\n".join(shown_tail(state.paths.job(job.directory) / OUTPUT_FILE, _LINES)),
    }
