"""Making a job's results the new reference, according to its spec: copying files, or running its script."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.files.json_files import not_writable, read_json
from canary_wf.run.job.workdir import MissingSourceError
from canary_wf.spec.job_spec import Baseline, JobSpec
from canary_wf.state.job_file import STATE_FILE
from canary_wf.verdict.status import JobPhase

OUTPUT = "canary-baseline.txt"
"""The file for the output of a script that writes references, beside the job's own output."""


def rebaseline(
    spec: JobSpec, folder: Path, run_script: Callable[[Sequence[str]], int], *, running: bool = False
) -> None:
    """Apply all baselines of `spec` (with absolute paths) to the results in `folder`, the job's working directory.

    `run_script` runs the job's command with further arguments, prints to OUTPUT and returns the exit code. All files to
    copy are checked first, so that a mistake changes nothing. `running` says that the job runs; otherwise its state
    file is read.

    Raises MissingSourceError; raises CanaryWfError for a path that leads out, for a failed script, and while the job
    runs, because its results are incomplete.
    """
    if running or _runs(folder):
        what = "is running, so its results are not complete"
        raise CanaryWfError(what, where=f"job {spec.name}", hint="wait for its end")
    copies = [_copy_of(baseline, spec, folder) for baseline in spec.baselines if baseline.source is not None]
    for source, target in copies:
        _replace(source, target)
    for baseline in spec.baselines:
        if baseline.arguments and (code := run_script(baseline.arguments)):
            raise CanaryWfError(
                f"its script ended with exit code {code} while writing references",
                where=f"job {spec.name}",
                hint=f"see {folder / OUTPUT}",
            )


def _runs(folder: Path) -> bool:
    """Return whether the job runs according to its state file."""
    try:
        return read_json(folder / STATE_FILE, dict[str, Any]).get("phase") == JobPhase.RUNNING.value
    except WorkspaceError:  # missing or damaged
        return False


def _copy_of(baseline: Baseline, spec: JobSpec, folder: Path) -> tuple[Path, Path]:
    source, references = folder / (baseline.source or ""), Path(spec.file).parent
    if not source.exists():
        raise MissingSourceError(f"there is no {baseline.source!r} to take as reference", where=f"job {spec.name}")
    target = Path(baseline.target) if baseline.target else references / source.name
    target = target / source.name if target.is_dir() and not source.is_dir() else target
    _check_inside(source, folder, "the job's working directory", spec)
    _check_inside(target, references, "the folder of the test file", spec)
    if source.is_dir():
        _check_content(source, target, spec, folder)
    return source, target


def _check_inside(path: Path, folder: Path, meaning: str, spec: JobSpec) -> None:
    """Refuse a path that leads out of `folder`, through ``..`` or a link."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CanaryWfError(f"baseline {str(path)!r} is not inside of {meaning}", where=f"job {spec.name}")


def _check_content(source: Path, target: Path, spec: JobSpec, folder: Path) -> None:
    """Refuse a folder with links that lead out, here or in the references, or with anything but files and folders."""
    for path in source.rglob("*"):
        _check_inside(path, folder, "the job's working directory", spec)
        _check_inside(target / path.relative_to(source), Path(spec.file).parent, "the folder of the test file", spec)
        if (path.is_symlink() and path.is_dir()) or not (path.is_file() or path.is_dir()):
            what = f"baseline {str(path)!r} is neither a file nor a folder, so it is not copied"
            raise CanaryWfError(what, where=f"job {spec.name}", hint="let the job leave only those in that folder")


def _replace(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
            return
        if target.exists() and target.samefile(source):
            return
        # A link keeps pointing to the reference, which is replaced atomically.
        target = target.resolve()
        temporary = target.with_name(f".{target.name}.new")
        temporary.unlink(missing_ok=True)  # do not write through a link
        shutil.copy2(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise not_writable(target, error) from error
