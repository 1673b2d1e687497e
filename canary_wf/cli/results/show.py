"""`canary-wf show`: all that is known of one job, as lines for people or as JSON."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.completion import job_names
from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import find_job, has_prefix
from canary_wf.cli.options import json_option, session_option, workspace_option
from canary_wf.cli.output import print_json
from canary_wf.durations import format_duration
from canary_wf.errors import UsageError, one_line
from canary_wf.plan.model import Plan
from canary_wf.plan.store import find_session, load_plan
from canary_wf.report.closing import from_here
from canary_wf.report.colour import painter
from canary_wf.report.failures import jobs_folder
from canary_wf.report.job_facts import batches_around, job_facts
from canary_wf.report.live.queue import SlurmQueue
from canary_wf.report.session import SessionFollower, SessionState
from canary_wf.report.table import status_word
from canary_wf.resources.memory_size import MIB
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.wording import amount, moment, size

_LABEL = 19
_LEAST_FOR_SHARE = 0.1
"""Seconds: the CPU time of a shorter job is mostly that of its start."""
_SOURCES = {"history": "by its history", "declared": "as declared", "default": "a quarter of its time limit"}


@click.command("show", cls=DocumentedCommand)
@click.argument("job", shell_complete=job_names)
@workspace_option
@session_option
@json_option
def command(*, job: str, out: Path, session: str | None, as_json: bool) -> None:
    """Show all that is known of JOB, an id prefix or a name: command, node, times, memory, attempts, files."""
    paths = find_session(out, session)
    plan = load_plan(paths.plan)
    try:
        found = find_job(plan.jobs, job)
    except UsageError as error:
        raise _not_planned(plan, job) or error from None
    state = SlurmQueue().explain(SessionFollower(paths, only=batches_around(plan.jobs, found), plan=plan).look())
    facts = job_facts(state, found)
    if as_json:
        print_json(facts)
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(state, found, facts))


def _not_planned(plan: Plan, name: str) -> UsageError | None:
    """Return why the job called `name` is not in the run, if that is known."""
    for each in (*plan.left_out, *plan.masked):
        if name == each.name or has_prefix(each.id, name):
            return UsageError(f"is not part of the run: {each.reason}", where=f"job {each.name}", hint=each.hint)
    return None


def _lines(state: SessionState, job: PlannedJob, facts: dict[str, Any]) -> Iterator[str]:
    """Yield the facts, one on each line, with a label; what is not known is left out."""
    record = state.record(job)
    yield f"{painter(sys.stdout)(status_word(record), record.status.category)} {one_line(job.name)}"
    reason = facts["waits"] or facts["reason"]
    if reason:
        yield f"  {one_line(reason)}"
    yield ""
    for label, value in (*_what_it_is(job), *_where_it_ran(facts), *_what_it_used(job, facts)):
        if value:
            yield f"{label:{_LABEL}}{one_line(value)}"
    yield from _list("attempts", _attempts(facts))
    yield from _list("needs", [_dependency(each) for each in facts["dependencies"]])
    yield from _list("artifacts", [f"{file.path}  {size(file.size)}" for file in record.artifacts.kept])
    yield from _list("missing", list(record.artifacts.missing))
    if facts["files"]:
        yield f"{'folder':{_LABEL}}{one_line(from_here(jobs_folder(state) / job.directory))}"
    yield from _list("files", [", ".join(file.rpartition("/")[2] for file in facts["files"])] if facts["files"] else [])
    if facts["page"]:
        yield f"{'page':{_LABEL}}{one_line(from_here(state.paths.out / facts['page']))}"


def _list(label: str, values: list[str]) -> Iterator[str]:
    for number, value in enumerate(values):
        yield f"{'' if number else label:{_LABEL}}{one_line(value)}"


def _what_it_is(job: PlannedJob) -> Iterator[tuple[str, str]]:
    yield "id", job.id
    yield "file", job.path
    yield "family", job.family if job.parameters else ""
    yield "parameters", ", ".join(f"{name}={value}" for name, value in job.parameters.items())
    yield "keywords", ", ".join(job.keywords)
    yield "command", shlex.join(job.command)
    yield "working directory", job.working_directory or ""


def _where_it_ran(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    slurm = f", Slurm job {facts['slurm_job_id']}" if facts["slurm_job_id"] else ""
    yield "session", facts["session"]
    yield "batch", f"{facts['batch']} (rule {facts['rule']}{slurm})"
    yield "node", facts["node"] or ""
    for resource_type, items in facts["resources"].items():
        yield resource_type, ", ".join(str(item["id"]) for item in items)
    for label, point in (("queued", "queued"), ("started", "started"), ("ended", "finished")):
        yield label, "" if facts[point] is None else moment(facts[point], exact=True)


def _what_it_used(job: PlannedJob, facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    took, cpu, peak = facts["duration"], facts["cpu_time"], facts["max_rss"]
    expected = f"{format_duration(job.runtime)} expected ({_SOURCES[job.runtime_source]})"
    limit = f"limit {format_duration(job.limit)}"
    yield "time", ", ".join(([] if took is None else [format_duration(took)]) + [expected, limit])
    if cpu is not None:
        share = f" ({cpu / took:.0%} of one CPU)" if took and took > _LEAST_FOR_SHARE else ""
        yield "CPU time", f"{format_duration(cpu)}{share}"
    asked = [f"{size(job.memory * MIB)} requested"] if job.memory else []
    yield "memory", ", ".join(([] if peak is None else [f"peak {size(round(peak * MIB))}"]) + asked)
    yield "requested", ", ".join(amount(number, kind) for kind, number in job.requested.items() if number)


def _attempts(facts: dict[str, Any]) -> list[str]:
    """Return a line for each run of a job that ran several times: its outcome, time and reason."""
    if not facts["earlier_attempts"]:
        return []
    found = []
    for number, run in enumerate([*facts["earlier_attempts"], facts], 1):
        over = run["started"] is not None and run["finished"] is not None
        took = f" after {format_duration(run['finished'] - run['started'])}" if over else ""
        word = run["outcome"] if run["outcome"] != "NONE" else facts["phase"]
        found.append(f"{number}: {word}{took}" + (f", {run['reason']}" if run["reason"] else ""))
    return found


def _dependency(each: dict[str, Any]) -> str:
    word = each["phase"] if each["phase"] != "DONE" else each["outcome"]
    return f"{each['name']} ({each['when']}): {word}"
