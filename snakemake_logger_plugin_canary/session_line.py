"""The line at the bottom of a terminal: how many jobs passed, failed, run and are left, and the time left."""

import threading
import time
from typing import TextIO

from canary_wf.errors import CanaryWfError
from canary_wf.live_line import LiveLine
from canary_wf.report.live.progress import RunProgress
from canary_wf.state.session_paths import SessionPaths

SECONDS = 1.0
"""Seconds between two checks of the state files; more if a check takes long."""

_SHARE = 20
"""A check takes at most this fraction of the time (its reciprocal)."""


class SessionLine:
    """Draws on `stream`, a terminal, in a thread of its own, once it has a session to follow."""

    def __init__(self, stream: TextIO) -> None:
        self._line = LiveLine(stream, every=0.0)  # `_watch` sets the pace
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, session: SessionPaths) -> None:
        """Show the progress of `session` from now on; later calls are ignored."""
        if self._thread is None:
            self._progress = RunProgress(session)
            self._thread = threading.Thread(target=self._watch, name="canary-wf progress", daemon=True)
            self._thread.start()

    def write(self, text: str) -> None:
        """Write `text` above the line."""
        if text:
            with self._lock:
                self._line.write_above(text)

    def close(self) -> None:
        """Draw the line a last time, and leave it there."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._draw()
            self._thread = None
            with self._lock:
                self._line.leave()

    def _watch(self) -> None:
        pause = SECONDS
        while not self._over.wait(pause):
            started = time.monotonic()
            self._draw()
            pause = max(SECONDS, (time.monotonic() - started) * _SHARE)

    def _draw(self) -> None:
        try:
            text = self._progress.line(time.time())
        except (CanaryWfError, OSError):
            return  # the file is being changed; the next check reads it whole
        with self._lock:
            self._line.show(lambda: text)
