"""Sessions as a run leaves them on the disk, without a run: for tests of what reads them."""

import os
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from command_line import CommandLine
from factories import plan_of, spec

from canary_wf.files.json_files import read_json, write_json
from canary_wf.plan.model import Plan
from canary_wf.plan.store import load_plan, newest_session, slices, write_session
from canary_wf.process.process_identity import host_id, set_mark, start_ticks
from canary_wf.report.session import SessionState, load_session
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.state.attempt import AttemptFile
from canary_wf.state.events import AttemptEnded, AttemptStarted, JobFinished, JobLaunched, JobRetried, JobStarted
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

STARTED = 1000.0
"""When each job started (epoch seconds); it runs for two seconds."""


def recorded(
    out: Path,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    *,
    running: Collection[str] = (),
    alive: bool = False,
    reason: str | None = None,
    output: str = "output\n",
) -> SessionPaths:
    """Write the session of `plan` whose jobs, by name, ended with `outcomes` or are `running`; return its paths.

    Batches with none of these were never begun. `alive` says whether the runner of a batch with running jobs lives:
    if so it is this process, else one that is gone. Without running jobs the attempt has ended in order.
    """
    paths = write_session(plan, out)
    for part in slices(plan):
        ended = {job.id: outcomes[job.name] for job in part.jobs if job.name in outcomes}
        now = {job.id for job in part.jobs if job.name in running}
        if ended or now:
            _record(paths, part, ended, now, reason)
            _write_attempt(paths, part, ended=not now, alive=alive)
    for job in plan.jobs:
        if job.name in outcomes or job.name in running:
            paths.job(job.directory).mkdir(parents=True, exist_ok=True)
            (paths.job(job.directory) / OUTPUT_FILE).write_bytes(output.encode("utf-8", "surrogateescape"))
    return paths


def end_job(paths: SessionPaths, name: str, outcome: Outcome = Outcome.SUCCESS, reason: str | None = None) -> None:
    """Let the running job called `name` end after nine seconds."""
    for part in slices(load_plan(paths.plan)):
        for job in part.jobs:
            if job.name == name:
                recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
                code = int(outcome)
                recorder(JobFinished(time=STARTED + 9, job=job.id, outcome=outcome.name, reason=reason, code=code))
                recorder.close()


def retry_job(paths: SessionPaths, name: str, reason: str | None = None) -> None:
    """Let the running job called `name` fail after three seconds, and run again after four."""
    for part in slices(load_plan(paths.plan)):
        for job in part.jobs:
            if job.name == name:
                recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
                recorder(JobRetried(time=STARTED + 3, job=job.id, outcome="FAILED", reason=reason, code=65))
                recorder(JobStarted(time=STARTED + 4, job=job.id))
                recorder.close()


def end_runners(paths: SessionPaths) -> None:
    """Let the runners end of all batches that have one."""
    for part in slices(load_plan(paths.plan)):
        path = paths.batch(part.batch.id).attempt
        if path.exists():
            recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
            recorder(AttemptEnded(time=STARTED + 9, token="t", reason="complete"))
            recorder.close()
            write_json(path, {**read_json(path, dict), "ended": True})


@cache
def _bear_mark() -> None:
    """Let this process be known as a runner, whatever the session."""
    set_mark("t", Path())


def _record(
    paths: SessionPaths, part: BatchSlice, ended: Mapping[str, Outcome], now: Collection[str], reason: str | None
) -> None:
    recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
    recorder(AttemptStarted(time=STARTED, token="t", host=host_id(), pid=1))
    for job in (*ended, *now):
        if ended.get(job) is not Outcome.BLOCKED:
            recorder(JobStarted(time=STARTED, job=job, resources={"cpus": [{"id": "0", "slots": 1}]}))
        if job in now:
            recorder(JobLaunched(time=STARTED, job=job, pid=0, started_ticks=0))
        else:
            outcome = ended[job]
            recorder(JobFinished(time=STARTED + 2, job=job, outcome=outcome.name, reason=reason, code=int(outcome)))
    if not now:
        recorder(AttemptEnded(time=STARTED + 2, token="t", reason="complete"))
        if Outcome.INTERRUPTED not in ended.values():
            write_json(paths.batch(part.batch.id).result, {"session": part.session})
    recorder.close()


def _write_attempt(paths: SessionPaths, part: BatchSlice, *, ended: bool, alive: bool) -> None:
    pid = os.getpid()
    if alive:
        _bear_mark()
    ticks = start_ticks(pid) if alive else 1
    write_json(paths.batch(part.batch.id).attempt, AttemptFile(host_id(), pid, ticks, token="t", ended=ended))


def recorded_session(
    cli: CommandLine, outcomes: Mapping[str, Outcome], running: str = "", output: str = "output\n"
) -> SessionPaths:
    """Generate a session and make it look as if it had run with these outcomes, by job name; return its paths."""
    cli.generate()
    paths = newest_session(cli.out)
    plan = load_plan(paths.plan)
    paths.folder.rename(paths.folder.with_name(f".{paths.session}"))
    at_work = [running] if running else []
    return recorded(cli.out, plan, outcomes, running=at_work, alive=bool(running), output=output)


def one_of_each(folder: Path) -> SessionState:
    """Return a session in `folder` that has one job of each kind, and one that runs."""
    outcomes = {
        "good": Outcome.SUCCESS,
        "xfail": Outcome.XFAIL,
        "bad": Outcome.FAILED,
        "slow": Outcome.TIMEOUT,
        "cut": Outcome.CANCELLED,
        "skip": Outcome.SKIPPED,
    }
    plan = plan_of([spec(name) for name in outcomes], [spec("now")], [spec("never")])
    return load_session(recorded(folder, plan, outcomes, running=["now"], alive=True, reason="why\nnot"))
