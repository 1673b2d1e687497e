"""The paths of everything in a workspace: pure arithmetic on paths, no reading or writing.

The layout is that of docs/reference/contract.md, "Files".
"""

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from canary_wf.errors import WorkspaceError

STATE_FOLDER = ".canary-wf"

SESSION_NAME = re.compile(r"[0-9]{8}T[0-9]{6}(\.[0-9]+)?\+*", re.ASCII)
"""Names of sessions: the time they were made (UTC), and a ``+`` for each one made later in the same moment."""

_ANEW = "start a new session with canary-wf generate"


class LocatedJob(Protocol):
    """A job with its working directory."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def directory(self) -> str:
        """Its working directory, below the session's folder of jobs."""


class BatchPaths(NamedTuple):
    """The files of one batch."""

    folder: Path

    @property
    def result(self) -> Path:
        """The small result file, the only declared output of the batch's rule."""
        return self.folder / "result.json"

    @property
    def copies(self) -> Path:
        """File listing copies of the result used as outputs by parent workflows, one path per line."""
        return self.folder / "copies.txt"

    @property
    def journal(self) -> Path:
        """Every event of the batch, one line each."""
        return self.folder / "journal.jsonl"

    @property
    def attempt(self) -> Path:
        """The current runner and its heartbeat."""
        return self.folder / "attempt.json"

    @property
    def submission(self) -> Path:
        """The submissions to a scheduler, with their times."""
        return self.folder / "submission.json"

    @property
    def waiting(self) -> Path:
        """What the runner waits for; exists while it waits for ids or locks."""
        return self.folder / "waiting.json"

    @property
    def log(self) -> Path:
        """The runner's output."""
        return self.folder / "log.txt"


@lru_cache(maxsize=16)
def _session_folder(out: Path, session: str) -> Path:
    """Return a session's folder; cached, because every state file that is written needs it."""
    return out / STATE_FOLDER / "sessions" / session


@lru_cache(maxsize=16)
def _jobs_folder(out: Path, session: str) -> Path:
    return _session_folder(out, session) / "jobs"


@lru_cache(maxsize=16)
def _jobs_folder_text(out: Path, session: str) -> str:
    return str(_jobs_folder(out, session))


class SessionPaths(NamedTuple):
    """The files of one session: one run of one plan."""

    out: Path
    session: str

    @property
    def folder(self) -> Path:
        """The session's own folder."""
        return _session_folder(self.out, self.session)

    @property
    def plan(self) -> Path:
        """The plan, the only input of a run."""
        return self.folder / "plan.json"

    @property
    def jobs(self) -> Path:
        """The parent of the jobs' working directories."""
        return _jobs_folder(self.out, self.session)

    @property
    def report(self) -> Path:
        """The folder of the reports."""
        return self.folder / "report"

    @property
    def kept_artifacts(self) -> Path:
        """Where the artifacts of its jobs are kept when the session itself was removed."""
        return artifacts_folder(self.out) / self.session

    @property
    def gate(self) -> Path:
        """The file that the gate writes when no job failed."""
        return self.folder / "gate.json"

    @property
    def failure_limit(self) -> Path:
        """The folder that exists while `canary-wf run --max-fail` limits the number of failures."""
        return self.folder / "failure-limit"

    @property
    def chosen_jobs(self) -> Path:
        """The folder that exists while `canary-wf run` runs only jobs that were named or have failed."""
        return self.folder / "chosen-jobs"

    @property
    def snakemake_log(self) -> Path:
        """What Snakemake printed when `canary-wf run` ran it."""
        return self.folder / "snakemake.log"

    @property
    def copies(self) -> Path:
        """File listing copies of the report and of the gate's file used as outputs by parent workflows."""
        return self.folder / "copies.txt"

    @property
    def batch_table(self) -> Path:
        """The shape and the dependencies of each batch; exists if the workflow has rules for shapes."""
        return self.folder / "batch-table.json"

    def slice(self, batch: str) -> Path:
        """Return the slice of the plan for the runner of `batch`."""
        return self.folder / "slices" / f"{batch}.json"

    @property
    def _batches(self) -> Path:
        return self.folder / "batches"

    def batches(self) -> list[str]:
        """Return the ids of the batches whose folders are there, sorted; none where nobody may look."""
        try:
            return sorted(os.listdir(self._batches))  # noqa: PTH208 - names are wanted
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []

    def batch(self, batch: str) -> BatchPaths:
        """Return the files of `batch`."""
        return BatchPaths(self._batches / batch)

    def job(self, directory: str) -> Path:
        """Return the working directory of the job whose spec names `directory`."""
        return self.jobs / directory

    def job_folder(self, directory: str) -> str:
        """Return the same as a string. Building a path object takes as long as writing a state file."""
        return directory if directory.startswith("/") else f"{_jobs_folder_text(self.out, self.session)}/{directory}"

    @classmethod
    def of_plan(cls, plan: Path) -> "SessionPaths":
        """Return the session that `plan` (``OUT/.canary-wf/sessions/SID/plan.json``) belongs to.

        Raises WorkspaceError for a path that is not of this form.
        """
        folder = absolute_path(plan).parent
        if folder.parent.parts[-2:] != (STATE_FOLDER, "sessions"):
            raise WorkspaceError(
                "is not the plan of a session", where=plan, hint=f"it lies in {STATE_FOLDER}/sessions/"
            )
        return cls(folder.parent.parent.parent, folder.name)


def leads_out(directory: str) -> bool:
    """Return whether a spec's working directory `directory` lies outside of the session's folder of jobs."""
    if not directory or directory.startswith("/") or "\0" in directory:
        return True
    return ".." in directory and ".." in directory.split("/")


def require_inside(
    where: Path, jobs: Iterable[LocatedJob], batches: Iterable[str], *, directories: bool = True
) -> None:
    """Raise WorkspaceError if `jobs` or `batches`, read from the file `where`, have invalid ids or paths.

    Jobs may have directories outside of the session only if `directories` is False.
    """
    for batch in batches:
        if not (batch.isascii() and batch.isalnum()):
            raise WorkspaceError(f"is damaged (batch {batch[:40]!r} is not an id)", where=where, hint=_ANEW)
    for job in jobs:
        if not (job.id.isascii() and job.id.isprintable()):
            raise WorkspaceError(f"is damaged (job {job.name} has an invalid id)", where=where, hint=_ANEW)
        if directories and leads_out(job.directory):
            message = f"is damaged (the directory of job {job.name} is outside of the session)"
            raise WorkspaceError(message, where=where, hint=_ANEW)


def absolute_path(path: Path | str) -> Path:
    """Return `path` as an absolute path without ``.``, ``..`` and ``//``, so that one file has one name.

    Links are kept, so that a workspace reached through a link keeps that path. Only a link before a ``..`` is resolved,
    as the system would do.
    """
    text = os.path.join(os.getcwd(), path)  # noqa: PTH118, PTH109 - normalised below, which Path would hinder
    found = "/"
    for part in text.split("/"):
        if part == "..":
            found = os.path.dirname(os.path.realpath(found) if os.path.islink(found) else found)  # noqa: PTH114, PTH120
        elif part not in {"", "."}:
            found = f"{found.rstrip('/')}/{part}"
    return Path(found)


def artifacts_folder(out: Path) -> Path:
    """Return the parent of the artifacts of sessions that were removed."""
    return out / STATE_FOLDER / "artifacts"


def sessions_folder(out: Path) -> Path:
    """Return the parent of the session folders."""
    return out / STATE_FOLDER / "sessions"


def session_names(out: Path) -> list[str]:
    """Return the names of the sessions in `out`, oldest first: folders named like sessions, links excluded.

    Raises WorkspaceError when the folder cannot be read.
    """
    return folder_names(sessions_folder(out))


def folder_names(folder: Path) -> list[str]:
    """Return the names of the folders in `folder` that are named like sessions, as `session_names` does."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if SESSION_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        hint = "choose another folder with -d"
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=folder, hint=hint) from error


def relative_to_out(path: Path | str, out: Path | str) -> str:
    """Return a normalised `path` as JSON files name it: relative to `out` unless it lies outside."""
    text, root = str(path), str(out)
    if text == root:
        return "."
    inside = root if root.endswith("/") else f"{root}/"
    return text.removeprefix(inside)
