"""The handlers that the generated workflow calls when it starts and ends.

Nothing that must be right depends on them: they do not run in modules, or after SIGKILL.
"""

import shlex
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from canary_wf.errors import CanaryWfError, WorkspaceError, one_line
from canary_wf.history.run_times import record_session
from canary_wf.recovery.early_stop import drop_stale_limit
from canary_wf.recovery.reconcile import reconcile_batches
from canary_wf.recovery.user_stop import cancel_submissions, note_user_stop, stopped_by_user
from canary_wf.snakemake.lock import record_owner
from canary_wf.snakemake.waiting_notices import show_waiting_batches
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.trust import require_trusted


def workflow_started(plan: str) -> None:
    """Note which process runs the workflow, and reconcile what an earlier, broken run left."""
    paths = SessionPaths.of_plan(Path(plan))
    with _errors_reported():
        require_trusted(paths.out, [paths.session])
        record_owner(paths.out)
        drop_stale_limit(paths)
        show_waiting_batches(paths)
        warn_about(reconcile_batches(paths, paths.batches()))


def workflow_succeeded(plan: str) -> None:
    """Keep the run times for the next plan."""
    paths = SessionPaths.of_plan(Path(plan))
    with _errors_reported():
        require_trusted(paths.out, [paths.session])
        keep_runtimes(paths, paths.batches())


def workflow_failed(plan: str, logs: Iterable[str] = ()) -> None:
    """Reconcile the state, keep the known run times, and say where to look. `logs` are Snakemake's log files."""
    paths = SessionPaths.of_plan(Path(plan))
    with _errors_reported():
        require_trusted(paths.out, [paths.session])
        if stopped_by_user(logs):
            now = time.time()
            note_user_stop(paths, now)
            cancel_submissions((paths.batch(batch).submission for batch in paths.batches()), now)
        warn_about(reconcile_batches(paths, paths.batches()))
        keep_runtimes(paths, paths.batches())
    command = f"canary-wf status -d {shlex.quote(str(paths.out))}"
    sys.stderr.write(f"canary-wf: the run did not pass; see what happened with: {command}\n")


def warn_about(errors: Iterable[CanaryWfError]) -> None:
    """Warn about batches whose state could not be reconciled; they count as failed or not run."""
    sys.stderr.writelines(f"canary-wf: warning: {error}\n" for error in errors)


def keep_runtimes(paths: SessionPaths, batches: Iterable[str]) -> None:
    """Add the session's run times to the history. A damaged history costs a warning, never the run."""
    try:
        record_session(paths, batches)
    except WorkspaceError as error:
        sys.stderr.write(f"canary-wf: warning: run times are not kept: {error}\n")


@contextmanager
def _errors_reported() -> Iterator[None]:
    """Report an error in one line: in a handler that raises, a traceback of Snakemake would bury it."""
    try:
        yield
    except (CanaryWfError, OSError) as error:
        sys.stderr.write(f"canary-wf: {one_line(str(error))}\n")
    except UnicodeEncodeError as error:
        # Folder names in UTF-8, which Snakemake's process cannot write. The rules reconcile the state themselves.
        sys.stderr.write(f"canary-wf: the locale has no letter for {error.object!a}; set a UTF-8 one, as C.UTF-8\n")
