"""A session as self-contained pages: the full page with jobs, timeline and batches, and a small summary page.

The pages contain everything they show and load nothing. Tests' names and output are always text: the template escapes
them, and the script only inserts them as text. The summary page has no script; other pages may embed it.
"""

import os
import time
from typing import Any

import markupsafe

from canary_wf._version import __version__
from canary_wf.durations import format_duration
from canary_wf.errors import WorkspaceError, one_line
from canary_wf.history.run_times import History, load_history
from canary_wf.plan.explanation.wording import left_out_lines
from canary_wf.report.batch_runs import Efficiency
from canary_wf.report.closing import WORDS
from canary_wf.report.html.heading import about, heading
from canary_wf.report.html.page import render_page
from canary_wf.report.printable import printable_tail
from canary_wf.report.rows import ReportData, as_json, report_data
from canary_wf.report.session import SessionState
from canary_wf.report.table import status_word
from canary_wf.snakemake.parent_workflows import last_parent_workflow
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.session_paths import session_names
from canary_wf.verdict.status import JobPhase
from canary_wf.wording import count, moment

_TEMPLATE = "report_page.html.j2"
_FEW_HOURS = 0.1
MOST_FAILURES = 50
_LINES = 10


def html_report(state: SessionState) -> str:
    """Return the HTML page of a session."""
    data = report_data(state, _history(state))
    head, verdict = heading(state.plan, "Session"), _verdict(state)
    which = f"{len(state.parts)} parts" if state.parts else f"session {state.plan.session}"
    return render_page(
        _TEMPLATE,
        version=__version__,
        title=f"{head}: {verdict['word']} ({which})",
        heading=head,
        verdict=verdict,
        sentence=_sentence(state, data),
        about=about(state.plan, state.parts),
        facts=_facts(state, data),
        shares=_shares(state),
        commands=_commands(state),
        used=_used(data.used),
        left_out=state.plan.left_out,
        data=markupsafe.Markup(as_json(data)),  # noqa: S704 - `as_json` leaves nothing that could end the element
    )


def _commands(state: SessionState) -> list[str]:
    """Return the commands to copy that say more about a job, or run it again, with ID for its id.

    There are none where several parts are shown as one: each part has its own workspace.
    """
    paths = state.paths
    if any(os.path.isabs(job.directory) for job in state.plan.jobs):  # noqa: PTH117 - of 100 000 jobs
        return []
    if session_names(paths.out)[-1:] != [paths.session]:  # the session of this page cannot run again
        return [f"canary-wf {word} ID --session {paths.session}" for word in ("log", "show")]
    again = ("rerun",) if last_parent_workflow(paths.out, since=state.plan.created) else ("run", "rerun")
    return [f"canary-wf {word} ID" for word in ("log", "show", *again)]


def _history(state: SessionState) -> History:
    try:
        return load_history(state.paths.out)
    except WorkspaceError:
        return History()  # `generate` reports a damaged history; this session's state is known without it


def _verdict(state: SessionState) -> dict[str, str]:
    if state.failed:
        counts = state.counts()
        words = [f"{counts[name]:,} {WORDS[name]}" for name in ("FAIL", "CANCEL") if counts[name]]
        return {"tone": "FAIL", "word": ", ".join(words)}
    if state.not_done:
        return {"tone": "NONE", "word": "running" if state.live else "not done"}
    return {"tone": "PASS", "word": "passed"}


def _sentence(state: SessionState, data: ReportData) -> str:
    where = "this machine" if state.plan.scheduler == "local" else "Slurm"
    began = f"started {moment(data.start)}" if state.begun else "not started"
    began += f"; as of {moment(time.time())}, while it runs" if state.live else ""
    jobs, batches = count(len(state.plan.jobs), "job"), count(len(state.plan.batches), "batch", "batches")
    return f"{jobs} in {batches}, planned for {where}, {began}"


def _counts(state: SessionState) -> list[tuple[str, str, int]]:
    """Return each category of jobs, its word and the number of its jobs; those that run are counted apart."""
    running = sum(state.record(job).phase is JobPhase.RUNNING for job in state.plan.jobs)
    found = state.counts() | {"NONE": state.counts()["NONE"] - running}
    return [("NONE", "running", running), *((name, WORDS[name], number) for name, number in found.items())]


def _facts(state: SessionState, data: ReportData) -> list[tuple[str, str]]:
    facts = [(word, f"{number:,}") for _, word, number in _counts(state) if number or word == "passed"]
    ends = [row.started + row.duration for row in data.jobs if row.started is not None and row.duration is not None]
    if ends:
        facts.append(("first start to last end", format_duration(max(ends))))
        facts.append(("all run times added up", format_duration(sum(row.duration or 0.0 for row in data.jobs))))
    facts.append(("nodes used", f"{len(data.nodes):,}"))
    facts.append(("core-hours", _hours(data.used.cores_asked)))
    if data.used.gpus_asked:
        facts.append(("GPU-hours", _hours(data.used.gpus_asked)))
    if state.plan.left_out:
        facts.append(("left out", f"{len(state.plan.left_out):,}"))
    return facts


def _shares(state: SessionState) -> list[dict[str, Any]]:
    return [
        {"category": name, "count": number, "label": f"{number:,} {word}"}
        for name, word, number in _counts(state)
        if number
    ]


def _hours(hours: float) -> str:
    return f"{hours:,.2f}" if hours >= _FEW_HOURS or not hours else f"{hours:.4f}"


def _used(used: Efficiency) -> str:
    if not used.cores_asked:
        return "No batch has run."
    sentence = (
        f"Of {_hours(used.cores_asked)} core-hours asked for, jobs held {used.cores_held / used.cores_asked:.0%}, and "
        f"their processes computed for {used.cores_busy / used.cores_asked:.0%}."
    )
    if used.gpus_asked:
        sentence += f" Of {_hours(used.gpus_asked)} GPU-hours, jobs held {used.gpus_held / used.gpus_asked:.0%}."
    return sentence


def summary_report(state: SessionState) -> str:
    """Return the counts and the failures of a session as a small HTML page."""
    failed = state.failed
    left = len(failed) - MOST_FAILURES
    passed = not failed and not state.not_done
    left_out = f"; {len(state.plan.left_out)} left out" if state.plan.left_out else ""
    return render_page(
        "summary_page.html.j2",
        heading=heading(state.plan, "Session"),
        about=about(state.plan, state.parts),
        passed=passed,
        sentence=f"{count(len(state.plan.jobs), 'job')}: {'passed' if passed else 'did not pass'}{left_out}",
        counts=[(word, number) for _, word, number in _counts(state) if number or word == "passed"],
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
        "output": "\n".join(printable_tail(state.paths.job(job.directory) / OUTPUT_FILE, _LINES)),
    }
