# ruff: noqa: PTH118, PTH123 - tests wait for this module, and pathlib takes longer to import than all of it
"""What a running test notes about itself: attributes and measurements, in a file of its own beside `job.json`.

The runner alone writes `job.json`, and takes over what stands here when the job ends; whoever reads a job before that
looks into both. The file has the name and the shape of canary's own state file, as tests read what they set from it.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "testcase.lock"
_LARGEST = 16 << 20
_DEEPEST = 50
"""Levels of lists and mappings: what reads state files gives up where Python's own recursion does."""


def read_notes(folder: str) -> "tuple[dict[str, Any], dict[str, Any]]":
    """Return the attributes and the measurements noted in `folder`; a file that is no such file says nothing.

    All of it can be put into a state file: characters that are no text (halves of surrogate pairs) become ``?``.
    """
    try:
        # What a test puts in its place, such as a pipe without a writer, must not keep the runner waiting.
        descriptor = os.open(f"{folder}/{FILE}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # most jobs note nothing, and this is asked for every one of them
        return {}, {}
    import json
    from stat import S_ISREG

    try:
        with open(descriptor, "rb") as file:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                return {}, {}
            found = json.loads(file.read(_LARGEST))
        noted = [found["spec"]["attributes"], found["measurements"]["data"]]
        if _is_deep(noted):
            return {}, {}
        attributes, measurements = json.loads(json.dumps(noted, ensure_ascii=False).encode(errors="replace"))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}, {}
    return attributes if isinstance(attributes, dict) else {}, measurements if isinstance(measurements, dict) else {}


def _is_deep(value: "Any") -> bool:  # noqa: ANN401 - what JSON can hold
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in level if isinstance(inner, dict | list)]
    return bool(level)


def write_notes(folder: str, spec: "dict[str, Any]", measurements: "dict[str, Any]") -> None:
    """Replace what is noted in `folder`; `spec` is the job's, with its attributes.

    Raises TypeError for a value that JSON cannot hold.
    """
    import json

    try:
        text = json.dumps({"spec": spec, "measurements": {"data": measurements}}, allow_nan=False)
    except ValueError as error:
        raise TypeError(f"attributes and measurements are kept as JSON: {error}") from None
    path = os.path.join(folder, FILE)
    beside = f"{path}.{os.getpid()}.tmp"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)  # noqa: PTH105 - see above
