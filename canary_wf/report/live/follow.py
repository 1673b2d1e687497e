"""Follows a run until it is over: on a terminal in place, elsewhere as lines.

It only reads; whoever runs the batches does so in other processes. Looking takes a twentieth of a core at most, and a
fifth of the time where a file system is slow: the larger the session, the longer the pause between two looks, up to ten
seconds.
"""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from canary_wf.errors import CanaryWfError
from canary_wf.report.live.snapshot import Snapshot, Snapshots
from canary_wf.report.live.views.ci_group import Group, in_ci
from canary_wf.report.live.views.log_lines import LogView
from canary_wf.report.live.views.terminal import TerminalView
from canary_wf.report.session import SessionState, is_being_run, load_session
from canary_wf.state.session_paths import SessionPaths

PAUSE = 0.5
_SHARE = 20
"""Seconds of pause for each second of computing."""
_WAITING_SHARE = 4
"""Seconds of pause for each second that a look takes, most of which may be waiting for a file server."""
_LONGEST_PAUSE = 10.0
_GLANCE = 0.1
"""Seconds between two checks whether the terminal has another size."""
_LOOK = 1.0
_PATIENCE = 3
"""Looks without a live runner after which a run that had begun is over: Snakemake pauses between batches."""
_GONE = frozenset({errno.EPIPE, errno.EIO})
"""What writing ends with when the reader of a pipe has gone, or the terminal."""
_NO_CURSOR = frozenset({"", "dumb", "unknown"})

Wait = Callable[[float], bool]
"""Waits for the end of a run, at most for the given seconds; returns whether it has come."""


def follow_run(
    paths: SessionPaths, wait: Wait, file: TextIO | None = None, *, note: Callable[[], str] = lambda: ""
) -> None:
    """Show the session of `paths` on `file` (None: standard output) until `wait` says that its run is over.

    `note` returns a line about the run as a whole, such as that it is being paused, else "". Jobs that had failed
    before are not reported again. Raises WorkspaceError when there is no readable plan.
    """
    snapshots = Snapshots(paths)
    with contextlib.suppress(CanaryWfError, OSError):
        snapshots.look()
    snapshots.forget()
    _follow(snapshots, wait, sys.stdout if file is None else file, note)


def watch(paths: SessionPaths, file: TextIO | None = None) -> SessionState:
    """Show the session of `paths`, which others run, until nothing of it runs any more; return its last state.

    Raises WorkspaceError when there is no readable plan.
    """
    snapshots = Snapshots(paths)
    end = _End(snapshots)
    with contextlib.suppress(CanaryWfError, OSError):
        snapshots.look()
    if not end.is_live():  # whoever asks prints how it ended
        snapshots.forget()
    _follow(snapshots, end.wait, sys.stdout if file is None else file, end.note)
    return load_session(paths)


class _End:
    """Tells when a run is over that other processes keep going."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._run = snapshots.run
        self._next = 0.0
        self._idle = 0

    def wait(self, seconds: float) -> bool:
        """Return whether the run is over: at once, or after `seconds`."""
        if self._is_over():
            return True
        time.sleep(seconds)
        return False

    def is_live(self) -> bool:
        """Return whether somebody runs it, or may do so."""
        return is_being_run(self._run.paths.out) or any(batch.alive for batch in self._run.batches)

    def note(self) -> str:
        """Return that nothing runs, while this is so and there is work left."""
        return "Nothing runs." if self._idle and not self._is_done else ""

    @property
    def _is_done(self) -> bool:
        return self._run.done == len(self._run.plan.jobs)

    def _is_over(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _LOOK
        is_live = self.is_live()
        self._idle = 0 if is_live else self._idle + 1
        return not is_live and (self._is_done or (self._run.begun and self._idle >= _PATIENCE))


def _follow(snapshots: Snapshots, wait: Wait, file: TextIO, note: Callable[[], str]) -> None:
    view = _view_for(file)
    try:
        snapshot, pause, is_over = None, 0.0, False
        while not is_over:
            is_over = _pause(view, snapshot, wait, note, pause)
            began = time.monotonic(), time.thread_time()  # on a busy machine, others use the time that goes by
            with contextlib.suppress(CanaryWfError, OSError):  # being changed; the next look reads it
                snapshot = snapshots.take()
            if snapshot is not None:
                view.show(snapshot, note())
            pause = _pause_after(time.monotonic() - began[0], time.thread_time() - began[1])
    except OSError as error:
        if error.errno not in _GONE:
            raise
        while not wait(PAUSE):  # nobody reads any more; the run goes on
            pass
    finally:
        with contextlib.suppress(OSError):
            view.close()


def _pause_after(seconds: float, computing: float) -> float:
    """Return the seconds until the next look, after one that took `seconds` and `computing` seconds of CPU time."""
    return min(max(PAUSE, _SHARE * computing, _WAITING_SHARE * seconds), _LONGEST_PAUSE)


def _pause(
    view: LogView | TerminalView, snapshot: Snapshot | None, wait: Wait, note: Callable[[], str], seconds: float
) -> bool:
    """Wait for `seconds`, or until the run is over; return whether it is. Meanwhile show `snapshot` in a new size."""
    until = time.monotonic() + seconds
    shown = note()
    while (left := until - time.monotonic()) > 0:
        if wait(min(left, _GLANCE)):
            return True
        if snapshot is not None and (view.was_resized or note() != shown):
            shown = note()
            view.show(snapshot.without_news(), shown)
    return False


def _view_for(file: TextIO) -> LogView | TerminalView:
    if in_ci():
        return LogView(file, Group())
    if file.isatty() and os.environ.get("TERM", "") not in _NO_CURSOR:
        return TerminalView(file)
    return LogView(file)
