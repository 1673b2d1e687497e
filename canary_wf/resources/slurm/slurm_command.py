"""Running one of Slurm's commands to ask something: the one place where that is done."""

from typing import NamedTuple

SECONDS = 15.0
"""How long a command may take to answer."""


class Answer(NamedTuple):
    """What a command printed, and whether it says that all went well."""

    text: str
    ok: bool


def ask_slurm(*command: str, seconds: float = SECONDS) -> Answer:
    """Return what `command` answers; one that is not there or takes too long answers nothing, and is not well.

    It is found on the PATH, as Slurm may be installed anywhere.
    """
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return Answer("", ok=False)
    return Answer(done.stdout.decode("utf-8", "replace"), done.returncode == 0)
