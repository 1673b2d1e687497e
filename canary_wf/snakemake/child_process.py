"""Snakemake as a child process of `canary-wf run`: started early, interrupted in order, never left behind.

The child leads a session of its own, so that a Ctrl-C of the terminal reaches only this program, which passes it on to
Snakemake and the runners together, as the terminal would. If this program dies, the child notices and pauses the run.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from canary_wf.process.process_identity import signal_group
from canary_wf.process.signals import is_main_thread
from canary_wf.snakemake.caller_environment import RUN

COMMAND = (sys.executable, "-P", "-m", "canary_wf.snakemake.warm_start")
"""Loads the Snakemake of this Python installation, and waits for a request."""

_PATIENCE = 10.0
"""Seconds for processes to end that were killed."""

_LOOK = 0.02


class SnakemakeProcess:
    """A child that loads Snakemake, and runs it from `start` on; a context manager that ends what is left of it.

    Its `token` is in the environment of all that it starts, so that runners know to which run they belong.
    """

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        environment = {**os.environ, RUN: self.token}
        self._process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, bufsize=0, start_new_session=True, close_fds=True, env=environment
        )
        self._started = False
        try:
            self._end = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):  # an old kernel, or one that does not let this process have one
            self._end = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            signal_group(self._process.pid, signal.SIGINT if self._started else signal.SIGKILL)
            if not self.wait(_PATIENCE):
                self.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        if self._end >= 0:
            os.close(self._end)

    def start(self, arguments: Sequence[str], folder: Path, text: Path | None) -> None:
        """Run Snakemake with `arguments` in `folder`; its output goes to the end of the file `text`, or is shown."""
        request = {"arguments": list(arguments), "folder": str(folder), "text": None if text is None else str(text)}
        assert self._process.stdin is not None
        self._started = True
        try:
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        except BrokenPipeError:  # it has ended, and said why
            self._process.wait()

    @property
    def code(self) -> int | None:
        """Snakemake's exit code, None while it runs; negative if a signal ended it."""
        return self._process.poll()

    def wait(self, seconds: float) -> bool:
        """Wait until Snakemake has ended, for `seconds` at most; return whether it has."""
        until = time.monotonic() + seconds
        while self.code is None and (left := until - time.monotonic()) > 0:
            if self._end >= 0:
                select.select([self._end], [], [], left)
            else:
                time.sleep(min(left, _LOOK))
        return self.code is not None

    def interrupt(self) -> None:
        """Send SIGINT to Snakemake and the runners that it started here, as a terminal does for Ctrl-C."""
        if self.code is None:
            signal_group(self._process.pid, signal.SIGINT)

    def end_runners(self) -> None:
        """End the runners that a killed Snakemake has left, in order: their jobs run again next time."""
        for number in (signal.SIGINT, signal.SIGKILL):
            until = time.monotonic() + _PATIENCE
            is_left = signal_group(self._process.pid, number)
            while is_left and time.monotonic() < until:
                time.sleep(_LOOK)
                is_left = signal_group(self._process.pid, signal.SIGCONT)  # only asks, as they run
            if not is_left:
                return

    def kill(self) -> None:
        """Kill Snakemake and its runners; the watchdogs of the runners end the jobs."""
        signal_group(self._process.pid, signal.SIGKILL)


class Pause:
    """Passes signals on to Snakemake while it runs: the first one pauses the run, the second one cancels its jobs.

    A third one kills what still runs. A context manager; `number` is the first signal, or None. Signals that this
    program was started to ignore (by nohup, say) stay ignored.
    """

    def __init__(self, child: SnakemakeProcess) -> None:
        self._child = child
        self._before: dict[signal.Signals, signal.Handlers | object] = {}
        self.number: signal.Signals | None = None
        self.count = 0

    def __enter__(self) -> Self:
        if is_main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if (before := signal.getsignal(number)) is not signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # what getsignal returned

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self.number = self.number or signal.Signals(number)
        if self.count <= 2:  # noqa: PLR2004 - what each of them means stands above
            self._child.interrupt()
        else:
            self._child.kill()
