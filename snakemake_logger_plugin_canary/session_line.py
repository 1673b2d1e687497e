"""The line at the foot of a terminal: how many jobs passed, failed, run and are left, and when all may be over."""

import threading
import time
from typing import TextIO

from canary_wf.errors import CanaryWfError
from canary_wf.live_line import LiveLine
from canary_wf.report.live.progress import RunProgress
from canary_wf.state.session_paths import SessionPaths

SECONDS = 1.0
"""Between two looks at the state files; more where a look takes long."""

_SHARE = 20
"""Looking takes at most this part of the time."""


class SessionLine:
    """Draws on `stream`, a terminal, in a thread of its own once it knows what to follow."""

    def __init__(self, stream: TextIO) -> None:
        self._line = LiveLine(stream, every=0.0)  # `_watch` sets the pace
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, session: SessionPaths) -> None:
        """Show the progress of `session` from now on; the first one counts."""
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
        """Draw a last time, and leave the line there."""
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
            return  # a state file in the middle of a change; the next look sees it whole
        with self._lock:
            self._line.show(lambda: text)
