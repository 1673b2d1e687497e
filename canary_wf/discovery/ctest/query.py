"""Runs ctest and cmake on a build tree, with a time limit that holds for all processes that they start.

To list the tests, ctest may run programs of the project, which may hang or leave processes behind. So all of them are
in one process group, which is killed at the end.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from canary_wf.durations import environment_seconds
from canary_wf.errors import InputError

SECONDS = 25.0
"""Time limit of one query: with the start of the command, about as long as reading a `.pyt` file."""

LIMIT = "CANARY_WF_CTEST_TIMEOUT"
"""The environment variable that sets another limit, for projects whose programs list their tests slowly."""


class NoAnswerError(InputError):
    """A program took longer than the limit to answer."""


class Answer(NamedTuple):
    """The exit code, the standard output, and the standard error."""

    code: int
    output: bytes
    stderr: str


def ask(command: Sequence[str], file: Path) -> Answer:
    """Return the answer of `command` in the folder of `file`, the test file of a build tree.

    Raises InputError that names the file if the command cannot be started or takes longer than the limit.
    """
    limit = environment_seconds(LIMIT, SECONDS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CTEST_")}
    try:
        process = subprocess.Popen(
            command,
            cwd=file.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"{command[0]} could not be started ({error.strerror})", where=file) from None
    with process:
        try:
            output, stderr = process.communicate(timeout=limit or None)
        except subprocess.TimeoutExpired:
            what = f"{Path(command[0]).name} took longer than {limit:g} s to answer {' '.join(command[1:])}"
            raise NoAnswerError(
                what, where=file, hint=f"see what hangs there, or set {LIMIT} to more seconds"
            ) from None
        finally:
            _end_group(process)
    return Answer(process.returncode, output, " ".join(stderr.decode(errors="replace").split()))


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the remaining processes of the group of `process`, so that none keeps its output open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
