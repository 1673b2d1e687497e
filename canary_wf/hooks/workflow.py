"""What the generated workflow calls when it starts and ends.

Nothing that must be right depends on these: they do not run in modules, nor after SIGKILL.
"""

import shlex
import sys
from pathlib import Path

from canary_wf.hooks.lock import record_owner
from canary_wf.hooks.settle import settle
from canary_wf.job.history import record_session
from canary_wf.session_paths import BatchPaths, SessionPaths


def workflow_started(plan: str) -> None:
    """Note who runs the workflow, and settle what an earlier, broken run left."""
    record_owner(SessionPaths.of_plan(Path(plan)).out)
    settle(_batches(plan))


def workflow_succeeded(plan: str) -> None:
    """Keep the run times for the next plan."""
    record_session(SessionPaths.of_plan(Path(plan)), [files.folder.name for files in _batches(plan)])


def workflow_failed(plan: str) -> None:
    """Settle what died, keep the run times that are known, and say where to look."""
    settle(_batches(plan))
    workflow_succeeded(plan)
    out = SessionPaths.of_plan(Path(plan)).out
    command = f"canary-wf status -d {shlex.quote(str(out))}"
    sys.stderr.write(f"canary-wf: the run did not pass; see what happened with: {command}\n")


def _batches(plan: str) -> list[BatchPaths]:
    folder = SessionPaths.of_plan(Path(plan)).folder / "batches"
    return [BatchPaths(path) for path in sorted(folder.iterdir())]
