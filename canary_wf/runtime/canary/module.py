# ruff: noqa: PTH113, PTH118 - tests wait for this module, and pathlib takes longer to import than all of it
"""Environment modules, as in the `module` command of Lmod and of Environment Modules.

Both come with a program that prints the changes of a `module` command as Python code. That code is executed here, as
the `module` function does in a shell.
"""

import os
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

LIMIT = 60.0
"""Seconds that one `module` command may take."""

_VARIABLES = ("LMOD_CMD", "MODULES_CMD")
_INSIDE_HOME = ("libexec/lmod", "libexec/modulecmd.tcl", "bin/modulecmd")


class ModuleError(RuntimeError):
    """A module could not be loaded or unloaded, or this machine has no environment modules."""


def modulecmd() -> str:
    """Return the program behind the `module` command. Raises ModuleError if there is none."""
    from shutil import which

    home = os.environ.get("MODULESHOME")
    candidates = [os.environ.get(name) for name in _VARIABLES]
    candidates += [os.path.join(home, inner) for inner in _INSIDE_HOME] if home else []
    for path in [*candidates, which("modulecmd")]:
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise ModuleError("there are no environment modules here (no LMOD_CMD, MODULES_CMD, MODULESHOME or modulecmd)")


def _run(*arguments: str) -> None:
    """Execute one `module` command. Raises ModuleError with its message."""
    command = " ".join(["module", *arguments])
    try:
        done = subprocess.run(
            [modulecmd(), "python", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModuleError(f"{command}: took longer than {LIMIT:g} s") from None
    except OSError as error:
        raise ModuleError(f"{command}: could not be run ({error.strerror})") from None
    message = " ".join(done.stderr.decode(errors="replace").split())
    names: dict[str, object] = {"__name__": "__module__", "os": os}
    failed = done.returncode != 0
    try:
        exec(done.stdout, names)  # noqa: S102 - the module system's way to change a Python process
    except Exception as error:  # noqa: BLE001 - any error in there is a failure of the module system
        failed, message = True, message or f"{type(error).__name__}: {error}"
    if failed or names.get("_mlstatus") is False:
        raise ModuleError(f"{command}: failed ({message[:500] or f'exit code {done.returncode}'})")


def load(modulename: str, use: "str | list[str] | None" = None) -> None:
    """Load a module; `use` adds folders to search. Raises ModuleError."""
    for path in [use] if isinstance(use, str) else use or ():
        _run("use", path)
    _run("load", modulename)


def unload(modulename: str) -> None:
    """Unload a module. Raises ModuleError."""
    _run("unload", modulename)


def purge() -> None:
    """Unload all modules. Raises ModuleError."""
    _run("purge")


def use(path: str) -> None:
    """Add `path` to the folders with modules. Raises ModuleError."""
    _run("use", path)


class loaded:  # noqa: N801 - used like a function
    """A context in which modules are loaded (`use` adds folders to search); the environment is restored at the end."""

    def __init__(self, modulename: str, *names: str, use: "str | list[str] | None" = None) -> None:
        self.names = (modulename, *names)
        self.use = use

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        try:
            for name in self.names:
                load(name, use=self.use)
        except ModuleError:
            self._restore()
            raise

    def __exit__(
        self, _kind: "type[BaseException] | None", _error: "BaseException | None", _traceback: "TracebackType | None"
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        os.environ.clear()
        os.environ.update(self._before)


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
