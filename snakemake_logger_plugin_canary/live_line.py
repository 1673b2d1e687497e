"""The line at the foot of a terminal: how many jobs passed, failed, run and are left, and when all may be over."""

import shutil
import threading
import time
from typing import TextIO

from canary_wf.errors import CanaryWfError
from canary_wf.report.live.progress import RunProgress
from canary_wf.state.session_paths import SessionPaths

SECONDS = 1.0
"""Between two looks at the state files; more where a look takes long."""

_SHARE = 20
"""Looking takes at most this part of the time."""


class LiveLine:
    """Draws on `stream`, a terminal, in a thread of its own once it knows what to follow."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = ""

    def follow(self, session: SessionPaths) -> None:
        """Show the progress of `session` from now on; the first one counts."""
        if self._thread is None:
            self._progress = RunProgress(session)
            self._thread = threading.Thread(target=self._watch, name="canary-wf progress", daemon=True)
            self._thread.start()

    def write(self, text: str) -> None:
        """Write `text` above the line."""
        if not text:
            return
        with self._lock:
            self._stream.write(f"{self._erase()}{text}\n{self._shown}")
            self._stream.flush()

    def close(self) -> None:
        """Draw a last time, and leave the line there."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._draw()
            self._thread = None
            with self._lock:
                self._stream.write("\n" if self._shown else "")
                self._stream.flush()
                self._shown = ""

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
            before = self._erase()
            self._shown = text[: shutil.get_terminal_size().columns - 1]
            self._stream.write(before + self._shown)
            self._stream.flush()

    def _erase(self) -> str:
        return "\r\x1b[K" if self._shown else ""
