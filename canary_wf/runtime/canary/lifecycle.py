# ruff: noqa: PTH100, PTH123 - jobs wait for this script, and pathlib takes longer to import than all of it
"""Runs one job with the preparation that its test file asks for; a script of its own, started in the job's folder.

    python -P lifecycle.py JSON COMMAND…

JSON is the job's preparation (`canary_wf.spec.job_spec.Preparation`), with the file for errors under ``report`` and the
expected exit code under ``xstatus``. This process loads modules, sources rc files and calls `setup`; the command
inherits its environment. Without `teardown` the process then becomes the command. With `teardown` it waits, calls
`teardown`, and ends like the command.
"""

import json
import os
import signal
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any, NoReturn

BROKEN = 67
"""The exit code of a job whose preparation failed."""

_MODULE = "__canary_lifecycle__"


class _Failed(Exception):  # noqa: N818 - the preparation failed
    """The reason why the job cannot run."""


def main(arguments: list[str]) -> None:
    """Prepare, run the command in `arguments`, and clean up."""
    preparation, command = json.loads(arguments[0]), arguments[1:]
    sys.argv = [preparation.get("script", "")]
    run: _Functions | None = None
    try:
        _make_environment(preparation)
        run = _Functions(preparation)
        run.set_up()
    except _Failed as error:
        _give_up(preparation["report"], str(error))
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if not preparation.get("teardown"):
            os.execv(command[0], command)  # noqa: S606 - the job's own command
        code, ended_by = _run(command)
    except OSError as error:
        _give_up(preparation["report"], f"command {command[0]!r} could not be started ({error.strerror})")
    run.tear_down(code, in_time=ended_by is None)
    _end_as(code)


def _make_environment(preparation: "dict[str, Any]") -> None:
    module, shell = _runtime("module"), _runtime("shell")
    try:
        for entry in preparation.get("modules", ()):
            module.load(entry["name"], use=entry.get("use"))
        for file in preparation.get("rcfiles", ()):
            shell.source_rcfile(file)
    except (module.ModuleError, shell.SourceError) as error:
        raise _Failed(str(error)) from None


def _runtime(name: str) -> "Any":  # noqa: ANN401 - a module, of the package that test files import
    return __import__(f"canary.{name}", fromlist=[name])


class _Functions:
    """The functions of the test file that run before and after the command."""

    def __init__(self, preparation: "dict[str, Any]") -> None:
        self.preparation = preparation
        self.functions: dict[str, Callable[[Any], Any]] = {}
        roles = [role for role in ("setup", "teardown") if preparation.get(role)]
        if not roles:
            return
        try:
            module = _load(preparation["script"])
            self.functions = {role: getattr(module, preparation[role]) for role in roles}
        except BaseException as error:  # the test's own code runs here, and may even exit
            raise _Failed(
                f"{preparation['script']} could not be loaded for its {roles[0]}: {_message_of(error)}"
            ) from error

    def set_up(self) -> None:
        """Call `setup`; what it sets in the job's `variables` is added to the environment."""
        if "setup" not in self.functions:
            return
        job = _runtime("instance").get_instance()
        before = dict(job.variables)
        try:
            self.functions["setup"](job)
        except BaseException as error:  # the test's own code runs here, and may even exit
            _show(error)
            raise _Failed(f"its setup failed: {_message_of(error)}") from error
        for name, value in job.variables.items():
            if before.get(name) != value:
                os.environ[name] = str(value)

    def tear_down(self, code: int, *, in_time: bool) -> None:
        """Call `teardown`; its failure is shown in the job's output and does not change the verdict."""
        try:
            instance = _runtime("instance")
            job = instance.get_instance()
            job.status = instance.Status(_verdict(code, self.preparation.get("xstatus", 0), in_time=in_time))
            self.functions["teardown"](job)
        except BaseException as error:  # noqa: BLE001 - the code of a test file may raise anything
            sys.stderr.write("teardown failed:\n")
            _show(error)


def _load(script: str) -> "ModuleType":
    """Import the test file under another name, so that its ``__main__`` part does not run."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    loader = SourceFileLoader(_MODULE, os.path.abspath(script))
    spec = spec_from_loader(_MODULE, loader)
    if spec is None:
        raise ImportError(script)
    module = module_from_spec(spec)
    sys.modules[_MODULE] = module
    sys.path.insert(0, os.path.abspath("."))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def _run(command: list[str]) -> tuple[int, "int | None"]:
    """Run `command`; return its exit code, and the signal by which the runner ended it, or None."""
    received: list[int] = []

    def note(number: int, _frame: "FrameType | None") -> None:
        received.append(number)

    # The runner signals the whole process group: the command ends, but this process still has to clean up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    code = subprocess.Popen(command).wait()
    return code, received[0] if received else None


def _verdict(code: int, xstatus: int, *, in_time: bool) -> "dict[str, Any]":
    from canary_wf.verdict.exit_code import status_of_exit
    from canary_wf.verdict.status import Outcome, Status

    status = status_of_exit(code, xstatus) if in_time else Status.of(Outcome.TIMEOUT, "was ended by the runner")
    return {
        "category": status.category.value,
        "outcome": status.outcome.name,
        "reason": status.reason,
        "code": status.code,
    }


def _message_of(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _show(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)


def _give_up(report: str, reason: str) -> "NoReturn":
    sys.stderr.write(f"{reason}\n")
    with open(report, "w", encoding="utf-8", errors="replace") as file:
        file.write(reason)
    sys.stdout.flush()
    sys.exit(BROKEN)


def _end_as(code: int) -> "NoReturn":
    """End with `code`, or by the same signal."""
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1:])
