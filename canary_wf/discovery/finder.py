"""The entry point of discovery: from the PATHs of the command line to complete job specs."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from canary_wf.discovery.dependencies import check_ids, resolve
from canary_wf.discovery.draft import Draft
from canary_wf.discovery.kinds import Finder
from canary_wf.discovery.options import DiscoveryOptions, misspelt_types
from canary_wf.discovery.places import as_given, text_as_given
from canary_wf.discovery.plugged import all_finders
from canary_wf.discovery.selection import masks, nothing_selected
from canary_wf.discovery.shards import shard_masks
from canary_wf.discovery.sources import missing_sources
from canary_wf.discovery.walk import FoundFile, find_files, with_distinct_paths
from canary_wf.errors import MOST_TOLD, InputError, MistakeList
from canary_wf.spec.identity import job_directories
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.wording import count


class Discovery(msgspec.Struct, frozen=True):
    """The result of discovery: all jobs (also masked ones) in the order of their files, and the number of files.

    `warnings` say what in the files has no effect. `elsewhere` has by job id the patterns that match no job here; it is
    filled only with the option `alone`. `pool_files` are the resource pools that come with the files. `dropped` are the
    ids of jobs that the user selected, but that are masked because they depend on jobs that were not selected.
    `nothing` says why no job is left, and what to do, if all are masked.
    """

    jobs: tuple[JobSpec, ...]
    files: int
    warnings: tuple[str, ...] = ()
    elsewhere: dict[str, list[str]] = {}
    pool_files: tuple[Path, ...] = ()
    dropped: frozenset[str] = frozenset()
    nothing: tuple[str, str] | None = None

    def require_jobs(self) -> None:
        """Raise InputError if all jobs are masked by the selection or by their files."""
        if self.nothing is not None:
            what, hint = self.nothing
            raise InputError(what, hint=hint)


def discover(paths: Sequence[Path], options: DiscoveryOptions) -> Discovery:
    """Return the jobs of all test files below `paths`.

    Messages name files as `paths` do. Raises InputError for an invalid file, PATH or dependency and if there are no
    jobs, MistakesError for several, and UsageError for an invalid selection option.
    """
    try:
        with _no_garbage_collection():
            found = _discover(paths, options)
    except InputError as error:
        raise as_given(error, paths) from error
    return msgspec.structs.replace(found, warnings=tuple(text_as_given(each, paths) for each in found.warnings))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch garbage collection off: all objects found are kept, and collecting would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _discover(paths: Sequence[Path], options: DiscoveryOptions) -> Discovery:
    finders = all_finders()
    mistakes = MistakeList()
    files = with_distinct_paths(
        find_files(paths, lambda name: any(finder.claims(name) for finder in finders), options.exclude, mistakes)
    )
    if options.path is not None:
        files = [msgspec.structs.replace(file, path=options.path) for file in files]
    if not files:
        mistakes.raise_any()
        where = ", ".join(map(str, paths))
        hint = "they are *.pyt, *.jobs.yaml or CTestTestfile.cmake files"
        raise InputError("no test files were found", where=where, hint=hint)
    drafts = _drafts(files, options, finders, mistakes)
    if not drafts:
        raise InputError("the test files describe no jobs", where=", ".join(map(str, paths)))
    elsewhere: dict[str, list[str]] = {}
    prefixes = {file.file: file.prefix for file in files if file.prefix}
    jobs, dropped = _completed(drafts, options, prefixes, elsewhere if options.alone else None)
    pools = dict.fromkeys(draft.pool_file for draft in drafts if draft.pool_file is not None)
    nothing = None if dropped else nothing_selected(jobs, options)
    warnings = [*_first(_warnings(drafts)), *_first(tuple(missing_sources(jobs)))]
    if options.timeouts:
        warnings += misspelt_types(options.timeouts, {word for job in jobs for word in job.keywords})
    return Discovery(jobs, len(files), tuple(warnings), elsewhere, tuple(pools), dropped, nothing)


def _drafts(
    files: Sequence[FoundFile], options: DiscoveryOptions, finders: Sequence[Finder], mistakes: MistakeList
) -> list[Draft]:
    """Return the jobs of all `files`. Raises `mistakes` if there are any, and those that the finders add."""
    found: dict[str, list[Draft]] = {}
    unclaimed = list(files)
    for finder in finders:
        claimed = [file for file in unclaimed if finder.claims(file.file)]
        if claimed:
            with mistakes.collecting():
                found.update(zip((file.file for file in claimed), finder.drafts(claimed, options), strict=True))
            names = {file.file for file in claimed}
            unclaimed = [file for file in unclaimed if file.file not in names]
    mistakes.raise_any()
    return [draft for file in files for draft in found[file.file]]


def _first(warnings: Sequence[str]) -> Sequence[str]:
    """Return the first MOST_TOLD of `warnings`, and the number of further ones."""
    more = len(warnings) - MOST_TOLD
    return warnings if more <= 0 else (*warnings[:MOST_TOLD], f"and {count(more, 'more warning')} like these")


def _warnings(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Return the warnings of all drafts, once for each file, with one job and the number of further jobs."""
    found: dict[tuple[str, str], list[str]] = {}
    for draft in drafts:
        for text in draft.warnings:
            found.setdefault((draft.spec.file, text), []).append(draft.spec.name)
    return tuple(
        f"{file}: {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {text}"
        for (file, text), names in found.items()
    )


def _completed(
    drafts: Sequence[Draft],
    options: DiscoveryOptions,
    prefixes: Mapping[str, str],
    elsewhere: dict[str, list[str]] | None,
) -> tuple[tuple[JobSpec, ...], frozenset[str]]:
    """Return the jobs, and the ids of the jobs that are masked although the user selected them."""
    specs = [draft.spec for draft in drafts]
    check_ids(specs)
    edges = resolve(drafts, elsewhere, prefixes)
    reasons, dropped = masks(drafts, edges, options)
    if options.shard is not None:
        reasons = shard_masks(specs, edges, reasons, options.shard)
    masked = {spec.id for spec, reason in zip(specs, reasons, strict=True) if reason is not None}
    directories = job_directories((draft.spec.id, *_directory_base(draft)) for draft in drafts)
    jobs = tuple(
        msgspec.structs.replace(
            spec, directory=directories[spec.id], dependencies=_present(spec, needed, masked), mask=reason
        )
        for spec, needed, reason in zip(specs, edges, reasons, strict=True)
    )
    return jobs, frozenset(specs[number].id for number in dropped)


def _present(spec: JobSpec, edges: tuple[DependencyEdge, ...], masked: set[str]) -> tuple[DependencyEdge, ...]:
    """Return `edges` without order-only dependencies of `spec` on masked jobs."""
    if masked.isdisjoint(edge.job for edge in edges):
        return edges
    return tuple(edge for edge in edges if edge.job not in masked or not spec.is_order_only(edge))


def _directory_base(draft: Draft) -> tuple[str, str]:
    """Return the path and the name from which the job's directory is made."""
    if draft.execution_path is None:
        return draft.spec.path, draft.spec.name
    return "", draft.execution_path
