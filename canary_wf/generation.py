"""Generating a workflow: discovery, planning and writing, for the command `generate` and the library."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from canary_wf.discovery import Discovery, DiscoveryOptions, discover
from canary_wf.discovery.reading_cache import ReadingCache, cache_folder
from canary_wf.errors import UsageError, WorkspaceError
from canary_wf.history.run_times import History, add_session, load_history, update_history
from canary_wf.plan.cluster.advice import cache_warnings, cluster_warnings
from canary_wf.plan.cluster.target import Target, with_pool_files
from canary_wf.plan.explanation.warnings import ended_early
from canary_wf.plan.fixtures import fixture_warnings
from canary_wf.plan.model import Plan
from canary_wf.plan.planner import PlanSettings, make_plan
from canary_wf.plan.store import load_plan, remove_session, write_session
from canary_wf.plan.update import carry_over
from canary_wf.snakemake.lock import workspace_lock
from canary_wf.state.session_paths import STATE_FOLDER, SessionPaths, absolute_path, session_names
from canary_wf.state.trust import require_trusted
from canary_wf.workflow.batch_table import write_batch_table
from canary_wf.workflow.ownership import Ownership, ownership
from canary_wf.workflow.profiles import PROFILES, profile_files
from canary_wf.workflow.shapes import shapes_of, uses_shapes
from canary_wf.workflow.snakefile import MODULE_FILE, WorkflowOptions, workflow_files
from canary_wf.workflow.writer import check_out, write_workflow

WORKFLOW = (
    *("workflow/Snakefile", MODULE_FILE, "workflow/rules/batches.smk", "workflow/rules/gate.smk"),
    *(f"{profile}/config.yaml" for profile in PROFILES),
)
"""The files that `generate` writes beside the session."""

GENERATED = (STATE_FOLDER, ".snakemake", *WORKFLOW)
"""What `generate` and Snakemake create in OUT; no tests are searched there.

Tests may lie in folders named `workflow` or `local`, so only the files in these are listed. `TestResults` is a link to
a hidden folder and is not followed.
"""


class Generated(msgspec.Struct, frozen=True):
    """The result of a generation: plan, session, discovery, warnings, and the number of verdicts that were kept."""

    plan: Plan
    paths: SessionPaths
    found: Discovery
    warnings: tuple[str, ...]
    kept: int


def open_readings(paths: Sequence[Path], out: Path) -> ReadingCache:
    """Return the cached readings of test files under `paths`, from `out` or, without a workspace, the user's cache."""
    return ReadingCache(cache_folder(out / STATE_FOLDER), [str(absolute_path(path)) for path in paths])


def find_jobs(
    paths: Sequence[Path],
    options: DiscoveryOptions,
    out: Path,
    readings: ReadingCache | None = None,
    target: Target | None = None,
) -> Discovery:
    """Return the jobs in the test files under `paths`; OUT's own files are skipped.

    Known files are taken from `readings`; saving new readings is left to the caller, because a plan writes nothing.
    Parameters named like a resource of `target` request that resource.
    """
    if target is not None:
        options = msgspec.structs.replace(options, resource_types=frozenset(target.node.capacities))
    own = tuple(out / name for name in GENERATED)
    known = open_readings(paths, out) if readings is None else readings
    return discover(paths, msgspec.structs.replace(options, exclude=(*options.exclude, *own), readings=known))


def plan_jobs(found: Discovery, settings: PlanSettings, target: Target, history: History, out: Path) -> Plan:
    """Return the plan for the discovered jobs, with a session name that sorts after all others in `out`.

    Raises InputError, also for an invalid resource pool that came with the files.
    """
    found.require_jobs()
    target = with_pool_files(target, found.pool_files)
    session = _new_session(out)
    return make_plan(found.jobs, settings, target, history, out=out, session=session, dropped=found.dropped)


def generate_workflow(
    paths: Sequence[Path],
    options: DiscoveryOptions,
    settings: PlanSettings,
    target: Target,
    out: Path,
    *,
    update: bool = False,
    workflow: WorkflowOptions | None = None,
) -> Generated:
    """Find the jobs in `paths`, plan them, and write session, workflow and profiles to `out`.

    With `update`, verdicts of the newest session that still hold are taken over. All checks come before the first
    write. Raises InputError and WorkspaceError.
    """
    out = absolute_path(out)
    before = session_names(out)
    require_trusted(out, before[-1:] if update else ())
    readings = open_readings(paths, out)
    found = find_jobs(paths, options, out, readings, target)
    history = known_runtimes(out)
    plan = plan_jobs(found, settings, target, history, out)
    files = workflow_files(plan, settings.rules, _kept_options(workflow, out)) | profile_files(plan)
    check_out(out, files)
    with workspace_lock(out):
        _check_unchanged(before, out)
        check_out(out, files)  # again: a run may have started while the jobs were discovered
        session, kept, warnings = _write(plan, files, settings, out, update=update)
        readings.save(cache_folder(out / STATE_FOLDER))
    cluster = (*cluster_warnings(target, out, settings.slurm), *cache_warnings())
    all_warnings = (*found.warnings, *fixture_warnings(plan), *warnings, *ended_early(plan), *cluster)
    return Generated(plan, session, found, all_warnings, kept)


def _check_unchanged(before: Sequence[str], out: Path) -> None:
    """Raise WorkspaceError if the sessions of `out` are no longer those in `before`."""
    if session_names(out) != list(before):
        raise WorkspaceError("its sessions have changed meanwhile", where=out, hint="run canary-wf generate again")


def _kept_options(options: WorkflowOptions | None, out: Path) -> WorkflowOptions:
    """Return `options`; the module file of an earlier session is always rewritten, because a parent may use it."""
    options = options or WorkflowOptions()
    if options.module is None and ownership(out / MODULE_FILE) is not Ownership.ABSENT:
        return msgspec.structs.replace(options, module=out.name)
    return options


def _write(
    plan: Plan, files: Mapping[str, str], settings: PlanSettings, out: Path, *, update: bool
) -> tuple[SessionPaths, int, list[str]]:
    """Write the session and its workflow; return it, the number of verdicts that were kept, and warnings."""
    before = session_names(out)
    session = write_session(plan, out)
    try:
        kept = carry_over(SessionPaths(out, before[-1]), plan, session) if update and before else 0
        if uses_shapes(plan, settings.rules):
            write_batch_table(shapes_of(plan), session)
        warnings = write_workflow(out, files, session)
        if before and _with_session(load_history(out), out, before[-1]).jobs:
            update_runtimes(out, before[-1])
    except BaseException:  # Ctrl-C, too: a session without a workflow would hide the previous one
        remove_session(session)
        raise
    return session, kept, warnings


def known_runtimes(out: Path) -> History:
    """Return the history of `out` with the newest session's run times, in case that run ended without a report."""
    history = load_history(out)
    names = session_names(out)
    return _with_session(history, out, names[-1]) if names else history


def update_runtimes(out: Path, session: str | None, change: Callable[[History], None] | None = None) -> History:
    """Add the run times of `session` to the history of `out`, let `change` modify it, and return it.

    Concurrent changes by others are kept. Raises WorkspaceError for a bad file.
    """

    def both(history: History) -> None:
        if session is not None:
            known = _with_session(history, out, session)
            history.runtimes, history.names = known.runtimes, known.names
            history.failures, history.retries = known.failures, known.retries
        if change is not None:
            change(history)

    return update_history(out, both)


def _with_session(history: History, out: Path, session: str) -> History:
    """Return `history` with the run times of `session`.

    A damaged session does not prevent a new one; its run times are then estimated.
    """
    paths = SessionPaths(out, session)
    found = msgspec.structs.replace(
        history,
        runtimes=dict(history.runtimes),
        names=dict(history.names),
        failures=dict(history.failures),
        retries=dict(history.retries),
    )
    try:
        plan = load_plan(paths.plan)
        names = {job.id: (job.name, job.path) for job in plan.jobs}
        add_session(found, paths, [batch.id for batch in plan.batches], names)
    except WorkspaceError:
        return history
    return found


def _new_session(out: Path) -> str:
    """Return a name for a new session: the time (UTC), sorting after every existing name."""
    now = time.time()
    names = session_names(out)
    name = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%f")
    newest = names[-1] if names else ""
    return name if name > newest else f"{newest}+"


def check_paths(paths: Sequence[str]) -> list[Path]:
    """Return `paths`, by default the current folder. Raises UsageError for an empty name."""
    if any(not path for path in paths):
        raise UsageError("is empty", where="PATH")
    return [Path(path) for path in paths or (".",)]
