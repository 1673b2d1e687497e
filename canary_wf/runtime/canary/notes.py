# ruff: noqa: PTH118, PTH123 - tests wait for this module, and pathlib takes longer to import than all of it
"""What a running test notes about itself: attributes, measurements, and why it failed, in a file beside `job.json`.

The runner alone writes `job.json`, and takes over what stands here when the job ends; whoever reads a job before that
looks into both. The file has the name and the shape of canary's own state file, as tests read what they set from it.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "testcase.lock"
LONGEST_REASON = 300
"""Characters of a message that are shown as the reason of a verdict; the whole of it is in the job's output."""

_VARIABLE = "CANARY_WF_JOB"
_LONGEST_NOTED = 2000
_LARGEST = 16 << 20
_DEEPEST = 50
"""Levels of lists and mappings: what reads state files gives up where Python's own recursion does."""


def read_notes(folder: str) -> "tuple[dict[str, Any], dict[str, Any]]":
    """Return the attributes and the measurements noted in `folder`; any other file says nothing.

    All of it can be put into a state file: characters that are not text (halves of surrogate pairs) become ``?``.
    """
    found = _read(folder)
    if not found:
        return {}, {}
    import json

    try:
        noted = [found["spec"]["attributes"], found["measurements"]["data"]]
        if _is_deep(noted):
            return {}, {}
        attributes, measurements = json.loads(json.dumps(noted, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}, {}
    return attributes if isinstance(attributes, dict) else {}, measurements if isinstance(measurements, dict) else {}


def read_reason(folder: str, code: int) -> str | None:
    """Return why the test that ran in `folder` ended with the exit code `code`, in its own words; None: it said none.

    The text is one line of bounded length without control characters.
    """
    found = _read(folder)
    status = found.get("status") if isinstance(found, dict) else None
    if not isinstance(status, dict) or status.get("code") != code:
        return None
    reason = status.get("reason")
    return shortened(reason) if isinstance(reason, str) else None


def shortened(text: str) -> str | None:
    """Return `text` as one line of at most `LONGEST_REASON` characters, what cannot be printed escaped; None: empty."""
    words = " ".join(text[:_LONGEST_NOTED].split())
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)
    if len(shown) > LONGEST_REASON:
        return f"{shown[: LONGEST_REASON - 1]}…"
    return shown or None


def _read(folder: str) -> "dict[str, Any]":
    """Return what the file in `folder` holds; nothing where there is none, or none of the kind."""
    try:
        # What a test puts in its place, such as a pipe without a writer, must not keep the runner waiting.
        descriptor = os.open(f"{folder}/{FILE}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # most jobs note nothing, and this is asked for every one of them
        return {}
    import json
    from stat import S_ISREG

    try:
        with open(descriptor, "rb") as file:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                return {}
            found = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_deep(value: "Any") -> bool:  # noqa: ANN401 - what JSON can hold
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in level if isinstance(inner, dict | list)]
    return bool(level)


def write_notes(folder: str, spec: "dict[str, Any]", measurements: "dict[str, Any]") -> None:
    """Replace what is noted in `folder`; `spec` is the job's, with its attributes. Why it failed stays.

    Raises TypeError for a value that JSON cannot hold.
    """
    status = _read(folder).get("status")
    noted = {"spec": spec, "measurements": {"data": measurements}}
    _write(folder, noted if status is None else {**noted, "status": status})


def note_end(reason: str, code: int) -> None:
    """Note that the running job ends with the exit code `code`, and why; a script run by hand notes nothing."""
    job = os.environ.get(_VARIABLE)
    if job is None or not os.path.isfile(job):  # noqa: PTH113 - see above
        return
    folder = os.path.dirname(os.path.abspath(job))  # noqa: PTH100, PTH120 - see above
    try:
        _write(folder, {**_read(folder), "status": {"reason": reason[:_LONGEST_NOTED], "code": code}})
    except (OSError, TypeError) as error:  # the test ends as it does, and its output says why
        sys.stderr.write(f"canary: {folder}/{FILE} could not be written ({error})\n")


def _write(folder: str, noted: "dict[str, Any]") -> None:
    import json

    try:
        text = json.dumps(noted, allow_nan=False)
    except ValueError as error:
        raise TypeError(f"attributes and measurements are kept as JSON: {error}") from None
    path = os.path.join(folder, FILE)
    beside = f"{path}.{os.getpid()}.tmp"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)  # noqa: PTH105 - see above
