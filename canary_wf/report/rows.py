"""The data of a session's page, as the JSON that its script reads: rows of jobs and of batches, in compact form.

Ten thousand jobs must fit. So rows are arrays, an environment shared by several jobs is stored once, and the tails of
outputs are kept until a budget is spent, failures first.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import CanaryWfError, one_line
from canary_wf.files.json_files import as_text
from canary_wf.history.run_times import History, statistics_of
from canary_wf.plan.explanation.summary import expected_run
from canary_wf.plan.store import slices
from canary_wf.report.batch_runs import BatchRun, Efficiency, efficiency_of, run_at
from canary_wf.report.comparison import is_slower
from canary_wf.report.live.slow import slow_after
from canary_wf.report.placement import JobPlacement, place_jobs
from canary_wf.report.printable import OutputTails
from canary_wf.report.session import SessionState
from canary_wf.report.table import status_word
from canary_wf.run.job.environment import job_environment
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.state.record import EarlierRun, JobRecord, measured
from canary_wf.state.session_paths import relative_to_out
from canary_wf.state.submission import read_submissions
from canary_wf.verdict.status import Outcome

FOLDER = "\0"
"""Stands for the job's working directory in an environment, so that jobs can share the environment."""


class Mark:
    """What a job may be marked with, a letter each."""

    FLAKY = "f"
    """It passed after a failed attempt."""

    SLOWER = "s"
    """It took clearly longer than its run before, by the rule of `diff`."""

    LONG = "l"
    """It took, or takes by now, so long that the live view marks it as slow; without earlier runs it is never slow."""


class EarlierRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A run of a job that was followed by another run; the fields are those of a job's row."""

    status: str
    category: str
    reason: str | None
    started: float | None
    duration: float | None
    node: int | None
    ids: dict[str, list[str]]
    output: list[str] | None


class JobRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One job. Durations are seconds, points in time are seconds after the session's `start`; `max_rss` is MiB.

    `batch`, `node`, `environment` and the jobs of `needs` are indices into their lists. `plan` is the expected start
    after the batch's start, and the ids, by type, that correspond to the planned ones in the batch's allocation.
    `marks` are the `Mark`s that the job has. `artifacts` are the kept files with their sizes in bytes, and the declared
    ones that were not there with None. `output` is None if it is left out to save space.
    """

    id: str
    name: str
    file: str
    batch: int
    status: str
    category: str
    reason: str | None
    code: int | None
    started: float | None
    duration: float | None
    expected: float
    source: str
    limit: float
    node: int | None
    ids: dict[str, list[str]]
    plan: tuple[float, dict[str, list[str]]]
    needs: list[tuple[int, str]]
    words: str
    marks: str
    environment: int
    folder: str
    max_rss: float | None
    cpu: float | None
    slurm: str | None
    history: list[float]
    artifacts: list[tuple[str, int | None]]
    output: list[str] | None
    earlier: list[EarlierRow]


class BatchRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One batch: its request, its expected and actual times (seconds after the start), and the hours used.

    `submitted` has the time of each submission, and the scheduler's id if there is one.
    """

    id: str
    jobs: int
    failed: int
    done: int
    cpus: int
    gpus: int
    nodes: int
    planned: float
    expected: float
    limit: float
    runs: list[tuple[float, float, str, str]]
    used: Efficiency
    submitted: list[tuple[float, str | None]]


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page; `start` is the time of the first submission or start of a batch (epoch seconds)."""

    session: str
    start: float
    job_fields: tuple[str, ...]
    earlier_fields: tuple[str, ...]
    batch_fields: tuple[str, ...]
    nodes: list[str]
    environments: list[list[tuple[str, str]]]
    jobs: list[JobRow]
    batches: list[BatchRow]
    used: Efficiency


def report_data(state: SessionState, history: History, now: float | None = None) -> ReportData:
    """Return the data of the page of `state`; `history` has the jobs' earlier run times."""
    return _Collector(state, history, time.time() if now is None else now).collect()


class _Collector:
    """Collects one page, and numbers what rows refer to by index."""

    def __init__(self, state: SessionState, history: History, now: float) -> None:
        self.state = state
        self.history = history
        self.now = now
        starts = [record.started for record in state.records.values() if record.started is not None]
        starts += [run.started for runs in state.runs.values() for run in runs]
        files = {batch.id: state.paths.batch(batch.id).submission for batch in state.plan.batches}
        self.submitted = {batch: read_submissions(file) for batch, file in files.items()}
        starts += [each.time for submissions in self.submitted.values() for each in submissions]
        self.start = min(starts, default=state.plan.created)
        self.job_index = {job.id: number for number, job in enumerate(state.plan.jobs)}
        self.batch_index = {batch.id: number for number, batch in enumerate(state.plan.batches)}
        self.nodes: dict[str, int] = {}
        self.environments: dict[tuple[tuple[str, str], ...], int] = {}
        self.outputs = OutputTails(state)
        self.planned: dict[str, tuple[float, dict[str, list[str]]]] = {}

    def collect(self) -> ReportData:
        """Return the page."""
        for batch_slice in slices(self.state.plan):
            self._plan(batch_slice.jobs, place_jobs(batch_slice))
        batches = self._batches()
        jobs = [self._job(job) for job in self.state.plan.jobs]
        return ReportData(
            session=self.state.plan.session,
            start=self.start,
            job_fields=JobRow.__struct_fields__,
            earlier_fields=EarlierRow.__struct_fields__,
            batch_fields=BatchRow.__struct_fields__,
            nodes=list(self.nodes),
            environments=[list(variables) for variables in self.environments],
            jobs=jobs,
            batches=batches,
            used=sum((batch.used for batch in batches), Efficiency()),
        )

    def _plan(self, jobs: Sequence[PlannedJob], placed: Sequence[JobPlacement]) -> None:
        """Note when the jobs of a batch were expected to run, on what stands for their planned ids."""
        actual: dict[str, set[str]] = {}
        for job in jobs:
            for resource_type, items in self.state.record(job).resources.items():
                actual.setdefault(resource_type, set()).update(str(item["id"]) for item in items)
        planned: dict[str, set[str]] = {}
        for item in placed:
            for resource_type, names in item.ids.items():
                planned.setdefault(resource_type, set()).update(names)
        stand_ins = {
            resource_type: dict(zip(_in_order(names), _in_order(actual.get(resource_type, ())), strict=False))
            for resource_type, names in planned.items()
        }
        for item in placed:
            ids = {
                resource_type: [stand_ins[resource_type][name] for name in names if name in stand_ins[resource_type]]
                for resource_type, names in item.ids.items()
            }
            self.planned[jobs[item.job].id] = (round(item.start, 3), ids)

    def _job(self, job: PlannedJob) -> JobRow:
        record = self.state.record(job)
        run = run_at(self.state.runs.get(job.batch, ()), record.started)
        cpu = record.measured("cpu_user")
        return JobRow(
            id=job.id,
            name=job.name,
            file=job.path,
            batch=self.batch_index[job.batch],
            status=status_word(record),
            category=record.status.category.value,
            reason=record.status.reason,
            code=None if record.status.outcome is Outcome.NONE else record.status.code,
            started=None if record.started is None else round(record.started - self.start, 3),
            duration=self._duration(record),
            expected=round(job.runtime, 3),
            source=job.runtime_source,
            limit=job.limit,
            node=self._node(run),
            ids={resource_type: record.ids(resource_type) for resource_type in record.resources},
            plan=self.planned[job.id],
            needs=[(self.job_index[edge.job], edge.when) for edge in job.dependencies if edge.job in self.job_index],
            words=" ".join((*job.keywords, *job.owners)),
            marks=self._marks(job, record),
            environment=self._environment(job, record),
            folder=relative_to_out(self.state.paths.job(job.directory), self.state.paths.out),
            max_rss=record.measured("max_rss"),
            cpu=None if cpu is None else round(cpu + (record.measured("cpu_system") or 0.0), 3),
            slurm=record.slurm_job_id,
            history=self._history(job, record),
            artifacts=[
                *((one_line(file.path), file.size) for file in record.artifacts.kept),
                *((one_line(name), None) for name in record.artifacts.missing),
            ],
            output=self.outputs.get(job.id),
            earlier=[self._earlier(job, run) for run in record.earlier],
        )

    def _marks(self, job: PlannedJob, record: JobRecord) -> str:
        seconds = self._duration(record)
        marks = Mark.FLAKY if record.is_flaky else ""
        if seconds is None:
            return marks
        past = [each for _, each in self.history.runs_before(job.id, self.state.plan.session)]
        if record.status.is_pass and is_slower(seconds, past):
            marks += Mark.SLOWER
        return marks + (Mark.LONG if _is_long(seconds, past, job.limit) else "")

    def _earlier(self, job: PlannedJob, run: EarlierRun) -> EarlierRow:
        took = None if run.started is None else max(0.0, run.finished - run.started)
        seconds = measured(run.measurements, "duration")
        batch_run = run_at(self.state.runs.get(job.batch, ()), run.started)
        return EarlierRow(
            status=run.status.label,
            category=run.status.category.value,
            reason=run.status.reason,
            started=None if run.started is None else round(run.started - self.start, 3),
            duration=None if took is None else round(took if seconds is None else seconds, 3),
            node=self._node(batch_run),
            ids={resource_type: [str(item["id"]) for item in items] for resource_type, items in run.resources.items()},
            output=self.outputs.earlier(job, run),
        )

    def _node(self, run: BatchRun | None) -> int | None:
        return None if run is None else self.nodes.setdefault(run.host, len(self.nodes))

    def _duration(self, record: JobRecord) -> float | None:
        if record.duration is not None:
            return round(record.duration, 3)
        runs = record.started is not None and record.status.category.value == "NONE"
        return round(max(0.0, self.now - (record.started or 0.0)), 3) if runs else None

    def _environment(self, job: PlannedJob, record: JobRecord) -> int:
        """Return the index of the environment that the job's spec and canary-wf define, without inherited variables."""
        try:
            found: Mapping[str, str] = job_environment({}, job, record.resources, Path(FOLDER))
        except CanaryWfError:
            found = job.environment  # malformed changes are the job's own reason to fail
        variables = tuple((name, value) for name, value in found.items() if name not in {"PATH", "PWD", "PYTHONPATH"})
        return self.environments.setdefault(variables, len(self.environments))

    def _history(self, job: PlannedJob, record: JobRecord) -> list[float]:
        """Return the durations of the job's passed runs, oldest first, including this one."""
        known = self.history.runtimes.get(job.id, [])
        times = [round(seconds, 3) for session, seconds in known if session != self.state.plan.session]
        own = record.duration if record.status.is_pass else None
        return times if own is None else [*times, round(own, 3)]

    def _batches(self) -> list[BatchRow]:
        expected = expected_run(self.state.plan)
        jobs = {job.id: job for job in self.state.plan.jobs}
        return [
            self._batch(batch, [self.state.record(jobs[job]) for job in batch.jobs], expected.starts[number])
            for number, batch in enumerate(self.state.plan.batches)
        ]

    def _batch(self, batch: PlannedBatch, records: Sequence[JobRecord], planned: float) -> BatchRow:
        runs = self.state.runs.get(batch.id, ())
        return BatchRow(
            id=batch.id,
            jobs=len(batch.jobs),
            failed=sum(record.status.counts_as_failed for record in records),
            done=sum(record.status.category.value != "NONE" for record in records),
            cpus=batch.cpus,
            gpus=batch.gpus,
            nodes=batch.nodes,
            planned=round(planned, 3),
            expected=round(batch.runtime, 3),
            limit=batch.time_limit,
            runs=[self._run(run) for run in runs],
            used=efficiency_of(batch, runs, records, self.now),
            submitted=[
                (round(each.time - self.start, 3), each.slurm_job_id)
                for each in self.submitted[batch.id]
                if each.slurm_job_id is not None
            ],
        )

    def _run(self, run: BatchRun) -> tuple[float, float, str, str]:
        ended = self.now if run.ended is None else run.ended
        reason = ("runs" if run.ended is None else "died") if run.reason is None else run.reason
        return (round(run.started - self.start, 3), round(ended - run.started, 3), run.host, reason)


def _is_long(seconds: float, past: Sequence[float], limit: float) -> bool:
    if not past or seconds <= min(past):
        return False
    usual = statistics_of(past)
    return seconds > slow_after(usual.median, usual.spread, limit)


def _in_order(ids: "set[str] | tuple[str, ...]") -> list[str]:
    """Return ids in natural order: 2 before 10."""
    return sorted(ids, key=lambda name: (len(name), name))


def as_json(data: ReportData) -> str:
    """Return `data` as JSON that cannot end the script element around it."""
    text = as_text(data).rstrip("\n")
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
