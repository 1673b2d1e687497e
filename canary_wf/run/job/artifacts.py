"""Keeps the artifacts of a run: the files that a job declares as worth keeping, beside its state.

They are hard links, so that they take neither time nor room, or copies where the file system has no such links. A link
that leads out of the job's directory is not followed. Whatever a job has left there, its runner goes on: what cannot be
kept is listed with the reason.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import valid_text
from canary_wf.files.folder_removal import remove_folder
from canary_wf.files.plain_files import open_plain
from canary_wf.spec.job_spec import Artifact, JobSpec
from canary_wf.state.events import NO_ARTIFACTS, Artifacts, KeptFile
from canary_wf.state.job_file import ARTIFACTS_FOLDER, OUTPUT_FILE, STATE_FILE, earlier_artifacts_folder
from canary_wf.verdict.status import Outcome, Status

MOST_FILES = 1000
"""The most files that are kept of one run."""

MOST_COPIED = 256 << 20
"""The most bytes of one run that are copied where there are no hard links; the runner only beats meanwhile."""

_CHUNK = 1 << 20
_MOST_MISSING = 100
_LONGEST = 300
"""Characters of a path that are shown of a file that is not kept."""

_UNUSABLE = (OSError, ValueError, RuntimeError)
"""What paths that a job left may raise: ValueError for a NUL in a name, RuntimeError for a loop of links."""


def keep_artifacts(
    spec: JobSpec, folder: Path, status: Status, run: int | None = None, *, beat: Callable[[], None] = lambda: None
) -> Artifacts:
    """Keep the artifacts that `spec` declares for the verdict `status` on its run in `folder`, and return what is kept.

    `run` is the number of a run, from 1, that another one follows. Nothing is kept of a job that was not started, or
    that was interrupted and runs again. `beat` is called again and again meanwhile; what it raises ends all.
    """
    wanted = [artifact for artifact in spec.artifacts if is_wanted(artifact, status)]
    if not wanted or status.outcome is Outcome.INTERRUPTED or not os.path.lexists(folder / OUTPUT_FILE):
        return NO_ARTIFACTS
    name = ARTIFACTS_FOLDER if run is None else earlier_artifacts_folder(run)
    try:
        if folder.is_symlink():  # a job may do that, and nothing is written through it
            return Artifacts(missing=("all (the job's directory is a link now)",))
        _clear(folder / name)  # a job may have made one
        keeper = _Keeper(folder, name, beat)
    except _UNUSABLE as error:
        return Artifacts(missing=(f"{name} ({_reason(error)})",))
    return keeper.keep(wanted)


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
        home = folder.resolve()
        candidates = [folder / pattern] if os.path.lexists(folder / pattern) else sorted(folder.glob(pattern))
    except _UNUSABLE:  # the pattern is absolute, or no file system takes it
        return []
    return [path for path in candidates if _is_inside(path, home)]


def _is_inside(path: Path, home: Path) -> bool:
    """Return whether `path` exists, in a folder that is `home` or below it."""
    try:
        return path.exists() and path.parent.resolve().is_relative_to(home)
    except _UNUSABLE:
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_folder(path)
    else:
        path.unlink(missing_ok=True)


class _Keeper:
    """Keeps files of the job in `folder`, in the folder `name` there."""

    def __init__(self, folder: Path, name: str, beat: Callable[[], None]) -> None:
        self._folder = folder
        self._name = name
        self._beat = beat
        self._home = folder.resolve()
        self._kept: dict[str, int] = {}
        self._missing: dict[str, None] = {}
        self._missed = 0
        self._passed_over = 0
        self._copied = 0

    def keep(self, wanted: list[Artifact]) -> Artifacts:
        for artifact in wanted:
            self._keep_matches(artifact.file)
        missing = [*self._missing]
        if self._missed:
            missing.append(f"{self._missed} more (at most {_MOST_MISSING} are listed)")
        if self._passed_over:
            missing.append(f"{self._passed_over} more files (at most {MOST_FILES} are kept)")
        kept = tuple(KeptFile(f"{self._name}/{path}", size) for path, size in sorted(self._kept.items()))
        return Artifacts(kept, tuple(missing))

    def _keep_matches(self, pattern: str) -> None:
        found = False
        for path in matches(pattern, self._folder):
            try:
                files = list(self._files(path))
            except _UNUSABLE as error:
                found = True
                self._miss(str(path.relative_to(self._folder)), error)
                continue
            for file in files:
                found = True
                self._beat()
                self._keep_or_miss(file)
        if not found:
            self._miss(pattern)

    def _keep_or_miss(self, file: Path) -> None:
        inner = str(file.relative_to(self._folder))
        if inner in self._kept:
            return
        if len(self._kept) >= MOST_FILES:
            self._passed_over += 1
            return
        try:
            inner.encode()
            self._kept[inner] = self._keep_file(file, inner)
        except UnicodeEncodeError:  # no journal could name it
            self._miss(inner, ValueError("its name is not UTF-8"))
        except _UNUSABLE as error:
            self._miss(inner, error)

    def _miss(self, path: str, error: Exception | None = None) -> None:
        """Note that `path` is not there, or why it is not kept."""
        shown = valid_text(path if len(path) <= _LONGEST else f"{path[:_LONGEST]}…")
        text = shown if error is None else f"{shown} ({valid_text(_reason(error))})"
        if len(self._missing) < _MOST_MISSING:
            self._missing[text] = None
        else:
            self._missed += text not in self._missing

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
            size = source.stat().st_size
            if self._copied + size > MOST_COPIED:
                raise OSError(0, f"no hard link is possible, and at most {MOST_COPIED >> 20} MiB are copied") from None
            self._copied += size
            try:
                self._copy(source, target, size)
            except OSError:
                with suppress(OSError):
                    target.unlink()
                raise
        return target.stat().st_size

    def _copy(self, source: Path, target: Path, size: int) -> None:
        """Copy the first `size` bytes of `source`, with its mode and times. Raises OSError."""
        with open_plain(source) as reading, target.open("xb") as writing:
            for start in range(0, size, _CHUNK):
                writing.write(reading.read(min(_CHUNK, size - start)))
                self._beat()
        shutil.copystat(source, target)
