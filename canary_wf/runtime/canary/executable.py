# ruff: noqa: ANN401, PTH123 - streams are of several types; tests wait for this module, and pathlib takes long to import
"""A program as a callable object."""

import os
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ProcessError(RuntimeError):
    """A program ended with another exit code than expected."""


class Result:
    """The end of one call of a program: its exit code, and its output if it was requested as text."""

    def __init__(self, cmd: list[str], returncode: int, out: "str | None", err: "str | None") -> None:
        self.cmd = " ".join(cmd)
        self.returncode = returncode
        self.out = self.stdout = out
        self.err = self.stderr = err

    def get_output(self) -> "str | None":
        """Return the output without surrounding whitespace, if the call had ``stdout=str``."""
        return None if self.out is None else self.out.strip()

    def get_error(self) -> "str | None":
        """Return the standard error output without surrounding whitespace, if the call had ``stderr=str``."""
        return None if self.err is None else self.err.strip()


class Executable:
    """A command, given as one string that is split like in a shell, or as the path of a program.

    Calling it runs the program with further arguments and returns a `Result`. ``stdout=str`` and ``stderr=str`` keep
    the output as text; a string or path names a file for it. ``output=`` sets both, ``error=`` is another name of
    ``stderr=``. Any exit code but `expected_returncode` raises ProcessError unless ``fail_on_error=False``. `timeout`
    is in seconds. Raises FileNotFoundError for a missing program.
    """

    def __init__(self, name: "str | os.PathLike[str]") -> None:
        import shlex

        self.exe = shlex.split(name) if isinstance(name, str) else [os.fspath(name)]
        if not self.exe:
            raise ValueError("Executable: no program is named")
        self.exe[0] = self.find(self.exe[0])
        self.default_args: list[str] = []
        self.default_env: dict[str, str] = {}
        self.returncode: int | None = None

    def __repr__(self) -> str:
        return f"Executable({' '.join(self.exe)!r})"

    @staticmethod
    def find(name: str) -> str:
        """Return the path of the program `name`. Raises FileNotFoundError."""
        import shutil

        found = shutil.which(name)
        if found is None:
            raise FileNotFoundError(f"the program {name!r} is not found")
        return found

    @property
    def name(self) -> str:
        """The program's file name."""
        return self.exe[0].rpartition("/")[2]

    @property
    def path(self) -> str:
        """The program's path."""
        return self.exe[0]

    @property
    def command(self) -> list[str]:
        """The words with which a call starts."""
        return [*self.exe, *self.default_args]

    def add_default_args(self, *arguments: str) -> None:
        """Pass `arguments` before those of each call."""
        self.default_args.extend(arguments)

    def add_default_env(self, *mappings: "dict[str, str]", **variables: str) -> None:
        """Set environment variables for each call."""
        for mapping in (*mappings, variables):
            self.default_env.update(mapping)

    def __call__(  # noqa: PLR0913 - the arguments that test files use
        self,
        *arguments: object,
        stdout: "Any" = None,
        stderr: "Any" = None,
        output: "Any" = None,
        error: "Any" = None,
        env: "dict[str, str] | None" = None,
        expected_returncode: int = 0,
        fail_on_error: bool = True,
        timeout: "float | None" = None,
        verbose: bool = False,
    ) -> Result:
        """Run the program with `arguments` and wait for it."""
        command = [*self.command, *map(str, arguments)]
        if verbose:
            sys.stdout.write(f"{' '.join(command)}\n")
        sys.stdout.flush()
        streams = [stdout if stdout is not None else output, stderr if stderr is not None else error or output]
        opened = [open(each, "w") if _is_file(each) else None for each in streams]  # noqa: SIM115 - closed below
        try:
            done = subprocess.run(
                command,
                stdout=opened[0] or (subprocess.PIPE if streams[0] is str else streams[0]),
                stderr=opened[1] or (subprocess.PIPE if streams[1] is str else streams[1]),
                env={**(os.environ if env is None else env), **self.default_env},
                timeout=timeout if timeout is not None and timeout > 0 else None,
                text=True,
                check=False,
            )
        finally:
            for file in opened:
                if file is not None:
                    file.close()
        self.returncode = done.returncode
        if done.returncode != expected_returncode and fail_on_error:
            raise ProcessError(f"{' '.join(command)}: ended with exit code {done.returncode}")
        return Result(command, done.returncode, done.stdout, done.stderr)


def _is_file(stream: object) -> bool:
    return isinstance(stream, str | os.PathLike)
