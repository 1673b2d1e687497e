"""The names of jobs on CI servers: a class and a case that no two jobs share, and the source file.

A server distinguishes test cases by class and name alone. A class is a test file in the form of a module (``sub.mesh``
for ``sub/mesh.pyt``), or the path of the file if two files would have the same class.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from canary_wf.files.git_checkout import repository_of
from canary_wf.plan.model import LeftOut, Plan
from canary_wf.spec.batch_slice import PlannedJob

_CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE")
"""Variables of GitHub, GitLab and Jenkins with the folder of the checkout."""


class CaseName(NamedTuple):
    """The name of a job's test case, and its class."""

    classname: str
    name: str


class _Named(NamedTuple):
    """A planned or left-out job: `name` is the name its users know, `own` is unique in its file."""

    id: str
    path: str
    file: str
    name: str
    own: str


def real_name(job: PlannedJob) -> str:
    """Return the name by which users know `job`: CTest's name if it has one, else its own."""
    test = job.attributes.get("test") if job.kind == "ctest" else None
    return test if isinstance(test, str) else job.name


def case_names(plan: Plan) -> dict[str, CaseName]:
    """Return the case of each job of `plan` by its id, including jobs that were left out."""
    jobs = [_Named(job.id, job.path, job.file, real_name(job), job.name) for job in plan.jobs]
    jobs += [_Named(job.id, job.path, job.file, job.test or job.name, job.name) for job in plan.left_out]
    classes = _classes({(job.path, job.file) for job in jobs})
    found = {job.id: CaseName(classes[job.path, job.file], job.name) for job in jobs}
    for choose in (_own_name, _with_id):
        twice = {case for case, number in Counter(found.values()).items() if number > 1}
        found |= {job.id: choose(job, found[job.id]) for job in jobs if found[job.id] in twice}
    return found


def _classes(files: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the class of each file, given as its path from the top of its tree and its full path."""
    found: dict[tuple[str, str], str] = {}
    left: Iterable[tuple[str, str]] = files
    spellings: tuple[Callable[[tuple[str, str]], str], ...] = (_module, _path, _full_path)
    for spell in spellings:
        shared: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for file in left:
            shared[spell(file)].append(file)
        found |= {files[0]: name for name, files in shared.items() if len(files) == 1}
        left = [file for files in shared.values() if len(files) > 1 for file in files]
    return found


def _module(file: tuple[str, str]) -> str:
    return file[0].rsplit(".", 1)[0].replace("/", ".")


def _path(file: tuple[str, str]) -> str:
    return file[0]


def _full_path(file: tuple[str, str]) -> str:
    return file[1]


def _own_name(job: _Named, case: CaseName) -> CaseName:
    return case._replace(name=job.own)


def _with_id(job: _Named, case: CaseName) -> CaseName:
    return case._replace(name=f"{case.name} [{job.id}]")


def source_location(
    job: PlannedJob | LeftOut, out: Path, environment: Mapping[str, str] | None = None
) -> tuple[str, int | None]:
    """Return the path of `job`'s file in its repository, and the line if known.

    A file outside of any repository has its path in the plan. The source of a CTest test is where the project adds it.
    """
    variables = os.environ if environment is None else environment
    file, line = _added_at(job) or (job.file, None)
    return _in_repository(file, out, variables), line


def _added_at(job: PlannedJob | LeftOut) -> tuple[str, int] | None:
    location = job.attributes.get("added_at") if isinstance(job, PlannedJob) and job.kind == "ctest" else None
    file, _, line = str(location).rpartition(":")
    return (file, int(line)) if file and line.isascii() and line.isdigit() else None


def _in_repository(file: str, out: Path, variables: Mapping[str, str]) -> str:
    path = os.path.normpath(out / file)
    roots = [root for name in _CHECKOUTS if (root := variables.get(name))]
    for root in (*roots, repository_of(os.path.dirname(path))):  # noqa: PTH120 - a string, for the cache
        if root and path.startswith(f"{root.rstrip('/')}/"):
            return os.path.relpath(path, root)
    return file
