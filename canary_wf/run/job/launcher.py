"""The command that is executed for a job, and the folder it runs in.

A command is wrapped in what its test file asks for: environment modules, rc files, setup and teardown. The wrapper is
the script `lifecycle.py` of the runtime, in the job's own process. If a step fails, the script writes the reason to a
file and the job is BROKEN.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.files.json_files import encode
from canary_wf.files.plain_files import open_plain
from canary_wf.process.spawn import LaunchError
from canary_wf.run.job.environment import RUNTIME_FOLDER, expanded
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.spec.job_spec import JobSpec

SCRIPT = f"{RUNTIME_FOLDER}/canary/lifecycle.py"
REPORT = ".canary-broken.txt"
"""The file with the reason, in the working directory."""

_MOST_READ = 2000


def argument_list(job: JobSpec, environment: Mapping[str, str], out: Path) -> list[str]:
    """Return the words of the command; a `.pyt` script runs under the Python that runs canary-wf.

    Placeholders for ids are replaced by the variables in `environment`, except for CTest tests, which have their own
    variables. A relative file is relative to `out`, the workspace.

    Raises LaunchError, with CTest's reason, for a CTest test that has no program.
    """
    if job.ctest is not None:
        return prepared(job, _words_of_ctest(job, job.ctest, out), sys.executable)
    script = job.kind == "pyt" and job.command[0].endswith(".pyt")
    words = [expanded(word, environment) for word in job.command]
    command = [sys.executable, *words] if script else list(words)
    return prepared(job, command, sys.executable)


def _words_of_ctest(job: JobSpec, rules: CTestRules, out: Path) -> list[str]:
    if rules.unavailable is not None:
        raise LaunchError(rules.unavailable)
    if rules.missing is None:
        return list(job.command)
    from canary_wf.run.job.late_program import late_command  # late, as most tests have their programs

    try:
        return list(late_command(job, rules, out))
    except CanaryWfError as error:
        raise LaunchError(str(error)) from error


def run_folder(job: JobSpec, folder: str, out: Path) -> str:
    """Return the folder in which the command of `job` runs; `folder` is the job's own, `out` the workspace.

    Raises LaunchError when that folder, or a file that a CTest test requires, does not exist.
    """
    cwd = folder if job.working_directory is None else str(out / job.working_directory)
    if job.working_directory is not None and not Path(cwd).is_dir():
        raise LaunchError(f"there is no folder {cwd!r} to run in")
    for name in job.ctest.required_files if job.ctest is not None else ():
        if not (Path(cwd) / name).exists():
            raise LaunchError(f"unable to find required file {name!r}")
    return cwd


def prepared(spec: JobSpec, command: Sequence[str], python: str) -> list[str]:
    """Return `command` (the first word is a path), wrapped in the script if `spec` has a preparation."""
    if spec.preparation is None:
        return list(command)
    settings = {name: getattr(spec.preparation, name) for name in spec.preparation.__struct_fields__}
    content = encode({**settings, "report": REPORT, "xstatus": spec.xstatus}).decode()
    return [python, "-P", SCRIPT, content, *command]


def why_broken(folder: Path) -> str | None:
    """Return why the preparation of the job in `folder` failed, or None when it did not."""
    try:
        with open_plain(folder / REPORT) as file:
            return file.read(_MOST_READ).decode(errors="replace") or None
    except OSError:
        return None
