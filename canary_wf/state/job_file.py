"""`job.json`, the newest state of one job, and the output files of this and earlier runs beside it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.files.plain_files import open_below, open_plain, read_plain
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.record import EARLIER_OUTPUT, JobRecord
from canary_wf.state.session_paths import STATE_FOLDER

OUTPUT_FILE = "canary-out.txt"
"""The output of the last run of a job; the run before is in `earlier_output_file(1)`, and so on."""

STATE_FILE = "job.json"


ARTIFACTS_FOLDER = "canary-artifacts"
"""The folder, beside its state, of the files kept of the last run of a job; earlier runs have theirs beside it."""

_EARLIER_ARTIFACTS = re.compile(rf"{re.escape(ARTIFACTS_FOLDER)}\.([1-9][0-9]*)", re.ASCII)


def job_fields(spec: JobSpec, batch: str | None, record: JobRecord, directory: str) -> dict[str, Any]:
    """Return the fields of one job in `status --json`; `directory` is the working directory, relative to OUT."""
    return {
        "id": spec.id,
        "name": spec.name,
        **record.as_dict(),
        "batch": batch,
        "directory": directory,
        "log": f"{directory}/{OUTPUT_FILE}",
    }


def is_up_to_date(folder: Path, record: JobRecord) -> bool:
    """Return whether the `job.json` in `folder` agrees with `record`."""
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
    """Replace `job.json` in `folder`: fields, spec, resources, directories of the dependencies, and measurements."""
    content = {
        **fields,
        "spec": spec,
        "resources": record.resources,
        "dependencies": upstreams,
        "measurements": record.measurements,
        "artifacts": record.artifacts,
        "earlier_attempts": [run.as_dict() for run in record.earlier],
    }
    write_json(f"{folder}/{STATE_FILE}", content)


_DOWN_TO_SESSION = 2


def open_output(path: Path) -> BinaryIO:
    """Open the output of a job for reading. Inside a session, links on the way to it are not followed.

    A job, or whoever prepared the workspace, may have replaced any folder by a link. Raises OSError.
    """
    parts = path.parts
    if STATE_FOLDER not in parts:
        return open_plain(path)
    state = len(parts) - parts[::-1].index(STATE_FOLDER)
    return open_below(Path(*parts[: state + _DOWN_TO_SESSION]), path)


def read_text(path: Path) -> str:
    """Return the text of `path`; bytes that are not UTF-8 are replaced, and a missing file is empty.

    Raises WorkspaceError when it cannot be read.
    """
    try:
        return read_plain(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise WorkspaceError(f"cannot be read ({error.strerror})", where=path) from error


def compress_text(text: str) -> str:
    """Return `text` as UTF-8, deflated (zlib, RFC 1950) and in Base64, without line breaks."""
    import base64  # late: start-up
    import zlib

    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def earlier_output_file(number: int) -> str:
    """Return the file name for the output of run `number`, counted from 1."""
    stem, dot, suffix = OUTPUT_FILE.rpartition(".")
    return f"{stem}.{number}{dot}{suffix}"


def earlier_artifacts_folder(number: int) -> str:
    """Return the name of the folder with the files kept of run `number`, counted from 1."""
    return f"{ARTIFACTS_FOLDER}.{number}"


def is_artifacts_folder(name: str) -> bool:
    """Return whether the folder `name`, in a job's directory, holds the artifacts of a run."""
    return name == ARTIFACTS_FOLDER or _EARLIER_ARTIFACTS.fullmatch(name) is not None


def earlier_run_number(name: str) -> int | None:
    """Return the number of the run of which `name`, in a job's directory, holds the output or artifacts, or None."""
    found = EARLIER_OUTPUT.fullmatch(name) or _EARLIER_ARTIFACTS.fullmatch(name)
    return int(found[1]) if found else None


def keep_output(folder: Path, number: int) -> str | None:
    """Rename the output in `folder` to that of run `number`; return the new name, or None if there is no output.

    Raises OSError when the folder does not permit it.
    """
    name = earlier_output_file(number)
    try:
        (folder / OUTPUT_FILE).replace(folder / name)
    except FileNotFoundError:
        return None
    return name
