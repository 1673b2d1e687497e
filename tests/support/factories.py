"""Small plans and jobs for tests of the layers above planning."""

from pathlib import Path
from typing import Any

from canary_wf.plan.model import BatchSpecFields, Plan
from canary_wf.spec.batch_slice import PlannedBatch, PlannedJob
from canary_wf.spec.identity import batch_id, job_id
from canary_wf.spec.job_spec import DependencyEdge, JobSpec


def spec(name: str, *needs: str, **fields: Any) -> JobSpec:  # noqa: ANN401 - any field of the spec
    """Return a job spec that runs ``true`` and depends on the jobs named `needs`."""
    defaults: dict[str, Any] = {
        "id": job_id("t.jobs.yaml", name, {}),
        "name": name,
        "family": name,
        "path": "t.jobs.yaml",
        "file": "/nowhere/t.jobs.yaml",
        "kind": "jobs",
        "directory": name,
        "command": ("true",),
        "dependencies": tuple(DependencyEdge(job_id("t.jobs.yaml", need, {})) for need in needs),
    }
    return JobSpec(**{**defaults, **fields})


def planned(job: JobSpec, batch: str = "", runtime: float = 1.0) -> PlannedJob:
    """Return `job` as a plan holds it."""
    fields: dict[str, Any] = {name: getattr(job, name) for name in job.__struct_fields__}
    return PlannedJob(**{**fields, "runtime": runtime, "runtime_source": "declared", "batch": batch})


def plan_of(*batches: list[JobSpec], cpus: int = 2, gpus: int = 0, **fields: Any) -> Plan:  # noqa: ANN401
    """Return a plan with the jobs in the `batches` given, on a node with so many nominal cpus and gpus."""
    ids = [batch_id(job.id for job in batch) for batch in batches]
    batch_of = {job.id: name for batch, name in zip(batches, ids, strict=True) for job in batch}
    pool = {
        "additional_properties": {},
        "resources": {
            "cpus": [{"id": str(number), "slots": 1} for number in range(cpus)],
            "gpus": [{"id": str(number), "slots": 1} for number in range(gpus)],
        },
    }
    defaults: dict[str, Any] = {
        "session": "20260101T000000.000000",
        "created": 1.0,
        "version": "0",
        "scheduler": "local",
        "batch_spec": BatchSpecFields("flat", "auto", "any", 1800.0),
        "node": {"cpus": cpus, "gpus": gpus},
        "resource_pool": pool,
        "jobs": tuple(planned(job, batch_of[job.id]) for batch in batches for job in batch),
        "batches": tuple(_batch(batch, name, batch_of) for batch, name in zip(batches, ids, strict=True)),
    }
    return Plan(**{**defaults, **fields})


def _batch(jobs: list[JobSpec], name: str, batch_of: dict[str, str]) -> PlannedBatch:
    upstream = {batch_of[edge.job] for job in jobs for edge in job.dependencies} - {name}
    return PlannedBatch(
        id=name,
        jobs=tuple(job.id for job in jobs),
        dependencies=tuple(sorted(upstream)),
        cpus=max(job.cpus for job in jobs),
        gpus=max(job.gpus for job in jobs),
        nodes=max(job.nodes for job in jobs),
        memory=None,
        resources={},
        exclusive=False,
        runtime=1.0,
        time_limit=120.0,
    )


def shell(name: str, text: str, *needs: str, **fields: Any) -> JobSpec:  # noqa: ANN401
    """Return a job spec that runs the shell text."""
    return spec(name, *needs, command=("sh", "-c", text), **fields)


def journal_of(out: Path, plan: Plan, batch: int = 0) -> Path:
    """Return the journal of the plan's batch with this number."""
    return out / ".canary-wf" / "sessions" / plan.session / "batches" / plan.batches[batch].id / "journal.jsonl"
