"""The kinds of faults: each lets one or two runners of a world meet one, chosen by a seeded chance.

A kind returns what it did, in words, and may add outcomes that jobs may have afterwards, or a second host.
"""

import errno
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from fault_invariants import finals, outlived
from fault_world import HEARTBEAT, World, wait_until, watchdogs
from power_loss import lose_power

from canary_wf.state.attempt import read_attempt
from canary_wf.state.journal import read_journal

CALLS_OF_A_RUN = 32
CALLS_OF_A_JOB = 9
"""About as many calls as a runner makes for itself, and for each job; a number beyond the last one strikes nothing."""

LONGEST_DELAY = 0.6
"""Seconds within which most runs of a world are over."""


@dataclass
class Meeting:
    """One world and what its faults led to; `missed` are those that came to nothing, as the runner had ended before."""

    world: World
    chance: random.Random
    allowed: set[str] = field(default_factory=lambda: {"SUCCESS"})
    hosts: int = 1
    powerless: bool = False
    derived: bool = True
    problems: list[str] = field(default_factory=list)
    missed: int = 0

    def point(self) -> str:
        """Return the number of the call at which something happens."""
        left = len(self.world.plan.jobs) - len(finals(self.world))
        return str(self.chance.randint(1, CALLS_OF_A_RUN + CALLS_OF_A_JOB * left))

    def run(self, faults: dict[str, str]) -> int:
        """Run a runner with `faults`, and return its exit code."""
        code = self.world.run(faults)
        if not code and self.world.last_call() < int(faults["AT"]):
            self.missed += 1
        return code

    def moment(self) -> float:
        """Return seconds after the start at which something happens."""
        return self.chance.uniform(0, LONGEST_DELAY)


def kill_at_a_call(meeting: Meeting) -> str:
    """SIGKILL before, in or after a call; the watchdog is left to do its work."""
    faults = {"AT": meeting.point(), "ACTION": meeting.chance.choice(["before", "after", "torn"])}
    code = meeting.run(faults)
    meeting.problems += outlived(meeting.world)
    return f"kill {faults}: {code}"


def kill_all_at_a_call(meeting: Meeting) -> str:
    """SIGKILL of the runner and its watchdog at once: the next runner has to clean up."""
    faults = {"AT": meeting.point(), "ACTION": meeting.chance.choice(["before", "after", "torn"]), "ALL": "1"}
    return f"kill with watchdog {faults}: {meeting.run(faults)}"


def kill_at_a_moment(meeting: Meeting) -> str:
    """SIGKILL from outside, at any instant, with the watchdog, without it, or of the watchdog alone."""
    runner = meeting.world.start()
    delay, whom = meeting.moment(), meeting.chance.choice(["runner", "both", "watchdog"])
    with suppress(subprocess.TimeoutExpired):
        runner.wait(delay)
    dogs = watchdogs(runner.pid) if whom != "runner" and runner.poll() is None else []
    for pid in [*dogs, *([runner.pid] if whom != "watchdog" else [])]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    code = runner.wait(120)
    if whom == "runner":
        meeting.problems += outlived(meeting.world)
    return f"kill {whom} after {delay:.3f} s: {code}"


def kill_a_job(meeting: Meeting) -> str:
    """SIGKILL of a job's process is a verdict on that job, and on no other."""
    runner = meeting.world.start()
    wait_until(lambda: bool(meeting.world.running()) or runner.poll() is not None)
    running = meeting.world.running()
    for pid in running[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    meeting.allowed |= {"FAILED", "BLOCKED"} if running else set()
    return f"kill jobs {running[:1]}: {runner.wait(120)}"


def failing_calls(meeting: Meeting) -> str:
    """Fail as on a full or broken disk, or in a read-only folder, for one call, for some, or from then on."""
    number = meeting.chance.choice([errno.ENOSPC, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
    faults = {
        "AT": meeting.point(),
        "ACTION": meeting.chance.choice(["error", "short"]),
        "ERRNO": str(number),
        "FOR": str(meeting.chance.choice([0, 0, 1, 5])),
    }
    code = meeting.run(faults)
    meeting.problems += outlived(meeting.world)
    return f"{errno.errorcode[number]} {faults}: {code}"


def freeze_and_take_over(meeting: Meeting) -> str:
    """Freeze a runner, and let a second one on the same host take the batch."""
    return _freeze(meeting, {})


def freeze_and_take_over_elsewhere(meeting: Meeting) -> str:
    """Freeze a runner, let another host take the batch, and wake it: it has to write nothing that counts."""
    meeting.hosts = 2
    return _freeze(meeting, {"HOST": "elsewhere"})


def _freeze(meeting: Meeting, second: dict[str, str]) -> str:
    faults = {"AT": meeting.point(), "ACTION": meeting.chance.choice(["stop", "stopped"])}
    frozen = meeting.world.start(faults)
    wait_until(lambda: frozen.poll() is not None or is_stopped(frozen.pid))
    meeting.missed += frozen.poll() is not None
    holds = _holds_the_batch(meeting.world, frozen.pid)
    time.sleep(meeting.chance.choice([0, 1.5 * HEARTBEAT]))
    code = meeting.world.run(second)
    # On one host who held the batch was ended; who did not hold it yet, or any more, is nobody's business.
    if frozen.poll() is None and (second or not holds):
        os.kill(frozen.pid, signal.SIGCONT)
    return f"freeze {faults}, second {second}: {frozen.wait(120)} and {code}"


def _holds_the_batch(world: World, pid: int) -> bool:
    attempt = read_attempt(world.files.attempt)
    return attempt is not None and attempt.pid == pid and not attempt.ended


def is_stopped(pid: int) -> bool:
    """Return whether the process `pid` was stopped by a signal."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - a file of the kernel
            return file.read().rpartition(b")")[2].split()[0] == b"T"
    except OSError:
        return False


def two_runners(meeting: Meeting) -> str:
    """Start a second runner on the same host while the first one works."""
    return _two(meeting, {})


def two_runners_on_two_hosts(meeting: Meeting) -> str:
    """Start a second runner elsewhere while the first one works."""
    meeting.hosts = 2
    return _two(meeting, {"HOST": "elsewhere"})


def _two(meeting: Meeting, second: dict[str, str]) -> str:
    first = meeting.world.start()
    delay = meeting.moment()
    time.sleep(delay)
    other = meeting.world.start(second)
    killed = meeting.chance.random() < 0.3
    if killed:
        time.sleep(meeting.moment() / 2)
        other.kill()
    return f"two, second {second} after {delay:.3f} s, killed {killed}: {first.wait(120)} and {other.wait(120)}"


def stopping_signal(meeting: Meeting) -> str:
    """Send a signal that ends jobs in order, at any instant; a second SIGINT cancels for good."""
    number = meeting.chance.choice([signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
    runner = meeting.world.start()
    delay = meeting.moment()
    with suppress(subprocess.TimeoutExpired):
        runner.wait(delay)
    times = meeting.chance.choice([1, 1, 2])
    for _ in range(times):
        runner.send_signal(number)
        time.sleep(0.02)
    if times == 2 and number == signal.SIGINT:
        meeting.allowed |= {"CANCELLED", "BLOCKED"}
    code = runner.wait(120)
    # Before the interpreter runs any code of ours, the system's way of ending is the only one.
    early = code == 1 and any(text in meeting.world.log() for text in ("Could not import runpy", "init_import_site"))
    if code not in {0, 128 + number, -number} and not early:
        meeting.problems.append(f"{number.name} made the exit code {code}")
    meeting.problems += outlived(meeting.world)
    return f"{times} times {number.name} after {delay:.3f} s: {code}"


def clock_jump(meeting: Meeting) -> str:
    """Let the wall clock jump forwards or backwards at a call."""
    seconds = meeting.chance.choice([-86400, -3600, -20, 20, 3600, 86400])
    faults = {"AT": meeting.point(), "ACTION": "clock", "SECONDS": str(seconds)}
    code = meeting.run(faults)
    if code:
        meeting.problems.append(f"a clock that jumps made the exit code {code}")
    return f"clock {faults}: {code}"


def power_loss(meeting: Meeting) -> str:
    """Cut the power at a call: of what was not on the disk by then, any part may be lost."""
    faults = {"AT": meeting.point(), "ACTION": "after", "ALL": "1"}
    code = meeting.run(faults)
    for pid in meeting.world.running():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    told, problems = lose_power(meeting.world, meeting.chance)
    meeting.problems += [*problems, *outlived(meeting.world)]
    meeting.powerless = True
    meeting.derived = meeting.derived and read_journal(meeting.world.files.journal).is_open
    return f"power loss {faults}: {code}, {told}"


Kind = Callable[[Meeting], str]

KINDS: dict[Kind, int] = {
    kill_at_a_call: 6,
    kill_all_at_a_call: 4,
    kill_at_a_moment: 3,
    kill_a_job: 1,
    failing_calls: 6,
    freeze_and_take_over: 2,
    freeze_and_take_over_elsewhere: 3,
    two_runners: 2,
    two_runners_on_two_hosts: 1,
    stopping_signal: 3,
    clock_jump: 1,
    power_loss: 4,
}
"""Every kind and how often it is taken, in proportion."""
