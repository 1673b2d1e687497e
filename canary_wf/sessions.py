"""Reading sessions from Python: their plans, and the state of their jobs."""

from pathlib import Path

from canary_wf.errors import UsageError
from canary_wf.plan import store
from canary_wf.plan.model import Plan
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.session_paths import SessionPaths, absolute_path, session_names
from canary_wf.wording import some


def load_plan(out: str | Path = ".", session: str | None = None) -> Plan:
    """Return the plan of a session in the workspace `out`: the newest one, or the one named `session`.

    Times are seconds, memory is MiB, CPUs and GPUs are slots. Raises WorkspaceError when there is no session or its
    plan is damaged, and UsageError when there is no session of that name.
    """
    return store.load_plan(_paths(out, session).plan)


def load_status(out: str | Path = ".", session: str | None = None) -> SessionState:
    """Return the state of a session in `out`, as `canary-wf status` shows it; nothing is written.

    Its `plan` has the jobs; ``record(job)`` returns the record of one (phase, status, times in epoch seconds);
    `counts`, `failed`, `not_done` and `passed` summarise it. Raises like `load_plan`.
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
