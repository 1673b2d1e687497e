"""Making jobs of what state files say, with all the jobs they depend on."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.api.job.execution_space import ExecutionSpace, workspace_of
from canary_wf.api.job.job import Dependency, Job
from canary_wf.api.job.record_view import convert
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json
from canary_wf.spec.job_spec import JobSpec, absolute_spec
from canary_wf.state.job_file import STATE_FILE
from canary_wf.state.session_paths import absolute_path

JOB_VARIABLE = "CANARY_WF_JOB"
"""The environment variable that tells a running job where its own state file is."""

_PATIENCE = 2.0
"""Seconds within which a runner has written the state file of a job that it has started."""

_PAUSE = 0.01


class _Edge(msgspec.Struct, frozen=True):
    id: str
    name: str
    when: str
    directory: str


class _Space(msgspec.Struct, frozen=True):
    root: str
    path: str
    session: str | None = None


def load_job_from_file(arg: Path | str | None) -> Job:
    """Return the job whose state file, or whose working directory, is `arg`; None means the job that runs this script.

    Jobs it depends on come with it. Raises WorkspaceError when the file is missing or damaged.
    """
    path = Path(arg if arg is not None else _own_file())
    folder = absolute_path(path if path.is_dir() else path.parent)
    return _load(folder, _read(folder if path.is_dir() else path))


def _own_file() -> str:
    """Return the state file of the job that runs this script; a job that is new has it after a moment."""
    own = os.environ.get(JOB_VARIABLE)
    if own is None:
        return STATE_FILE
    end = time.monotonic() + _PATIENCE
    while not os.path.lexists(own) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return own


def load_job_from_state(lock_data: dict[str, Any]) -> Job:
    """Return the job that `lock_data` describes: what `Job.getstate` returned, or the content of a `job.json`.

    Jobs it depends on are read from their own state files. Raises WorkspaceError for data of another form.
    """
    return _load(None, convert(lock_data, dict[str, Any], "load_job_from_state"))


def _read(path: Path) -> dict[str, Any]:
    file = path / STATE_FILE if path.is_dir() else path
    data: dict[str, Any] = read_json(file, dict[str, Any])
    return data


def _load(folder: Path | None, data: Mapping[str, Any]) -> Job:
    """Load a job and what it depends on; with a list of what is left to do, as chains may be long."""
    wanted = _make(folder, data)
    jobs = {wanted.id: wanted}
    todo = [(wanted, data)]
    while todo:
        job, state = todo.pop()
        out = workspace_of(job.workspace.dir) or Path()
        for edge in convert(state.get("dependencies", []), list[_Edge], job.name):
            if edge.id not in jobs:
                upstream = absolute_path(out / edge.directory)
                found = _read(upstream) if (upstream / STATE_FILE).is_file() else _stub(edge)
                jobs[edge.id] = _make(upstream, found)
                todo.append((jobs[edge.id], found))
            job.dependencies.append(Dependency(jobs[edge.id], edge.when))
    return wanted


def _make(folder: Path | None, data: Mapping[str, Any]) -> Job:
    if not isinstance(data.get("spec"), Mapping):
        raise WorkspaceError("is not the state of a job (it has no spec)", where=folder or data.get("name"))
    spec: JobSpec = convert(data["spec"], JobSpec, folder or data.get("name"))
    space = _space(folder, spec, data)
    job = Job(absolute_spec(spec, workspace_of(space.dir)), space)
    job.setstate(dict(data))
    return job


def _space(folder: Path | None, spec: JobSpec, data: Mapping[str, Any]) -> ExecutionSpace:
    """Return where the job lives: where its file was found, else where its state says."""
    stored: _Space | None = convert(data.get("workspace"), _Space | None, spec.name)
    if folder is None and stored is not None:
        return ExecutionSpace(Path(stored.root), Path(stored.path), stored.session)
    folder = folder or absolute_path(data.get("directory") or spec.directory)
    inner = Path(spec.directory).parts
    # A batch that was run by itself names its jobs' folders by absolute paths.
    ends_so = inner and not Path(spec.directory).is_absolute() and folder.parts[-len(inner) :] == inner
    depth = len(inner) if ends_so else 1
    root = Path(*folder.parts[:-depth])
    session = stored.session if stored is not None else _session_of(root)
    return ExecutionSpace(root, folder.relative_to(root), session)


def _session_of(root: Path) -> str | None:
    """Return the session whose jobs folder `root` is."""
    return root.parent.name if root.name == "jobs" and root.parent.parent.name == "sessions" else None


def _stub(edge: _Edge) -> dict[str, Any]:
    """Return the state of a job that never ran: what is known of it is what the edge says."""
    folder = Path(edge.directory)
    spec = {
        "id": edge.id,
        "name": edge.name,
        "family": edge.name,
        "path": "",
        "file": "",
        "kind": "jobs",
        "directory": folder.name,
    }
    return {"id": edge.id, "name": edge.name, "spec": spec}
