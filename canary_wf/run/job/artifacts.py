"""Keeps the artifacts of a run: the files that a job declares as worth keeping, beside its state.

They are hard links, so that they take neither time nor room, or copies where the file system has no such links. A link
that leads out of the job's directory is not followed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from canary_wf.files.folder_removal import remove_folder
from canary_wf.spec.job_spec import Artifact, JobSpec
from canary_wf.state.events import NO_ARTIFACTS, Artifacts, KeptFile
from canary_wf.state.job_file import ARTIFACTS_FOLDER, OUTPUT_FILE, STATE_FILE, earlier_artifacts_folder
from canary_wf.verdict.status import Outcome, Status

MOST_FILES = 1000
"""The most files that are kept of one run."""


def keep_artifacts(spec: JobSpec, folder: Path, status: Status, run: int | None = None) -> Artifacts:
    """Keep the artifacts that `spec` declares for the verdict `status` on its run in `folder`, and return what is kept.

    `run` is the number of a run, from 1, that another one follows. Nothing is kept of a job that was not started, or
    that was interrupted and runs again.
    """
    wanted = [artifact for artifact in spec.artifacts if is_wanted(artifact, status)]
    if not wanted or status.outcome is Outcome.INTERRUPTED or not os.path.lexists(folder / OUTPUT_FILE):
        return NO_ARTIFACTS
    if folder.is_symlink():  # a job may do that, and nothing is written through it
        return Artifacts(missing=("all (the job's directory is a link now)",))
    name = ARTIFACTS_FOLDER if run is None else earlier_artifacts_folder(run)
    try:
        _clear(folder / name)  # a job may have made one
    except OSError as error:
        return Artifacts(missing=(f"{name} ({error.strerror})",))
    return _Keeper(folder, name).keep(wanted)


def is_wanted(artifact: Artifact, status: Status) -> bool:
    """Return whether `artifact` is to be kept after the verdict `status`."""
    match artifact.save_on:
        case "always":
            return True
        case "success":
            return status.is_pass
        case "failure":
            return status.counts_as_failed


def matches(pattern: str, folder: Path) -> list[Path]:
    """Return the paths in `folder` that `pattern` names, sorted; a path that a link leads out of `folder` is none."""
    try:
        candidates = [folder / pattern] if os.path.lexists(folder / pattern) else sorted(folder.glob(pattern))
    except (OSError, ValueError, NotImplementedError):  # a pattern that no file system takes, or an absolute one
        return []
    home = folder.resolve()
    return [path for path in candidates if path.exists() and path.parent.resolve().is_relative_to(home)]


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_folder(path)
    else:
        path.unlink(missing_ok=True)


class _Keeper:
    """Keeps files of the job in `folder`, in the folder `name` there."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._home = folder.resolve()
        self._kept: dict[str, int] = {}
        self._missing: list[str] = []
        self._passed_over = 0

    def keep(self, wanted: list[Artifact]) -> Artifacts:
        for artifact in wanted:
            self._keep_matches(artifact.file)
        if self._passed_over:
            self._missing.append(f"{self._passed_over} more files (at most {MOST_FILES} are kept)")
        kept = tuple(KeptFile(f"{self._name}/{path}", size) for path, size in sorted(self._kept.items()))
        return Artifacts(kept, tuple(dict.fromkeys(self._missing)))

    def _keep_matches(self, pattern: str) -> None:
        found = False
        for path in matches(pattern, self._folder):
            for file in self._files(path):
                found = True
                inner = str(file.relative_to(self._folder))
                if inner in self._kept:
                    continue
                if len(self._kept) >= MOST_FILES:
                    self._passed_over += 1
                    continue
                try:
                    self._kept[inner] = self._keep_file(file, inner)
                except (OSError, ValueError) as error:  # ValueError: a NUL in a name
                    self._missing.append(f"{inner} ({getattr(error, 'strerror', None) or error})")
        if not found:
            self._missing.append(pattern)

    def _files(self, path: Path) -> Iterator[Path]:
        """Yield `path`, or the files below it if it is a folder, without the files of canary-wf itself."""
        if self._is_own(path):
            return
        if path.is_dir():
            if path.is_symlink():
                return
            for parent, folders, files in os.walk(path):
                folders[:] = sorted(each for each in folders if not self._is_own(Path(parent, each)))
                yield from (Path(parent, each) for each in sorted(files) if not self._is_own(Path(parent, each)))
        elif path.is_file() and path.resolve().is_relative_to(self._home):
            yield path

    def _is_own(self, path: Path) -> bool:
        own = path.name == STATE_FILE or path.name.startswith(ARTIFACTS_FOLDER)
        return own and path.parent == self._folder

    def _keep_file(self, file: Path, inner: str) -> int:
        """Link or copy `file`, and return its size in bytes. Raises OSError."""
        source = file.resolve(strict=True)
        if not (source.is_relative_to(self._home) and source.is_file()):
            raise OSError(0, "is a link out of the job's directory, or no regular file")
        target = self._folder / self._name / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:  # another file system, or one without hard links
            try:
                shutil.copy2(source, target, follow_symlinks=False)
            except OSError:
                with suppress(OSError):
                    target.unlink()
                raise
        return target.stat().st_size
