"""What batches wait for, shown where Snakemake's user looks: their runners' own words go into log files."""

import sys
import threading
import time
from collections.abc import Callable, Iterable

from canary_wf.errors import CanaryWfError
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.waiting import read_waiting

SECONDS = 2.0
"""Between two looks; more where a look takes long."""

_SHARE = 50
"""Looking takes at most this part of the time."""

_MOST = 64
"""Batches that are looked at each time; more than that do not run on one machine at once."""

_PLUGIN = "snakemake_logger_plugin_canary.submissions"
"""What our logger plugin of Snakemake imports once it hears something; it shows the same then."""


def tell_of_waiting(paths: SessionPaths) -> None:
    """Write to standard error what batches of the session wait for, for as long as this process lives.

    Where the logger plugin is in use, that does it.
    """
    if _PLUGIN not in sys.modules:
        WaitingNotices(lambda: _waiting(paths), lambda line: sys.stderr.write(f"{line}\n")).start()


def _waiting(paths: SessionPaths) -> list[tuple[SessionPaths, str]]:
    found = (paths.folder / "batches").glob(f"*/{paths.batch('').waiting.name}")
    return [(paths, path.parent.name) for path in found]


class WaitingNotices:
    """Writes a line when a batch begins to wait, or waits for somebody else; a thread of its own from `start` on."""

    def __init__(
        self, running: Callable[[], Iterable[tuple[SessionPaths, str]]], write: Callable[[str], object]
    ) -> None:
        self._running = running
        self._write = write
        self._began = time.time()
        self._told: dict[str, str] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look; doing so again does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="canary-wf waiting", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        pause = SECONDS
        while not self._over.wait(pause):
            began = time.monotonic()
            self.look()
            pause = max(SECONDS, (time.monotonic() - began) * _SHARE)

    def look(self) -> None:
        """Write a line for each batch that waits for something new."""
        try:
            running = list(self._running())[:_MOST]
        except OSError:
            return  # where nobody may look, there is nothing to show
        for paths, batch in running:
            try:
                waiting = read_waiting(paths.batch(batch).waiting)
            except (CanaryWfError, OSError):
                continue  # a file in the middle of a change; the next look sees it whole
            # What an earlier runner left when it was killed is nothing that anybody waits for.
            if waiting is None or waiting.since < self._began - SECONDS or self._told.get(batch) == waiting.what:
                continue
            self._told[batch] = waiting.what
            self._write(f"canary-wf: batch {batch} is {waiting}")
