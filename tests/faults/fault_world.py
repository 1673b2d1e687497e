"""One batch of real jobs, with real runners that faults are injected into, and what is seen of them from outside.

Everything that a runner writes lies below `root` (OUT and the leases), so that a fault can strike any of it. What the
jobs tell of themselves lies beside it.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from factories import plan_of, spec

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.process.process_identity import start_ticks
from canary_wf.spec.job_spec import JobSpec

HERE = Path(__file__).parent
CPUS = 3
HEARTBEAT = 0.3
"""Seconds; short, so that waiting for runners on other hosts does not take long."""

PATIENCE = 120.0
"""Seconds that anything may take on a busy machine; only what hangs takes longer."""

MOMENT = 20.0
"""Seconds within which the jobs of a killed runner have to be gone, on a busy machine too."""


class Tools(NamedTuple):
    """The two programs of this suite that are written in C."""

    shim: Path
    tracer: Path


@cache
def tools() -> Tools:
    """Build both, once for each version of their sources; several processes may do so at the same time."""
    sources = (HERE / "shim.c", HERE / "tracer.c")
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    folder = HERE.parents[1] / "build" / "faults" / digest
    folder.mkdir(parents=True, exist_ok=True)
    found = Tools(folder / "shim.so", folder / "tracer")
    _build(found.shim, "-shared", "-fPIC", sources[0], "-ldl")
    _build(found.tracer, sources[1])
    return found


def _build(program: Path, *arguments: str | Path) -> None:
    if not program.exists():
        beside = program.with_name(f"{program.name}.{os.getpid()}")
        subprocess.run(["gcc", "-O1", "-o", beside, *arguments], check=True)
        beside.replace(program)


class Trace(NamedTuple):
    """One thing that a job told: `what` is start, stop or overlap; `time` is monotonic, in ns."""

    what: str
    job: str
    pid: int
    time: int


def wait_until(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Return whether `condition` came true within `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


class World:
    """A planned batch in a folder of its own."""

    def __init__(self, folder: Path, programs: Tools, jobs: Sequence[JobSpec], root: Path | None = None) -> None:
        self.programs = programs
        self.root = root or folder / "world"
        self.out = self.root / "out"
        self.leases = self.root / "leases"
        self.beside = folder / "beside"
        self.calls = self.beside / "calls"
        self.out.mkdir(parents=True)
        self.beside.mkdir(parents=True)
        self.plan: Plan = plan_of(list(jobs), cpus=CPUS)
        self.paths = write_session(self.plan, self.out)
        self.batch = self.plan.batches[0].id
        self.files = self.paths.batch(self.batch)
        self.files.folder.mkdir(parents=True, exist_ok=True)
        self.names = {job.id: job.name for job in self.plan.jobs}
        self.started: list[subprocess.Popen[bytes]] = []

    def command(self) -> list[str]:
        """Return the command line of a runner."""
        return [sys.executable, "-P", "-m", "canary_wf", "run-batch", self.batch, "--plan", str(self.paths.plan)]

    def start(self, faults: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start a runner with `faults`, as `shim.c` names them without their prefix."""
        leases = self.leases if not (faults or {}).get("HOST") else self.leases.with_name("leases-elsewhere")
        environment = {**os.environ, "CANARY_WF_LEASE_DIR": str(leases), "CANARY_WF_HEARTBEAT": str(HEARTBEAT)}
        environment |= {f"FAULTS_{name}": value for name, value in (faults or {}).items()}
        environment |= {"FAULTS_ROOT": str(self.root), "FAULTS_LOG": str(self.calls)}
        environment["LD_PRELOAD"] = str(self.programs.shim)
        with self.files.log.open("ab") as log:
            runner = subprocess.Popen(
                self.command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(runner)
        return runner

    def run(self, faults: Mapping[str, str] | None = None) -> int:
        """Run a runner to its end and return its exit code (killed by signal N: -N)."""
        return self.start(faults).wait(PATIENCE)

    def last_call(self) -> int:
        """Return how many calls the last runner made."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return int(lines[-1].split("\t")[0]) if lines else 0

    def log(self) -> str:
        """Return what all runners said."""
        return self.files.log.read_text(errors="replace") if self.files.log.exists() else ""

    def trace(self) -> list[Trace]:
        """Return what the jobs told, in order."""
        path = self.beside / "trace"
        lines = path.read_text().splitlines() if path.exists() else []
        fields = [line.split() for line in lines]
        return [Trace(what, job, int(pid), int(when)) for what, job, pid, when in fields]

    def running(self) -> list[int]:
        """Return the processes of jobs that run now."""
        started = {line.pid for line in self.trace() if line.what == "start"}
        return [pid for pid in started if self._is_tracer(pid)]

    def _is_tracer(self, pid: int) -> bool:
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return False
        return name == self.programs.tracer.name and start_ticks(pid) > 0

    def end_all(self) -> None:
        """Leave nothing of this world running, whatever went wrong in it."""
        for runner in self.started:
            if runner.poll() is None:
                runner.kill()
                runner.wait()
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)


def watchdogs(runner: int) -> list[int]:
    """Return the watchdog of `runner`, its first child; later ones may be jobs that are just being started."""
    try:
        children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
        own = Path(f"/proc/{runner}/exe").readlink()
        return [int(child) for child in children[:1] if Path(f"/proc/{child}/exe").readlink() == own]
    except OSError:
        return []


def random_jobs(chance: random.Random, tracer: Path, beside: Path) -> list[JobSpec]:
    """Return jobs of a few milliseconds, some behind others, one leaving a child behind, at times a stubborn one."""
    jobs: list[JobSpec] = []
    for number in range(chance.randint(4, 8)):
        mode = "leave" if number == 1 else "stubborn" if chance.random() < 0.03 else ""
        needs = [f"j{other}" for other in range(number) if chance.random() < 0.15]
        command = (str(tracer), str(beside), f"j{number}", str(chance.randint(0, 80)), mode)
        jobs.append(spec(f"j{number}", *needs, command=command, cpus=chance.choice([1, 1, 1, 2])))
    return jobs
