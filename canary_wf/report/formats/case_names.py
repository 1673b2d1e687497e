"""Under which names CI servers know jobs: a class and a case that no two jobs share, and the file to look at.

A server tells test cases apart by class and name alone. A class is a test file, in the form of a module (``sub.mesh``
for ``sub/mesh.pyt``); where that would be the same for two files, it is the path of the file itself.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from canary_wf.plan.model import LeftOut, Plan
from canary_wf.spec.batch_slice import PlannedJob

_CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE")
"""Variables in which GitHub, GitLab and Jenkins say where the repository is checked out."""


class CaseName(NamedTuple):
    """What a job is called: the name of its case, and its class."""

    classname: str
    name: str


class _Named(NamedTuple):
    """A job of the plan or one that was left out: `name` is what its users call it, `own` is unique in its file."""

    id: str
    path: str
    file: str
    name: str
    own: str


def real_name(job: PlannedJob) -> str:
    """Return what the users of `job` call it: the name that CTest has for it, else its own."""
    test = job.attributes.get("test") if job.kind == "ctest" else None
    return test if isinstance(test, str) else job.name


def case_names(plan: Plan) -> dict[str, CaseName]:
    """Return the case of each job of `plan` by its id, and of each that was left out."""
    jobs = [_Named(job.id, job.path, job.file, real_name(job), job.name) for job in plan.jobs]
    jobs += [_Named(job.id, job.path, job.file, job.test or job.name, job.name) for job in plan.left_out]
    classes = _classes({(job.path, job.file) for job in jobs})
    found = {job.id: CaseName(classes[job.path, job.file], job.name) for job in jobs}
    for choose in (_own_name, _with_id):
        twice = {case for case, number in Counter(found.values()).items() if number > 1}
        found |= {job.id: choose(job, found[job.id]) for job in jobs if found[job.id] in twice}
    return found


def _classes(files: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the class of each file, given by path (from the top of its tree) and place."""
    found: dict[tuple[str, str], str] = {}
    left: Iterable[tuple[str, str]] = files
    spellings: tuple[Callable[[tuple[str, str]], str], ...] = (_module, _path, _place)
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


def _place(file: tuple[str, str]) -> str:
    return file[1]


def _own_name(job: _Named, case: CaseName) -> CaseName:
    return case._replace(name=job.own)


def _with_id(job: _Named, case: CaseName) -> CaseName:
    return case._replace(name=f"{case.name} [{job.id}]")


def source_place(
    job: PlannedJob | LeftOut, out: Path, environment: Mapping[str, str] | None = None
) -> tuple[str, int | None]:
    """Return the file of `job` as its repository names it, and the line where that is known.

    A file of no repository is named as the plan in `out` does. A test of CTest is where the project adds it.
    """
    variables = os.environ if environment is None else environment
    file, line = _added_at(job) or (job.file, None)
    return _in_repository(file, out, variables), line


def _added_at(job: PlannedJob | LeftOut) -> tuple[str, int] | None:
    place = job.attributes.get("added_at") if isinstance(job, PlannedJob) and job.kind == "ctest" else None
    file, _, line = str(place).rpartition(":")
    return (file, int(line)) if file and line.isascii() and line.isdigit() else None


def _in_repository(file: str, out: Path, variables: Mapping[str, str]) -> str:
    path = os.path.normpath(out / file)
    roots = [root for name in _CHECKOUTS if (root := variables.get(name))]
    for root in (*roots, _repository(os.path.dirname(path))):  # noqa: PTH120 - a text, for the cache
        if root and path.startswith(f"{root.rstrip('/')}/"):
            return os.path.relpath(path, root)
    return file


@cache
def _repository(folder: str) -> str | None:
    """Return the folder from `folder` upwards that git has its own folder or file in."""
    parent = os.path.dirname(folder)  # noqa: PTH120 - as above
    if os.path.lexists(f"{folder.rstrip('/')}/.git"):
        return folder
    return None if parent == folder else _repository(parent)
