"""The entry of discovery: from the PATHs of the command line to complete job specs."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from canary_wf.discovery.dependencies import check_ids, resolve
from canary_wf.discovery.draft import Draft
from canary_wf.discovery.kinds import FINDERS
from canary_wf.discovery.options import DiscoveryOptions
from canary_wf.discovery.selection import masks
from canary_wf.discovery.walk import FoundFile, find_files
from canary_wf.errors import InputError
from canary_wf.job.identity import job_directories
from canary_wf.job.spec import JobSpec


class Discovery(msgspec.Struct, frozen=True):
    """What was found: all jobs, those with a mask included, in the order of their files; and how many files."""

    jobs: tuple[JobSpec, ...]
    files: int


def discover(paths: Sequence[Path], options: DiscoveryOptions) -> Discovery:
    """Return the jobs of all test files below `paths`.

    Raises InputError for a wrong file, PATH or dependency and when there is no job at all, UsageError for a wrong
    selection option.
    """
    files = find_files(paths, lambda name: any(finder.claims(name) for finder in FINDERS), options.exclude)
    if not files:
        where = ", ".join(map(str, paths))
        raise InputError("no test files were found", where=where, hint="they are *.pyt or *.jobs.yaml files")
    drafts = _drafts(files, options)
    if not drafts:
        raise InputError("the test files describe no jobs", where=", ".join(map(str, paths)))
    return Discovery(_completed(drafts, options), len(files))


def _drafts(files: Sequence[FoundFile], options: DiscoveryOptions) -> list[Draft]:
    found: dict[str, list[Draft]] = {}
    for finder in FINDERS:
        mine = [file for file in files if finder.claims(file.file)]
        if mine:
            found.update(zip((file.file for file in mine), finder.drafts(mine, options), strict=True))
    return [draft for file in files for draft in found[file.file]]


def _completed(drafts: Sequence[Draft], options: DiscoveryOptions) -> tuple[JobSpec, ...]:
    specs = [draft.spec for draft in drafts]
    check_ids(specs)
    edges = resolve(drafts)
    reasons = masks(specs, edges, options)
    directories = job_directories((draft.spec.id, *_placing(draft)) for draft in drafts)
    return tuple(
        msgspec.structs.replace(spec, directory=directories[spec.id], dependencies=needed, mask=reason)
        for spec, needed, reason in zip(specs, edges, reasons, strict=True)
    )


def _placing(draft: Draft) -> tuple[str, str]:
    """Return the path and name that the job's directory is made from."""
    if draft.execution_path is None:
        return draft.spec.path, draft.spec.name
    return "", draft.execution_path
