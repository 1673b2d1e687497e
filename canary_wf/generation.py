"""Generating a workflow: discovery, plan and files chained, as the command `generate` and the library do it."""

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

GENERATED = (
    *(STATE_FOLDER, ".snakemake", "workflow/Snakefile", MODULE_FILE, "workflow/rules/batches.smk"),
    *("workflow/rules/gate.smk", *(f"{profile}/config.yaml" for profile in PROFILES)),
)
"""What `generate` and Snakemake put into OUT, where no test is looked for.

Tests may lie in folders called `workflow` or `local`: only the files there are ours. `TestResults` is a link into a
hidden folder, which is not followed.
"""


class Generated(msgspec.Struct, frozen=True):
    """What came of a generation: the plan, its session, what was found, warnings, and how many verdicts were kept."""

    plan: Plan
    paths: SessionPaths
    found: Discovery
    warnings: tuple[str, ...]
    kept: int


def open_readings(paths: Sequence[Path], out: Path) -> ReadingCache:
    """Return the readings of test files under `paths` known in `out`, or to the user where OUT is not a workspace."""
    return ReadingCache(cache_folder(out / STATE_FOLDER), [str(absolute_path(path)) for path in paths])


def find_jobs(
    paths: Sequence[Path],
    options: DiscoveryOptions,
    out: Path,
    readings: ReadingCache | None = None,
    target: Target | None = None,
) -> Discovery:
    """Return what the test files under `paths` expand to; OUT's own files are not looked at.

    What is known of the files is taken from `readings`; keeping new ones is the caller's, as a plan writes nothing.
    Parameters that are named like a resource of `target` ask for it.
    """
    if target is not None:
        options = msgspec.structs.replace(options, resource_types=frozenset(target.node.capacities))
    own = tuple(out / name for name in GENERATED)
    known = open_readings(paths, out) if readings is None else readings
    return discover(paths, msgspec.structs.replace(options, exclude=(*options.exclude, *own), readings=known))


def plan_jobs(found: Discovery, settings: PlanSettings, target: Target, history: History, out: Path) -> Plan:
    """Return the plan for what was found, for a session that comes after all others in `out`.

    Raises InputError, also for a resource pool that came with the files and is wrong.
    """
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
    """Find the jobs of `paths`, plan them, and write session, workflow and profiles into `out`.

    With `update` the newest session's verdicts that still stand are taken over. Everything that can be refused is
    refused before anything is written. Raises InputError and WorkspaceError.
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
        check_out(out, files)  # once more: somebody may have begun a run while the jobs were looked for
        session, kept, warnings = _write(plan, files, settings, out, update=update)
        readings.save(cache_folder(out / STATE_FOLDER))
    cluster = (*cluster_warnings(target, out, settings.slurm), *cache_warnings())
    told = (*found.warnings, *fixture_warnings(plan), *warnings, *ended_early(plan), *cluster)
    return Generated(plan, session, found, told, kept)


def _check_unchanged(before: Sequence[str], out: Path) -> None:
    """Raise WorkspaceError when somebody else made or removed a session of `out` since its sessions were `before`."""
    if session_names(out) != list(before):
        raise WorkspaceError("its sessions have changed meanwhile", where=out, hint="run canary-wf generate again")


def _kept_options(options: WorkflowOptions | None, out: Path) -> WorkflowOptions:
    """Return `options`; what a larger workflow uses of an earlier session is written anew, whether asked for or not."""
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
        if before and _with_session(load_history(out), out, before[-1]).runtimes:
            update_runtimes(out, before[-1])
    except BaseException:  # Ctrl-C too: a session without its workflow would hide the one before
        remove_session(session)
        raise
    return session, kept, warnings


def known_runtimes(out: Path) -> History:
    """Return the history of `out` with the newest session's run times, in case its run ended without a report."""
    history = load_history(out)
    names = session_names(out)
    return _with_session(history, out, names[-1]) if names else history


def update_runtimes(out: Path, session: str | None, change: Callable[[History], None] | None = None) -> History:
    """Keep the run times of `session` in the history of `out`, let `change` alter it, and return it.

    Whatever others write into it meanwhile stays. Raises WorkspaceError for a bad file.
    """

    def both(history: History) -> None:
        if session is not None:
            known = _with_session(history, out, session)
            history.runtimes, history.names = known.runtimes, known.names
        if change is not None:
            change(history)

    return update_history(out, both)


def _with_session(history: History, out: Path, session: str) -> History:
    """Return `history` with the run times of `session`.

    A damaged session is no reason not to make a new one; its run times are estimated instead.
    """
    paths = SessionPaths(out, session)
    found = msgspec.structs.replace(history, runtimes=dict(history.runtimes), names=dict(history.names))
    try:
        plan = load_plan(paths.plan)
        names = {job.id: (job.name, job.path) for job in plan.jobs}
        add_session(found, paths, [batch.id for batch in plan.batches], names)
    except WorkspaceError:
        return history
    return found


def _new_session(out: Path) -> str:
    """Return a name for a new session: the time (UTC), and after every name that is there already."""
    now = time.time()
    names = session_names(out)
    name = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%f")
    newest = names[-1] if names else ""
    return name if name > newest else f"{newest}+"


def check_paths(paths: Sequence[str]) -> list[Path]:
    """Return `paths` (the current folder when there is none). Raises UsageError for an empty name."""
    if any(not path for path in paths):
        raise UsageError("is empty", where="PATH")
    return [Path(path) for path in paths or (".",)]
