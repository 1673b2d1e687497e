"""The recorder of a batch, set up from the batch's slice of the plan."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from canary_wf.errors import one_line
from canary_wf.files.json_files import read_json
from canary_wf.process.process_identity import host_id
from canary_wf.spec.batch_slice import BatchSlice
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.attempt import Attempt
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import read_journal, rewrite_journal
from canary_wf.state.journal_repair import load_batch
from canary_wf.state.recorder import Recorder
from canary_wf.state.session_paths import LocatedJob, SessionPaths, relative_to_out, require_inside


def open_recorder(
    paths: SessionPaths,
    batch: str,
    jobs: Iterable[JobSpec],
    upstreams: Iterable[LocatedJob],
    require_current: Callable[[], None] = lambda: None,
    *,
    done: bool = False,
) -> Recorder:
    """Return the recorder of `batch` with `jobs`, which continues the batch's journal.

    `upstreams` are the jobs of other batches that they depend on. `require_current` raises when the caller no longer
    owns the batch. `done` says that the batch had a result until now. A damaged journal is rewritten first, so the
    caller must own the batch. Raises WorkspaceError when the journal cannot be read or written.
    """
    specs = {job.id: job for job in jobs}
    located = {job.id: (job.name, job.directory) for job in specs.values()}
    located |= {job.id: (job.name, job.directory) for job in upstreams}
    entries = {
        job.id: [_entry(paths, edge.job, edge.when, located) for edge in job.dependencies] for job in specs.values()
    }
    state = load_batch(paths, batch, list(specs.values()), alive=False, done=done)
    is_damaged = state.damage is not None
    if is_damaged:
        from canary_wf.state.journal_repair import events_of  # late: start-up

        require_current()
        message = f"canary-wf: warning: batch {batch}: {state.damage}; the journal is written anew from what is known"
        sys.stderr.write(f"{one_line(message)}\n")
        rewrite_journal(paths.batch(batch).journal, events_of(state))
        state = read_journal(paths.batch(batch).journal)
    recorder = Recorder(paths, batch, specs, entries, state, require_current)
    if is_damaged:
        recorder.recover()  # also removes half-written files that the journal does not mention
    return recorder


def reopen_recorder(
    paths: SessionPaths,
    batch: str,
    require_current: Callable[[], None] = lambda: None,
    *,
    anywhere: bool = False,
    done: bool = False,
) -> Recorder:
    """Return the recorder of `batch`, set up from its slice; its jobs lie below the session, or `anywhere`.

    `done` says that the batch had a result until now. Raises WorkspaceError when the slice is missing or damaged.
    """
    batch_slice: BatchSlice = read_json(paths.slice(batch), BatchSlice)
    require_inside(paths.slice(batch), (*batch_slice.jobs, *batch_slice.upstreams), [batch], directories=not anywhere)
    recorder = open_recorder(paths, batch, batch_slice.jobs, batch_slice.upstreams, require_current, done=done)
    attach_user_hooks(recorder, batch_slice, paths, batch)
    return recorder


@contextmanager
def own_attempt(
    paths: SessionPaths, batch: str, attempt: Attempt, reason: str, *, done: bool = False
) -> Iterator[Recorder]:
    """Yield the recorder of `batch` for an `attempt` that runs no job; record its start, and its end with `reason`."""
    try:
        recorder = reopen_recorder(paths, batch, attempt.require_current, done=done)
        try:
            pid = attempt.content.pid
            recorder(AttemptStarted(time=time.time(), token=attempt.token, host=host_id(), pid=pid))
            yield recorder
            recorder(AttemptEnded(time=time.time(), token=attempt.token, reason=reason))
        finally:
            recorder.close()
    finally:
        attempt.end()


def attach_user_hooks(recorder: Recorder, batch_slice: BatchSlice, paths: SessionPaths, batch: str) -> None:
    """Attach the user hooks (``module:object``) named in the slice to what is recorded of `batch`."""
    if batch_slice.hooks:
        from canary_wf.hooks.user_hooks import UserHooks, own_hooks

        names = own_hooks(paths.session, batch_slice.hooks, batch_slice.hooks_signature)
        context = {"session": paths.session, "batch": batch, "out": str(paths.out)}
        recorder.add_listener(UserHooks(names, context, {job: spec.name for job, spec in recorder.jobs.items()}))


def _entry(paths: SessionPaths, job: str, when: str, located: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return a dependency as an entry of `job.json`."""
    name, directory = located[job]
    folder = relative_to_out(paths.job_folder(directory), paths.out)
    return {"id": job, "name": name, "when": when, "directory": folder}
