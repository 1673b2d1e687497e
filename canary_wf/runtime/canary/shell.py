# ruff: noqa: PTH100, PTH113 - tests wait for this module, and pathlib takes longer to import than all of it
"""The environment that a shell's rc file makes, taken over into this process."""

import os
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

LIMIT = 60.0
"""Seconds that sourcing one file may take."""

_SHELLS = ("bash", "sh")
_OWN = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
"""What the shell sets for itself."""

# The file's name never becomes part of this text. What the file prints goes to standard error; only the environment
# that is left in the end goes to the pipe, and nothing of it when the last command of the file failed.
_SCRIPT = 'exec 3>&1 1>&2; . "$0" || exit; exec env -0 >&3'


class SourceError(RuntimeError):
    """The rc file could not be sourced."""


def environment_of(file: str, *, limit: float = LIMIT) -> dict[str, str]:
    """Return the environment after sourcing `file` with bash (sh without one). Raises SourceError."""
    path = os.path.abspath(file)  # with a slash in it, so that no shell looks it up on the PATH
    if not os.path.isfile(path):
        raise SourceError(f"{file}: there is no such file to source")
    try:
        done = subprocess.run(
            [_shell(), "-c", _SCRIPT, path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"{file}: sourcing it took longer than {limit:g} s") from None
    except OSError as error:
        raise SourceError(f"{file}: cannot be sourced ({error.strerror})") from None
    if done.returncode != 0 or not done.stdout:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SourceError(f"{file}: sourcing it failed with exit code {done.returncode}{last and f' ({last})'}")
    pairs = (os.fsdecode(entry).partition("=") for entry in done.stdout.split(b"\0") if entry)
    return {name: value for name, equals, value in pairs if equals and name not in _OWN}


def _shell() -> str:
    from shutil import which

    for name in _SHELLS:
        found = which(name)
        if found:
            return found
    raise SourceError("there is neither bash nor sh to source a file with")


def source_rcfile(file: str) -> None:
    """Take over the environment that sourcing `file` makes, removals included. Raises SourceError."""
    made = environment_of(file)
    for name in [name for name in os.environ if name not in made and name not in _OWN]:
        del os.environ[name]
    os.environ.update(made)


class source:  # noqa: N801 - used like a function
    """A context in which the environment is the one that sourcing `file` makes."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        source_rcfile(self.file)

    def __exit__(
        self, _kind: "type[BaseException] | None", _error: "BaseException | None", _traceback: "TracebackType | None"
    ) -> None:
        os.environ.clear()
        os.environ.update(self._before)
