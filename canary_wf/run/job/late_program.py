"""The program of a CTest test that did not exist at generate time: a fixture or a build may make it later.

ctest looks for the program when the test starts. Once such a file exists, ctest is asked again for the test's command;
its answer holds for all tests of the build tree.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.spec.ctest_rules import NOT_BUILT, OTHERWISE, CTestRules
from canary_wf.spec.job_spec import JobSpec

_CONFIGURATIONS = ("Release", "Debug", "MinSizeRel", "RelWithDebInfo", "Deployment", "Development")
"""Subfolders that ctest searches as well (cmCTestTestHandler, CMake 3.25)."""

_answers: dict[tuple[str, str | None], Mapping[str, list[tuple[str, ...]]]] = {}


def late_command(job: JobSpec, rules: CTestRules, out: Path) -> tuple[str, ...]:
    """Return the command of the test `job` as of now.

    Raises CanaryWfError when its program is still missing, or when ctest cannot be asked.
    """
    file = out / job.file
    missing = rules.missing or job.name
    name = str(job.attributes.get("test", job.name))
    if not any(map(os.path.exists, _candidate_paths(missing, rules.configuration, file.parent, out, job))):
        raise CanaryWfError(_reason(missing))
    for known in (True, False):
        found = _listed(file, rules.configuration, known=known).get(name, ())
        if command := next(filter(None, found), None):
            return command
    raise CanaryWfError(_reason(missing))


def _listed(file: Path, configuration: str | None, *, known: bool) -> Mapping[str, list[tuple[str, ...]]]:
    """Return the commands of all tests in the tree of `file`: ctest's earlier answer if `known`, else a new one."""
    key = (str(file), configuration)
    if not known:
        from canary_wf.discovery.ctest.listing import list_commands  # late, as most tests have their programs

        _answers[key] = list_commands(file, configuration)
    return _answers.get(key, {})


def _candidate_paths(missing: str, configuration: str | None, folder: Path, out: Path, job: JobSpec) -> Iterator[str]:
    """Yield the paths at which ctest would look for the program."""
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
