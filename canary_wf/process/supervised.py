"""One process from start to end, in any program and any thread: nothing of it outlives its end or its time limit.

The batch runner, which has many processes at once, combines the same parts itself.
"""

import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from canary_wf.process.ending import Deadline
from canary_wf.process.output import PipedOutput
from canary_wf.process.process_identity import signal_group
from canary_wf.process.process_watch import ProcessWatch, measure, reap
from canary_wf.process.signals import Interrupts
from canary_wf.process.spawn import launch
from canary_wf.process.watchdog import GroupWatchdog


class SupervisedProcess:
    """A context manager: the process is started when it is entered, and gone with its group when it is left.

    `argv`, `folder`, `environment` and `cpus` are as `canary_wf.process.spawn.launch` takes them. Output goes straight
    to the file `output`, or with `kept` through a pipe, of which at most that many bytes are kept; then the process is
    over when all writers have closed the pipe. `pid` is there inside; afterwards `code` is how it ended (signal N: -N)
    and `measured` what it used (seconds and MiB). Raises LaunchError when the process cannot be started.
    """

    pid: int
    code: int

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path | str,
        environment: Mapping[str, str],
        output: Path | str,
        *,
        kept: float | None = None,
        cpus: frozenset[int] | None = None,
    ) -> None:
        self._argv = argv
        self._folder = folder
        self._environment = environment
        self._output = output
        self._kept = kept
        self._cpus = cpus
        self._pipe: PipedOutput | None = None
        self._stack = ExitStack()
        self.measured: dict[str, float | int] = {}

    def __enter__(self) -> Self:
        with self._stack as stack:
            watchdog = stack.enter_context(GroupWatchdog())
            started = time.monotonic()
            self._pipe = None if self._kept is None else PipedOutput(str(self._output), self._kept)
            output = self._pipe or self._output
            with Interrupts():  # Ctrl-C waits until the process is sure to be ended
                self.pid = launch(self._argv, self._folder, self._environment, output, self._cpus, keep_folder=True)
                stack.callback(self._end, started)
                watchdog.started(self.pid)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self, started: float) -> None:
        """Kill what is left of the group, and collect the process."""
        signal_group(self.pid, signal.SIGKILL)
        ended = reap(self.pid)
        self.code = ended.code
        self.measured = measure(time.monotonic() - started, ended)
        if self._pipe is not None:
            self._pipe.close()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process and of its output; return whether they came within `seconds`.

        After these the process is asked to end, and waited for until its grace is over.
        """
        deadline = Deadline(time.monotonic() + seconds)
        with ProcessWatch() as watch:
            watch.watch(self.pid, self._pipe)
            while not watch.wait(deadline.at - time.monotonic()):
                if time.monotonic() < deadline.at:
                    continue
                if deadline.asked:
                    break
                deadline.ask(partial(signal_group, self.pid))
        return not deadline.asked

    @property
    def fault(self) -> OSError | None:
        """Why what came through the pipe could not be written, None when it was."""
        return None if self._pipe is None else self._pipe.fault
