"""A workspace's workflow as it is, to be put back if the session that replaces it is taken back.

A session whose Snakemake only printed something, or did not understand its options, is removed again. The workflow of
the session before is then the newest one again.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from canary_wf.files.json_files import not_writable, write_atomic
from canary_wf.files.plain_files import read_plain
from canary_wf.plan.store import remove_session
from canary_wf.snakemake.lock import workspace_lock
from canary_wf.state.session_paths import SessionPaths
from canary_wf.workflow.writer import RESULTS_LINK


class KeptWorkflow:
    """The content of the files called `names` in `out`, and where the link to the results leads."""

    def __init__(self, out: Path, names: Sequence[str]) -> None:
        self._out = out
        self._texts: dict[Path, tuple[bytes, int]] = {}
        for name in names:
            with suppress(OSError):  # it is not there
                path = out / name
                self._texts[path] = read_plain(path), stat.S_IMODE(path.stat().st_mode)
        link = out / RESULTS_LINK
        self._results = link.readlink() if link.is_symlink() else None

    def put_back(self, session: SessionPaths) -> None:
        """Put files and link back, and remove `session`, for which they were replaced. Raises WorkspaceError."""
        with workspace_lock(self._out):
            path = link = self._out / RESULTS_LINK
            try:
                for path, (text, mode) in self._texts.items():
                    if read_plain(path) != text:
                        write_atomic(path, text)
                        path.chmod(mode)
                if self._results is not None:
                    path = link.with_name(f".{link.name}.new")
                    path.unlink(missing_ok=True)
                    path.symlink_to(self._results)
                    os.replace(path, link)  # noqa: PTH105 - as one step
                remove_session(session)
            except OSError as error:
                raise not_writable(path, error) from error
