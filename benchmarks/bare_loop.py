"""The least that a runner in Python can do for a job: a measure for `benchmarks/overhead.py`, not a runner.

It makes a folder, writes three lines of a journal and one state file, starts the process with its output going to a
file, waits by pidfd, kills what is left of the group, and prints a line. It checks nothing, and survives nothing.

    python benchmarks/bare_loop.py FOLDER JOBS WORKERS COMMAND…
"""

import os
import select
import signal
import sys
import time
from typing import Any

import msgspec

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
STATE = {"id": "0" * 20, "name": "j", "spec": {"text": "x" * 700}}
"""About as long as what canary-wf says of such a job."""

Started = tuple[int, str, float]


class Loop:
    """Runs the same command again and again in folders below `top`."""

    def __init__(self, top: str, command: list[str]) -> None:
        self.top = top
        self.command = command
        self.encode = msgspec.json.Encoder().encode
        self.journal = os.open(f"{top}/journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self.nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.poll = select.epoll()
        self.defaulted = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
        self.running: dict[int, Started] = {}

    def run(self, jobs: int, workers: int) -> None:
        """Run so many jobs, so many at once."""
        left = iter(range(jobs))
        for _, number in zip(range(workers), left, strict=False):
            self.start(number)
        while self.running:
            for descriptor, _ in self.poll.poll():
                self.end(descriptor)
                for number in left:
                    self.start(number)
                    break

    def start(self, number: int) -> None:
        """Start one job."""
        folder = f"{self.top}/j{number}"
        os.mkdir(folder)  # noqa: PTH102 - this is about time
        self.note({"event": "job_started", "job": number, "resources": {"cpus": [{"id": "0", "slots": 1}]}})
        os.chdir(folder)
        pid = os.posix_spawn(
            self.command[0],
            self.command,
            {**os.environ, "PWD": folder},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, self.nothing, 0),
                (os.POSIX_SPAWN_OPEN, 1, f"{folder}/out.txt", FLAGS, 0o666),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=self.defaulted,
        )
        descriptor = os.pidfd_open(pid)
        self.poll.register(descriptor, select.EPOLLIN)
        self.running[descriptor] = (pid, folder, time.monotonic())
        self.note({"event": "job_launched", "job": number, "pid": pid})

    def end(self, descriptor: int) -> None:
        """Collect the job whose process ended."""
        pid, folder, started = self.running.pop(descriptor)
        self.poll.unregister(descriptor)
        os.close(descriptor)
        os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        measured = {"duration": time.monotonic() - started, "cpu": usage.ru_utime + usage.ru_stime}
        self.note({"event": "job_finished", "job": folder, "code": status, "measurements": measured})
        beside = os.open(f"{folder}/.job.json", FLAGS, 0o666)
        os.write(beside, self.encode({**STATE, "measurements": measured}))
        os.close(beside)
        os.rename(f"{folder}/.job.json", f"{folder}/job.json")  # noqa: PTH104 - this is about time
        sys.stdout.write(f"{folder} ended with {status}\n")
        sys.stdout.flush()

    def note(self, event: dict[str, Any]) -> None:
        """Append a line to the journal."""
        os.write(self.journal, self.encode({**event, "time": time.time()}) + b"\n")


if __name__ == "__main__":
    Loop(sys.argv[1], sys.argv[4:]).run(int(sys.argv[2]), int(sys.argv[3]))
