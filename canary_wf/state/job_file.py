"""`job.json`: the newest state of one job beside its output, derived from the journal and replaced at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.record import JobRecord

OUTPUT_FILE = "canary-out.txt"
"""What the last run of a job printed; that of the run before is in `earlier_output_file(1)`, and so on."""

STATE_FILE = "job.json"


def job_fields(spec: JobSpec, batch: str | None, record: JobRecord, directory: str) -> dict[str, Any]:
    """Return the contract's fields of one job in `status --json`; `directory` is the working directory, from OUT."""
    return {
        "id": spec.id,
        "name": spec.name,
        **record.as_dict(),
        "batch": batch,
        "directory": directory,
        "log": f"{directory}/{OUTPUT_FILE}",
    }


def tells(folder: Path, record: JobRecord) -> bool:
    """Return whether the `job.json` in `folder` says what `record` does."""
    try:
        content: dict[str, Any] = read_json(folder / STATE_FILE, dict[str, Any])
    except WorkspaceError:
        return False
    return all(content.get(name) == value for name, value in record.as_dict().items())


def write_job_file(
    folder: Path | str,
    fields: Mapping[str, Any],
    spec: JobSpec,
    record: JobRecord,
    upstreams: Sequence[Mapping[str, str]],
) -> None:
    """Replace `job.json` in `folder`: the fields, the spec, resources, dependencies' directories and measurements."""
    content = {
        **fields,
        "spec": spec,
        "resources": record.resources,
        "dependencies": upstreams,
        "measurements": record.measurements,
        "earlier_attempts": [run.as_dict() for run in record.earlier],
    }
    write_json(f"{folder}/{STATE_FILE}", content)
