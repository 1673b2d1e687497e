"""A program as an object that is called with its arguments."""

import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Result:
    """How one call of a program ended: its exit code, and its output where that was asked for as text."""

    def __init__(self, cmd: list[str], returncode: int, out: "str | None", err: "str | None") -> None:
        self.cmd = " ".join(cmd)
        self.returncode = returncode
        self.out = out
        self.err = err

    def get_output(self) -> "str | None":
        """Return what the program wrote, when the call said ``stdout=str``."""
        return self.out


class Executable:
    """A command, given as one text that is split as a shell splits words, or as the name of a program.

    Calling it runs the program with further arguments and returns a `Result`. ``stdout=str`` and ``stderr=str`` keep
    the output as text, ``output=`` is short for both. An exit code other than 0 raises RuntimeError unless
    ``fail_on_error=False``. `timeout` is seconds.
    """

    def __init__(self, name: str) -> None:
        import shlex

        self.exe = shlex.split(str(name))
        if not self.exe:
            raise ValueError("Executable: no program is named")
        self.default_args: list[str] = []
        self.default_env: dict[str, str] = {}
        self.returncode: int | None = None

    @property
    def name(self) -> str:
        """The program's file name."""
        return self.exe[0].rpartition("/")[2]

    @property
    def path(self) -> str:
        """The program as it was given."""
        return self.exe[0]

    def add_default_args(self, *arguments: str) -> None:
        """Pass `arguments` before those of each call."""
        self.default_args.extend(arguments)

    def add_default_env(self, name: str, value: str) -> None:
        """Set the environment variable `name` for each call."""
        self.default_env[name] = value

    def __call__(
        self,
        *arguments: object,
        stdout: "Any" = None,  # noqa: ANN401 - a file, a descriptor or `str`
        stderr: "Any" = None,  # noqa: ANN401 - a file, a descriptor or `str`
        output: "Any" = None,  # noqa: ANN401 - a file, a descriptor or `str`
        env: "dict[str, str] | None" = None,
        fail_on_error: bool = True,
        timeout: "float | None" = None,
    ) -> Result:
        """Run the program with `arguments` and wait for it."""
        import os

        command = [*self.exe, *self.default_args, *map(str, arguments)]
        out = stdout if stdout is not None else output
        err = stderr if stderr is not None else output
        sys.stdout.flush()
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE if out is str else out,
            stderr=subprocess.PIPE if err is str else err,
            env={**(os.environ if env is None else env), **self.default_env},
            timeout=timeout,
            text=True,
            check=False,
        )
        self.returncode = done.returncode
        if done.returncode != 0 and fail_on_error:
            raise RuntimeError(f"{' '.join(command)}: ended with exit code {done.returncode}")
        return Result(command, done.returncode, done.stdout, done.stderr)
