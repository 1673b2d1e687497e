"""The files a job declared worth keeping, as far as they are there and its verdict asks for them."""

from pathlib import Path

from canary_wf.spec.job_spec import Artifact, JobSpec
from canary_wf.verdict.status import Status


def artifacts_of(spec: JobSpec, folder: Path, status: Status) -> list[str]:
    """Return the absolute paths in `folder` of what `spec` wants kept after `status`, sorted, each once."""
    found: set[str] = set()
    for artifact in spec.artifacts:
        if _is_wanted(artifact, status):
            found.update(str(path) for path in _matches(artifact.file, folder))
    return sorted(found)


def _is_wanted(artifact: Artifact, status: Status) -> bool:
    match artifact.save_on:
        case "always":
            return True
        case "success":
            return status.is_pass
        case "failure":
            return status.counts_as_failed


def _matches(pattern: str, folder: Path) -> list[Path]:
    try:
        candidates = list(folder.glob(pattern)) if pattern and not Path(pattern).is_absolute() else [Path(pattern)]
    except (OSError, ValueError):  # a pattern that no file system takes
        return []
    home = folder.resolve()
    return [path for path in candidates if path.exists() and path.parent.resolve().is_relative_to(home)]
