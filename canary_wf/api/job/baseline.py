"""Making a job's results the new reference, as its spec says: copying files, or running its script with a flag."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.files.json_files import not_writable, read_json
from canary_wf.run.job.workdir import MissingSourceError
from canary_wf.spec.job_spec import Baseline
from canary_wf.verdict.status import JobPhase

if TYPE_CHECKING:
    from canary_wf.api.job.job import Job

OUTPUT = "canary-baseline.txt"
"""What a script prints while it writes references, beside the job's own output."""


def rebaseline(job: "Job") -> None:
    """Do all that `job` declared. What is to be copied is looked for first, so that a mistake leaves all as it was.

    Raises MissingSourceError, and CanaryWfError for a path that leads out, when the script fails, and while the job
    runs, as its results are not complete then.
    """
    if job.state.is_running() or _runs_elsewhere(job):
        what = "is running, so its results are not complete"
        raise CanaryWfError(what, where=f"job {job.name}", hint="wait for its end")
    baselines = job.spec.baselines
    copies = [_copy_of(baseline, job) for baseline in baselines if baseline.source is not None]
    for source, target in copies:
        _replace(source, target)
    for baseline in baselines:
        if baseline.arguments:
            code = job.runner().run(job, arguments=baseline.arguments, output=OUTPUT)
            if code:
                raise CanaryWfError(
                    f"its script ended with exit code {code} while writing references",
                    where=f"job {job.name}",
                    hint=f"see {job.workspace.joinpath(OUTPUT)}",
                )


def _runs_elsewhere(job: "Job") -> bool:
    """Return whether the state file says that somebody runs the job."""
    try:
        return read_json(job.lockfile, dict[str, Any]).get("phase") == JobPhase.RUNNING.value
    except WorkspaceError:  # it has none, or one that says nothing
        return False


def _copy_of(baseline: Baseline, job: "Job") -> tuple[Path, Path]:
    source = job.workspace.joinpath(baseline.source or "")
    if not source.exists():
        raise MissingSourceError(f"there is no {baseline.source!r} to take as reference", where=f"job {job.name}")
    target = Path(baseline.target) if baseline.target else job.file.parent / source.name
    target = target / source.name if target.is_dir() and not source.is_dir() else target
    _check_inside(source, job.workspace.dir, "the job's working directory", job)
    _check_inside(target, job.file.parent, "the folder of the test file", job)
    if source.is_dir():
        _check_content(source, target, job)
    return source, target


def _check_inside(path: Path, folder: Path, meaning: str, job: "Job") -> None:
    """Refuse a path that leads out of `folder`, by ``..`` or by a link."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CanaryWfError(f"baseline {str(path)!r} is not inside of {meaning}", where=f"job {job.name}")


def _check_content(source: Path, target: Path, job: "Job") -> None:
    """Refuse a folder where a link leads out, here or in the references, and what is neither a file nor a folder."""
    for path in source.rglob("*"):
        _check_inside(path, job.workspace.dir, "the job's working directory", job)
        _check_inside(target / path.relative_to(source), job.file.parent, "the folder of the test file", job)
        if (path.is_symlink() and path.is_dir()) or not (path.is_file() or path.is_dir()):
            told = f"baseline {str(path)!r} is neither a file nor a folder, so it is not copied"
            raise CanaryWfError(told, where=f"job {job.name}", hint="let the job leave only those in that folder")


def _replace(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
            return
        if target.exists() and target.samefile(source):
            return
        # A link keeps pointing to the reference; that one is written beside and renamed, so it is never half.
        target = target.resolve()
        beside = target.with_name(f".{target.name}.new")
        beside.unlink(missing_ok=True)  # a link there would be written through
        shutil.copy2(source, beside)
        beside.replace(target)
    except OSError as error:
        raise not_writable(target, error) from error
