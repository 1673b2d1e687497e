"""What batches wait for, shown in Snakemake's terminal; the runners themselves only write to log files.

It also shows why Slurm takes no batch, because the executor hides what its `sbatch` prints.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.waiting import SUBMISSION, read_waiting

SECONDS = 2.0
"""Seconds between two checks; more if a check takes long."""

_SHARE = 50
"""A check takes at most this fraction of the time (its reciprocal)."""

_MOST = 64
"""Number of batches in each check; no more run on one machine at once."""

_PLUGIN = "snakemake_logger_plugin_canary.submissions"
"""A module that Snakemake's logger plugin of this package imports; the plugin then shows the same notices."""


def show_waiting_batches(paths: SessionPaths) -> None:
    """Write to standard error what batches of the session wait for, as long as this process lives.

    Does nothing if the logger plugin is in use, which does the same.
    """
    if _PLUGIN not in sys.modules:
        WaitingNotices(lambda: _waiting(paths), lambda line: sys.stderr.write(f"{line}\n")).start()


def _waiting(paths: SessionPaths) -> list[tuple[SessionPaths, str]]:
    return [(paths, batch) for batch in paths.batches() if paths.batch(batch).waiting.exists()]


class WaitingNotices:
    """Writes a line when a batch starts to wait, or waits for another holder; runs in a thread from `start` on."""

    def __init__(
        self, running: Callable[[], Iterable[tuple[SessionPaths, str]]], write: Callable[[str], object]
    ) -> None:
        self._running = running
        self._write = write
        self._began = time.time()
        self._shown: dict[str, str] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the checks; calling it again has no effect."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="canary-wf waiting", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the user may start no further thread
                self._thread = None

    def close(self) -> None:
        """Stop the checks."""
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
            return  # no permission to read, so nothing to show
        for paths, batch in running:
            self._check(f"batch {batch}", paths.batch(batch).waiting)
        self._check("the next batch", SUBMISSION)

    def _check(self, who: str, file: Path) -> None:
        try:
            waiting = read_waiting(file)
        except (CanaryWfError, OSError):
            return  # the file is being changed; the next check reads it whole
        # The file of a runner that was killed earlier does not mean that a batch waits.
        if waiting is None or waiting.since < self._began - SECONDS or self._shown.get(who) == waiting.what:
            return
        self._shown[who] = waiting.what
        self._write(f"canary-wf: {who} is {waiting}")
