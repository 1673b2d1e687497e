"""Everything that is known of one job, for `show`: what it is, where it ran, what it used, what it waits for."""

from typing import Any

from canary_wf.report.batch_runs import run_at
from canary_wf.report.html.page_link import PageLinks
from canary_wf.report.session import SessionState
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.job_file import OUTPUT_FILE, STATE_FILE
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import relative_to_out
from canary_wf.state.submission import read_submissions
from canary_wf.state.waiting import read_waiting
from canary_wf.verdict.status import JobPhase
from canary_wf.wording import some
from canary_wf.workflow.batch_table import BatchTable


def job_facts(state: SessionState, job: PlannedJob) -> dict[str, Any]:
    """Return the facts about `job`, as `show --json` prints them; `state` has its batch and those of its dependencies.

    The fields are those of `status --json`, and more. Times are epoch seconds (UTC), durations seconds, memory is MiB;
    what is not known is None, and paths are relative to OUT unless they lie outside of it.
    """
    record = state.record(job)
    run = run_at(state.runs.get(job.batch, ()), record.started)
    folder = relative_to_out(state.paths.job_folder(job.directory), state.paths.out)
    cpu = record.measured("cpu_user")
    return {
        **state.fields(job),
        "session": state.plan.session,
        "file": job.file,
        "family": job.family,
        "kind": job.kind,
        "parameters": job.parameters,
        "keywords": job.keywords,
        "owners": job.owners,
        "command": job.command,
        "working_directory": job.working_directory,
        "rule": _rule(state, job.batch),
        "node": None if run is None else run.host,
        "requested": job.requested,
        "resources": record.resources,
        "queued": _queued(state, job, record),
        "expected": job.runtime,
        "expected_from": job.runtime_source,
        "limit": job.limit,
        "memory": job.memory,
        "max_rss": record.measured("max_rss"),
        "cpu_time": None if cpu is None else cpu + (record.measured("cpu_system") or 0.0),
        "measurements": record.measurements,
        "earlier_attempts": [run.as_dict() for run in record.earlier],
        "waits": why_no_output(state, job) if record.phase in _WAITING else None,
        "dependencies": _dependencies(state, job),
        "declared_artifacts": job.artifacts,
        "artifacts": record.artifacts,
        "files": [f"{folder}/{name}" for name in _files(record)],
        "page": PageLinks(state).of(job.id),
    }


_WAITING = {JobPhase.PENDING, JobPhase.SUBMITTED}


def why_no_output(state: SessionState, job: PlannedJob) -> str:
    """Return in words why `job` has no output: what it waits for, why it did not run, or that its files are gone."""
    record = state.record(job)
    if record.phase is JobPhase.RUNNING:
        return "it has just started"
    if record.phase is not JobPhase.DONE:
        return _awaited(state, job, record)
    if record.started is None:
        return f"it did not run: {record.status.reason or record.status.outcome.name}"
    return f"it ran ({record.status.label}), but its files are gone"


def _awaited(state: SessionState, job: PlannedJob, record: JobRecord) -> str:
    """Return in words what `job` waits for: the queue, other jobs, ids, its turn, or that somebody runs it."""
    batch = f"its batch {job.batch}"
    if record.status.reason:  # Slurm's, or why the submission was refused
        return f"{batch}: {record.status.reason}{_slurm_job(record)}"
    if record.phase is JobPhase.SUBMITTED:
        return f"{batch} waits in the queue{_slurm_job(record)}"
    if not state.live:
        return "it was not started, and nothing runs"
    others = [each["name"] for each in _dependencies(state, job) if each["phase"] != JobPhase.DONE.value]
    if others:
        return f"it waits for {some(others)}"
    waiting = read_waiting(state.paths.batch(job.batch).waiting)
    if waiting is not None:
        return f"{batch} waits: {waiting}"
    return f"it waits for its turn in batch {job.batch}" if job.batch in state.runs else f"{batch} has not started"


def _slurm_job(record: JobRecord) -> str:
    return "" if record.slurm_job_id is None else f" (Slurm job {record.slurm_job_id})"


def _rule(state: SessionState, batch: str) -> str:
    """Return the name of the Snakemake rule that runs `batch`."""
    if not state.paths.batch_table.exists():
        return f"batch_{batch}"
    return BatchTable(str(state.paths.plan)).shape_of(batch) or f"batch_{batch}"


def _queued(state: SessionState, job: PlannedJob, record: JobRecord) -> float | None:
    """Return when the job's batch was last handed to a scheduler before the job started (epoch seconds)."""
    times = [each.time for each in read_submissions(state.paths.batch(job.batch).submission)]
    return max((time for time in times if record.started is None or time <= record.started), default=None)


def _dependencies(state: SessionState, job: PlannedJob) -> list[dict[str, Any]]:
    """Return the jobs that `job` needs, with the condition, and where they stand."""
    needed = {edge.job: edge for edge in job.dependencies}
    found = []
    for each in state.plan.jobs if needed else ():
        if each.id in needed:
            record = state.record(each)
            verdict = {"category": record.status.category.value, "outcome": record.status.outcome.name}
            found.append(
                {"id": each.id, "name": each.name, "when": needed[each.id].when, "phase": record.phase.value, **verdict}
            )
    return found


def batches_around(jobs: "tuple[PlannedJob, ...]", job: PlannedJob) -> set[str]:
    """Return the ids of the batches of `job` and of the jobs that it needs, among all `jobs`."""
    needed = set(job.upstreams)
    return {job.batch} | {each.batch for each in jobs if each.id in needed} if needed else {job.batch}


def _files(record: JobRecord) -> list[str]:
    """Return the names of the files that canary-wf keeps in the job's directory."""
    if not record.attempts:
        return []
    return [OUTPUT_FILE, *(run.output for run in record.earlier if run.output), STATE_FILE]
