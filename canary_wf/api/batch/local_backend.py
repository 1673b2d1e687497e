"""The backend that runs a batch on this machine, through the same runner that generated workflows use.

Each run gets a small session of its own in the batch's folder: a plan with what is left to do, and, as a batch that has
run already, the verdicts that the jobs wait for. A batch of a generated workflow is run with the plan it belongs to.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from canary_wf._version import __version__
from canary_wf.api.batch.testbatch import TestBatch
from canary_wf.api.job.job import Job
from canary_wf.errors import CanaryWfError
from canary_wf.files.json_files import write_json
from canary_wf.files.plain_files import open_own
from canary_wf.plan.model import BatchSpecFields, Plan
from canary_wf.plan.store import write_session
from canary_wf.process.process_identity import host_id
from canary_wf.recovery.reconcile import reconcile_batches
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.spec.job_spec import DependencyEdge
from canary_wf.state.events import AttemptEnded, AttemptStarted, JobFinished
from canary_wf.state.job_file import read_text
from canary_wf.state.journal import JournalWriter
from canary_wf.state.session_paths import BatchPaths, SessionPaths, absolute_path

PATIENCE = 30.0
"""Seconds a runner is given to end its jobs before it is killed."""


class LocalBackend:
    """Runs batches here; `workers` is how many jobs of a batch may run at once (None: as many as fit)."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def submit(self, batch: TestBatch) -> "LocalSubmission":
        """Start the runner for `batch`. Raises CanaryWfError for a job that it could not run as asked."""
        paths = _session_of(batch) or self._new_session(batch)
        log = paths.batch(batch.id).log
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", "canary_wf", "run-batch", batch.id, "--plan", str(paths.plan)]
        anywhere = _session_of(batch) is None
        if anywhere:
            command.append("--anywhere")
        if self.workers is not None:
            command += ["--workers", str(self.workers)]
        with os.fdopen(open_own(log, os.O_WRONLY | os.O_APPEND), "ab") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        return LocalSubmission(process, paths, batch.id, anywhere=anywhere)

    def _new_session(self, batch: TestBatch) -> SessionPaths:
        batch.workspace.create()
        plan = _plan_of(batch, self.workers)
        paths = write_session(plan, absolute_path(batch.workspace.dir))
        for done in plan.batches:
            if done.id != batch.id:
                _write_verdicts(paths.batch(done.id), _outside(batch))
        return paths


class LocalSubmission:
    """A running runner."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", paths: SessionPaths, batch: str, *, anywhere: bool = False
    ) -> None:
        self._process = process
        self._paths = paths
        self._batch = batch
        self._anywhere = anywhere

    @property
    def jobid(self) -> str:
        """The runner's process id."""
        return str(self._process.pid)

    def wait_for_start(self, timeout: float) -> bool:  # noqa: ARG002 - the protocol's; nothing waits here
        """Return True: it started when it was submitted."""
        return True

    def wait_for_end(self, timeout: float) -> bool:
        """Return whether the runner ended within `timeout` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        for error in reconcile_batches(self._paths, [self._batch], anywhere=self._anywhere):
            raise error  # a runner that was killed leaves jobs behind
        return True

    def cancel(self) -> None:
        """End the runner with its jobs; one that does not heed SIGTERM is killed."""
        self._process.terminate()
        if not self.wait_for_end(PATIENCE):
            self._process.kill()
            self.wait_for_end(PATIENCE)

    def failure(self) -> str | None:
        """Return the runner's last line when it could not do its work."""
        code = self._process.returncode
        if code == 0:
            return None
        lines = read_text(self._paths.batch(self._batch).log).splitlines()
        return f"its runner ended with exit code {code} ({lines[-1] if lines else 'and said nothing'})"


def _session_of(batch: TestBatch) -> SessionPaths | None:
    """Return the session of a generated workflow that `batch` belongs to."""
    folder = absolute_path(batch.workspace.dir)
    if folder.parent.name != "batches" or folder.parent.parent.parent.name != "sessions":
        return None
    paths = SessionPaths.of_plan(folder.parent.parent / "plan.json")
    return paths if paths.slice(batch.id).is_file() else None


def _plan_of(batch: TestBatch, workers: int | None) -> Plan:
    """Return a plan with the jobs of `batch` that have no verdict, and with those outside that they depend on."""
    rparameters = batch.spec.rparameters
    left = [job for job in batch.jobs if not job.is_done()]
    before = _outside(batch)
    done = f"{batch.id}upstreams"
    batches = [_planned_batch(done, before, (), {"cpus": 0, "gpus": 0})] if before else []
    needs = (done,) if before else ()
    known = {job.id for job in (*before, *left)}
    now = time.time()
    return Plan(
        session=datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%f"),
        created=now,
        version=__version__,
        scheduler="local",
        batch_spec=BatchSpecFields("atomic" if batch.spec.layout == "atomic" else "flat", "auto", "any", None),
        node=dict(rparameters),
        resource_pool={"additional_properties": {}, "resources": _pool(batch)},
        workers=workers,
        jobs=(*(_planned(job, done) for job in before), *(_planned(job, batch.id, _edges(job, known)) for job in left)),
        batches=(*batches, _planned_batch(batch.id, left, needs, rparameters, batch)),
    )


def _outside(batch: TestBatch) -> list[Job]:
    """Return the jobs with a verdict that those still to run depend on, each once."""
    found = {one.id: one for job in batch.jobs if not job.is_done() for one in job.upstreams if one.is_done()}
    return list(found.values())


def _edges(job: Job, known: set[str]) -> tuple[DependencyEdge, ...]:
    for upstream in job.upstreams:
        if upstream.id not in known:
            raise CanaryWfError(f"needs {upstream.name}, which has not run", where=f"job {job.name}")
    return tuple(DependencyEdge(one.job.id, one.when or "always") for one in job.dependencies)


def _planned(job: Job, batch: str, edges: tuple[DependencyEdge, ...] = ()) -> PlannedJob:
    unset = sorted(name for name, value in job.variables.items() if value is None)
    if unset:
        raise CanaryWfError(f"variable {unset[0]} cannot be unset in a batch", where=f"job {job.name}")
    fields: dict[str, Any] = {name: getattr(job.spec, name) for name in job.spec.__struct_fields__}
    fields |= {
        "directory": str(absolute_path(job.workspace.dir)),
        "environment": dict(job.variables),
        "timeout_multiplier": job.timeout_multiplier,
        "attributes": job.attributes,
        "dependencies": edges,
        "runtime": job.runtime,
        "runtime_source": job.runtime_source,
        "batch": batch,
    }
    known = {name: value for name, value in fields.items() if name in PlannedJob.__struct_fields__}
    return PlannedJob(**known)


def _planned_batch(
    name: str, jobs: list[Job], needs: tuple[str, ...], slots: Mapping[str, int], batch: TestBatch | None = None
) -> PlannedBatch:
    return PlannedBatch(
        id=name,
        jobs=tuple(job.id for job in jobs),
        dependencies=needs,
        cpus=slots["cpus"],
        gpus=slots["gpus"],
        nodes=max((job.nodes for job in jobs), default=1),
        memory=None,
        resources={kind: count for kind, count in slots.items() if kind not in {"cpus", "gpus"}},
        exclusive=any(job.exclusive for job in jobs),
        runtime=batch.runtime if batch else 0.0,
        time_limit=batch.timeout * batch.timeout_multiplier if batch else 0.0,
    )


def _pool(batch: TestBatch) -> dict[str, list[dict[str, Any]]]:
    """Return the ids the batch was given, each once with all its slots; without any, as many as it asks for."""
    if not batch.resources:
        return {
            kind: [{"id": str(number), "slots": 1} for number in range(count)]
            for kind, count in batch.spec.rparameters.items()
        }
    found: dict[str, list[dict[str, Any]]] = {"gpus": []}
    for kind, items in batch.resources.items():
        slots: dict[str, int] = {}
        for item in items:
            slots[item["id"]] = slots.get(item["id"], 0) + item["slots"]
        found[kind] = [{"id": name, "slots": count} for name, count in slots.items()]
    return found


def _write_verdicts(files: BatchPaths, jobs: Iterable[Job]) -> None:
    """Make the journal and result of a batch whose `jobs` have run elsewhere."""
    now = time.time()
    writer = JournalWriter(files.journal)
    writer.append(AttemptStarted(time=now, token="elsewhere", host=host_id(), pid=0))  # noqa: S106 - no secret
    for job in jobs:
        writer.append(JobFinished.of(job.id, job.status, now, artifacts=job.record.artifacts))
    writer.append(AttemptEnded(time=now, token="elsewhere", reason="complete"))  # noqa: S106 - no secret
    writer.close()
    write_json(Path(files.result), {})
