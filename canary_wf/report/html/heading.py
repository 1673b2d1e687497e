"""The headings of the pages: whose session this is, and of which project."""

import shlex
from collections.abc import Sequence

from canary_wf.errors import one_line
from canary_wf.plan.model import Plan
from canary_wf.wording import moment


def heading(plan: Plan, other: str) -> str:
    """Return the heading of a page about `plan`: the project's name, or else the word `other` and the session."""
    return one_line(plan.origin.project) or f"{other} {one_line(plan.session)}"


def about(plan: Plan, parts: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return which session it is, and when, where, from what and how it was generated: pairs of a name and a value.

    `parts` are the sessions that are shown as one, if there are several.
    """
    origin = plan.origin
    branch = f" ({origin.branch})" if origin.branch else ""
    found = [
        ("parts", ", ".join(parts)) if parts else ("session", plan.session),
        ("generated", moment(plan.created)),
        ("host", origin.host),
        ("commit", f"{origin.commit[:12]}{branch}" if origin.commit else ""),
        ("command", shlex.join(origin.command)),
        ("version", f"canary-wf {plan.version}"),
    ]
    return [(name, one_line(value)) for name, value in found if value]
