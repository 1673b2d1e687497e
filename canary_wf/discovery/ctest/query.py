"""Asking ctest and cmake about a build tree, within a time limit that holds for all that they start.

To list the tests ctest may run programs of the project, and those hang or leave others behind as any program may: so
all of them are in one process group, which is ended with the question.
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
"""How long one question may take: as long as reading a `.pyt` file, with the start of the command."""

LIMIT = "CANARY_WF_CTEST_TIMEOUT"
"""The variable that sets another limit, for projects whose programs take their time to list their tests."""


class Answer(NamedTuple):
    """The exit code, and what was printed to standard output and standard error."""

    code: int
    output: bytes
    said: str


def ask(command: Sequence[str], file: Path) -> Answer:
    """Return what `command` answers in the folder of `file`, the test file of a build tree.

    Raises InputError, which names the file, when it cannot be started or takes longer than the limit.
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
            output, said = process.communicate(timeout=limit or None)
        except subprocess.TimeoutExpired:
            what = f"{Path(command[0]).name} took longer than {limit:g} s to answer {' '.join(command[1:])}"
            raise InputError(what, where=file, hint=f"see what hangs there, or set {LIMIT} to more seconds") from None
        finally:
            _end_group(process)
    return Answer(process.returncode, output, " ".join(said.decode(errors="replace").split()))


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the group of `process`, so that nothing keeps its output open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
