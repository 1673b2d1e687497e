"""A group of lines that the log of a CI service shows folded: of GitHub, GitLab, and none elsewhere.

Formats: https://docs.github.com/actions/reference/workflow-commands-for-github-actions ("Grouping log lines") and
https://docs.gitlab.com/ci/jobs/job_logs/ ("Custom collapsible sections").
"""

import os
import time
from collections.abc import Mapping

from canary_wf.wording import count

_SECTION = "canary_wf_run"
_ON = frozenset({"1", "true", "yes", "on"})


def in_ci(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process runs in a CI service, by the variables that these set."""
    return any(environment.get(name, "").lower() in _ON for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"))


class Group:
    """One group, with the markers of the service that the `environment` names."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._is_github = environment.get("GITHUB_ACTIONS", "").lower() in _ON
        self._is_gitlab = environment.get("GITLAB_CI", "").lower() in _ON
        self._is_open = False

    def begin(self, jobs: int) -> str:
        """Return the first line of the group, with the number of jobs; empty if it has begun."""
        if self._is_open:
            return ""
        self._is_open = True
        title = f"canary-wf: {count(jobs, 'job')}"
        if self._is_github:
            return f"::group::{title}\n"
        if self._is_gitlab:
            return f"\x1b[0Ksection_start:{int(time.time())}:{_SECTION}[collapsed=true]\r\x1b[0K{title}\n"
        return ""

    def end(self) -> str:
        """Return the last line of the group; empty if it has not begun."""
        if not self._is_open:
            return ""
        self._is_open = False
        if self._is_github:
            return "::endgroup::\n"
        return f"\x1b[0Ksection_end:{int(time.time())}:{_SECTION}\r\x1b[0K\n" if self._is_gitlab else ""
