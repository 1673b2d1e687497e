"""Shows long output in the user's pager, as git does: `PAGER`, else less, which ends at once if all fits the screen."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO

_DEFAULTS = {"LESS": "FRX", "LV": "-c"}
"""What less and lv get if the user has set nothing: colours, and no screen of its own for what is short."""


def pager_command(environment: Mapping[str, str]) -> list[str]:
    """Return the words of the pager's command line; none where output is better printed as it is."""
    if environment.get("TERM", "dumb") == "dumb":
        return []
    try:
        words = shlex.split(environment.get("PAGER", "less"))
    except ValueError:
        return []
    return words if words and words[0] != "cat" and shutil.which(words[0]) else []


@contextmanager
def paged(*, wanted: bool) -> Iterator[IO[bytes]]:
    """Yield what to write to: the pager's input if it is `wanted` and there is one, else standard output.

    A user who leaves the pager early has seen enough: the rest is not written, and this is not an error.
    """
    command = pager_command(os.environ) if wanted else []
    if not command:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is a key of the pager
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=_DEFAULTS | os.environ) as pager:
            assert pager.stdin is not None
            with suppress(BrokenPipeError):
                yield pager.stdin
            with suppress(BrokenPipeError):
                pager.stdin.close()
            pager.wait()
    finally:
        signal.signal(signal.SIGINT, before)
