"""Reading sessions from Python: their plans, and the state of their jobs."""

from pathlib import Path

from canary_wf.plan import store
from canary_wf.plan.model import Plan
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.session_paths import SessionPaths, absolute_path


def load_plan(out: str | Path = ".", session: str | None = None) -> Plan:
    """Return the plan of a session in the workspace `out`: the newest one, or the one that `session` means.

    `session` is a name, the beginning of one, or a number: ``"-1"`` is the session before the newest.

    Times are seconds, memory is MiB, CPUs and GPUs are slots. Raises WorkspaceError when there is no session or its
    plan is damaged, and UsageError when `session` means none or several.
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
    return store.find_session(folder, session, where=folder)
