"""Reading sessions from Python: what was planned, and where its jobs stand."""

from pathlib import Path

from canary_wf.errors import UsageError
from canary_wf.plan import store
from canary_wf.plan.model import Plan
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.session_paths import SessionPaths, absolute_path, session_names
from canary_wf.wording import some


def load_plan(out: str | Path = ".", session: str | None = None) -> Plan:
    """Return the plan of a session in the workspace `out`: of the newest one, or of the one named `session`.

    Times are seconds, memory is MiB, CPUs and GPUs are slots. Raises WorkspaceError when there is no session or the
    plan is damaged, UsageError when there is none of that name.
    """
    return store.load_plan(_paths(out, session).plan)


def load_status(out: str | Path = ".", session: str | None = None) -> SessionState:
    """Return where the jobs of a session in `out` stand, as `canary-wf status` sees it; nothing is written.

    Its `plan` holds the jobs, ``record(job)`` what is known of one (phase, status, times in epoch seconds), `counts`,
    `failed`, `not_done` and `passed` sum it up. Raises as `load_plan` does.
    """
    return load_session(_paths(out, session))


def _paths(out: str | Path, session: str | None) -> SessionPaths:
    folder = absolute_path(out)
    if session is None:
        return store.newest_session(folder)
    known = session_names(folder)
    if session not in known:
        raise UsageError(f"there is no session {session!r}", where=folder, hint=f"there are {some(known[::-1])}")
    return SessionPaths(folder, session)
