# ruff: noqa: PTH100, PTH113 - tests wait for this module, and pathlib takes longer to import than all of it
"""The environment that a shell's rc file sets, transferred to this process."""

import os
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

LIMIT = 60.0
"""Seconds that sourcing one file may take."""

_SHELLS = ("bash", "sh")
_OWN = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
"""Variables that the shell sets for itself."""

# No name ever becomes part of this text. What the file prints goes to standard error, and what it sets is exported. If
# it ends the shell, the pipe stays empty. The exit code of its last command is ignored: many such files end with a
# condition.
_SCRIPT = 'exec 3>&1 1>&2; set -a; . "$0"; exec "$1" -0 >&3'


class SourceError(RuntimeError):
    """The rc file could not be sourced."""


def environment_of(file: str, *, limit: float = LIMIT) -> dict[str, str]:
    """Return the environment after sourcing `file` with bash (or sh if there is none). Raises SourceError."""
    path = os.path.abspath(file)  # with a slash, so that no shell searches the PATH
    if not os.path.isfile(path):
        raise SourceError(f"{file}: there is no such file to source")
    shell = _program(*_SHELLS)
    _output(file, [shell, "-n", path], limit)
    output = _output(file, [shell, "-c", _SCRIPT, path, _program("env")], limit)
    pairs = (os.fsdecode(entry).partition("=") for entry in output.split(b"\0") if entry)
    found = {name: value for name, equals, value in pairs if equals and name not in _OWN}
    if not found:
        raise SourceError(f"{file}: it ends the shell that sources it")
    return found


def _output(file: str, command: list[str], limit: float) -> bytes:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise SourceError(f"{file}: sourcing it took longer than {limit:g} s") from None
    except OSError as error:
        raise SourceError(f"{file}: cannot be sourced ({error.strerror})") from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SourceError(f"{file}: sourcing it failed with exit code {done.returncode}{last and f' ({last})'}")
    return done.stdout


def _program(*names: str) -> str:
    from shutil import which

    for name in names:
        found = which(name)
        if found:
            return found
    raise SourceError(f"there is no {' or '.join(names)} here")


def source_rcfile(file: str) -> None:
    """Set this process's environment to that after sourcing `file`, removals included. Raises SourceError."""
    made = environment_of(file)
    for name in [name for name in os.environ if name not in made and name not in _OWN]:
        del os.environ[name]
    os.environ.update(made)


class source:  # noqa: N801 - used like a function
    """A context with the environment after sourcing `file`."""

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


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
