"""The program of a test of CTest that was not there when the jobs were generated: a fixture may make it, or a build.

ctest looks for it when the test starts. Where there is such a file now, ctest is asked again what the test runs; its
answer holds for all tests of the build tree.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.spec.ctest_rules import NOT_BUILT, OTHERWISE, CTestRules
from canary_wf.spec.job_spec import JobSpec

_CONFIGURATIONS = ("Release", "Debug", "MinSizeRel", "RelWithDebInfo", "Deployment", "Development")
"""Folders in which ctest looks besides (cmCTestTestHandler, CMake 3.25)."""

_answers: dict[tuple[str, str | None], Mapping[str, list[tuple[str, ...]]]] = {}


def late_command(job: JobSpec, rules: CTestRules, out: Path) -> tuple[str, ...]:
    """Return what the test `job` runs now, without its arguments' program when that is still not there.

    Raises CanaryWfError when it is not there, and when ctest cannot be asked.
    """
    file = out / job.file
    missing = rules.missing or job.name
    name = str(job.attributes.get("test", job.name))
    if not any(map(os.path.exists, _places(missing, rules.configuration, file.parent, out, job))):
        raise CanaryWfError(_reason(missing))
    for known in (True, False):
        found = _listed(file, rules.configuration, known=known).get(name, ())
        if command := next(filter(None, found), None):
            return command
    raise CanaryWfError(_reason(missing))


def _listed(file: Path, configuration: str | None, *, known: bool) -> Mapping[str, list[tuple[str, ...]]]:
    """Return the commands of the tests of the tree of `file`: as ctest said before when that is `known`, or now."""
    key = (str(file), configuration)
    if not known:
        from canary_wf.discovery.ctest.listing import list_commands  # late, as most tests have their programs

        _answers[key] = list_commands(file, configuration)
    return _answers.get(key, {})


def _places(missing: str, configuration: str | None, folder: Path, out: Path, job: JobSpec) -> Iterator[str]:
    """Yield where ctest would find the program."""
    path, slash, name = missing.rpartition("/")
    for base in (folder, out / (job.working_directory or "")):
        yield str(base / missing)
        for each in (configuration, *_CONFIGURATIONS):
            if each:
                yield str(base / f"{path}{slash}{each}/{name}")
    if not slash and (found := shutil.which(name)) is not None:
        yield found


def _reason(missing: str) -> str:
    if missing.endswith(NOT_BUILT):
        program = missing.removesuffix(NOT_BUILT)
        return f"the program {program!r} that lists its tests is not built: build it, {OTHERWISE}, and generate again"
    return f"could not find its executable {missing!r}: build the project, {OTHERWISE}"
