# ruff: noqa: PTH118, PTH123 - tests wait for this module, and pathlib takes longer to import than all of it
"""The notes of a running test about itself: attributes, measurements, and its reason of failure, beside `job.json`.

Only the runner writes `job.json`; it takes over the notes when the job ends. Earlier readers of a job read both files.
The file has the name and form of canary's own state file, because tests read from it what they have set.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "testcase.lock"
LONGEST_REASON = 300
"""Characters of a message that are shown as the reason of a verdict; the job's output has all of it."""

_VARIABLE = "CANARY_WF_JOB"
_LONGEST_NOTED = 2000
_LARGEST = 16 << 20
_DEEPEST = 50
"""Maximal nesting of lists and mappings: readers of state files fail where Python's own recursion ends."""


def read_notes(folder: str) -> "tuple[dict[str, Any], dict[str, Any]]":
    """Return the attributes and measurements noted in `folder`; a malformed file has none.

    The result is valid in a state file: characters that are not text (halves of surrogate pairs) become ``?``.
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
    """Return the reason that the test in `folder` noted for its end with exit code `code`, or None.

    The text is one line of bounded length without control characters.
    """
    found = _read(folder)
    status = found.get("status") if isinstance(found, dict) else None
    if not isinstance(status, dict) or status.get("code") != code:
        return None
    reason = status.get("reason")
    return shortened(reason) if isinstance(reason, str) else None


def shortened(text: str) -> str | None:
    """Return `text` as one line of at most `LONGEST_REASON` characters, escaped where not printable; None if empty."""
    words = " ".join(text[:_LONGEST_NOTED].split())
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)
    if len(shown) > LONGEST_REASON:
        return f"{shown[: LONGEST_REASON - 1]}…"
    return shown or None


def _read(folder: str) -> "dict[str, Any]":
    """Return the content of the file in `folder`; empty if it is missing or malformed."""
    try:
        # Whatever a test puts there, such as a pipe without a writer, must not block the runner.
        descriptor = os.open(f"{folder}/{FILE}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # most jobs note nothing, and this runs for each of them
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


def _is_deep(value: "Any") -> bool:  # noqa: ANN401 - a JSON value
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in level if isinstance(inner, dict | list)]
    return bool(level)


def write_notes(folder: str, spec: "dict[str, Any]", measurements: "dict[str, Any]") -> None:
    """Replace the attributes and measurements noted in `folder`; `spec` has the attributes. The reason is kept.

    Raises TypeError for a value that is not JSON.
    """
    status = _read(folder).get("status")
    noted = {"spec": spec, "measurements": {"data": measurements}}
    _write(folder, noted if status is None else {**noted, "status": status})


def note_end(reason: str, code: int) -> None:
    """Note the exit code and the reason of the running job's end; a script run by hand notes nothing."""
    job = os.environ.get(_VARIABLE)
    if job is None or not os.path.isfile(job):  # noqa: PTH113 - see above
        return
    folder = os.path.dirname(os.path.abspath(job))  # noqa: PTH100, PTH120 - see above
    try:
        _write(folder, {**_read(folder), "status": {"reason": reason[:_LONGEST_NOTED], "code": code}})
    except (OSError, TypeError) as error:  # the test ends all the same, and its output has the reason
        sys.stderr.write(f"canary: {folder}/{FILE} could not be written ({error})\n")


def _write(folder: str, noted: "dict[str, Any]") -> None:
    import json

    try:
        text = json.dumps(noted, allow_nan=False)
    except ValueError as error:
        raise TypeError(f"attributes and measurements are kept as JSON: {error}") from None
    path = os.path.join(folder, FILE)
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)  # noqa: PTH105 - see above
