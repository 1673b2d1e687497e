"""Running one job by itself, outside of a batch: the launcher that `canary_wf.job.Job` is given.

The batch runner has its own loop, which watches many processes at once and changes folder and signal handlers of
its process. This one may be used by any program, from any thread.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from canary_wf.api.job.job import Job
from canary_wf.api.job.running import JobTimedOut, OutputLostError
from canary_wf.api.scheduler.exit_watch import ExitWatch
from canary_wf.api.scheduler.guard import Guard
from canary_wf.process.output import OUTPUT_FLAGS, PipedOutput
from canary_wf.process.posix_spawn import GRACE, LaunchError, find_program, launch_reason
from canary_wf.process.process_identity import signal_group
from canary_wf.process.process_watch import Exit, has_ended, measure, reap
from canary_wf.run.job.launcher import argument_list, run_folder
from canary_wf.run.run_context import bindable
from canary_wf.spec.job_spec import OUTPUT_LIMIT
from canary_wf.state.job_file import OUTPUT_FILE

_PAUSE = 0.05
"""Seconds between two looks where the kernel cannot wake us."""

_LONGEST_WAIT = 3600.0
"""Seconds of one wait; `poll` counts milliseconds in 32 bits."""


class ProcessLauncher:
    """Runs a job as a process that leads its own group, so that nothing of it outlives its end or its time limit."""

    def run(self, job: Job, *, arguments: Sequence[str] = (), output: str = OUTPUT_FILE) -> int:
        """Run `job` and return its exit code, as `canary_wf.job.Launcher` says."""
        environment = dict(os.environ)
        job.set_runtime_env(environment)
        own = job.workspace.dir.absolute()
        argv = [*argument_list(job.spec, environment, own), *arguments]
        if not argv:
            raise LaunchError("has no command to run")
        place = run_folder(job.spec, str(own), own)
        with Guard() as guard:
            started = time.monotonic()
            most = job.spec.output_limit or OUTPUT_LIMIT
            piped = PipedOutput(str(own / output), most) if job.spec.ctest is not None else None
            process = _start(argv, place, environment, piped or own / output)
            try:
                guard.watch(process.pid)
                _bind(job, process.pid)
                in_time = _follow(job, process.pid, piped)
            finally:
                ended = _end(process)
                if piped is not None:
                    piped.close()
                job.measurements.update(measure(time.monotonic() - started, ended))
        if not in_time:
            raise JobTimedOut(f"ran longer than its limit of {job.total_timeout():g} s", where=f"job {job.name}")
        if piped is not None and piped.fault is not None:
            raise OutputLostError(f"its output could not be written ({piped.fault.strerror})", where=f"job {job.name}")
        return ended.code


def _bind(job: Job, pid: int) -> None:
    """Bind the process to the CPUs that the job was given, where its spec asks for that."""
    if job.spec.ctest is None or not job.spec.ctest.processor_affinity:
        return
    cpus = bindable(job.allocation.last, os.sched_getaffinity(0))
    if cpus is not None:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cpus)


def _follow(job: Job, pid: int, piped: PipedOutput | None) -> bool:
    """Wait for the end of the process, and of its output where that is `piped`.

    Returns whether they came by themselves within the job's limit.
    """
    if job.process is not None:
        job.process = job.process.launched(pid)
        job.save()
    with ExitWatch() as exits:
        seconds = job.total_timeout()
        in_time = _wait(exits, pid, seconds) if piped is None else _carry(piped, pid, seconds)
        if not in_time:
            signal_group(pid, signal.SIGTERM)
            _wait(exits, pid, GRACE)
    return in_time


def _start(
    argv: Sequence[str], folder: Path | str, environment: Mapping[str, str], output: Path | PipedOutput
) -> "subprocess.Popen[bytes]":
    try:
        program = find_program(argv[0], folder, environment)
        if isinstance(output, PipedOutput):
            process = _popen(argv, program, folder, environment, output.write_end)
        else:
            with open(os.open(output, OUTPUT_FLAGS, 0o666), "wb") as file:  # noqa: PTH123 - the flags refuse a link
                process = _popen(argv, program, folder, environment, file.fileno())
    except BaseException:  # a signal, too, must leave no pipe behind
        if isinstance(output, PipedOutput):
            output.abandon()
        raise
    if isinstance(output, PipedOutput):
        output.started()
    return process


def _popen(
    argv: Sequence[str], program: str, folder: Path | str, environment: Mapping[str, str], output: int
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv,
            executable=program,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise LaunchError(launch_reason(error, argv[0])) from error


def _carry(piped: PipedOutput, pid: int, seconds: float) -> bool:
    """Carry on what comes through the pipe; return whether pipe and process `pid` came to their end in `seconds`."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    poll.register(piped.read_end, select.POLLIN)
    open_still = True
    while (left := deadline - time.monotonic()) > 0:
        if open_still and poll.poll(min(left, _LONGEST_WAIT) * 1000):
            open_still = not piped.pump()
        if not open_still and has_ended(pid):
            return True
        if not open_still:
            time.sleep(min(_PAUSE, left))  # it closed its output and goes on
    return False


def _wait(exits: ExitWatch, pid: int, seconds: float) -> bool:
    """Return whether the child `pid` ended within `seconds`; it is not reaped yet, so its group still belongs to it."""
    deadline = time.monotonic() + seconds
    while not (ended := has_ended(pid)) and (left := deadline - time.monotonic()) > 0:
        if not exits.wait([pid], left):
            time.sleep(min(_PAUSE, left))
    return ended


def _end(process: "subprocess.Popen[bytes]") -> Exit:
    """Kill what is left of the process's group, and collect the process."""
    signal_group(process.pid, signal.SIGKILL)
    ended = reap(process.pid)
    process.returncode = ended.code  # reaped here, for what it used; Popen must not wait for it again
    return ended
