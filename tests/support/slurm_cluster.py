"""A real Slurm cluster on this machine, as `tests/slurm/slurm-cluster` makes it."""

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

TOOL = Path(__file__).parents[1] / "slurm" / "slurm-cluster"
PORT = "SLURM_LAB_BASE_PORT"
PORTS = 200
"""Ports from one cluster's first to the next one's."""

_MENDED = 60.0
"""Seconds in which a node that a test broke takes jobs again."""


class SlurmCluster:
    """The cluster in `folder`, made with `settings` (variables of the tool); it is started and stopped by who has it.

    Clusters that run at once differ in their `number`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], *, number: int = 0) -> None:
        self.folder = folder
        port = int(os.environ.get(PORT, "17000")) + number * PORTS
        self._variables = {**os.environ, **settings, "SLURM_LAB_DIR": str(folder), PORT: str(port)}

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which commands find the cluster, those that jobs start included."""
        conf = self.folder / "etc" / "slurm.conf"
        return {"SLURM_CONF": str(conf), "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}

    @property
    def programs(self) -> Path:
        """The folder of Slurm's programs that ask this cluster, whatever the environment says."""
        return self.folder / "bin"

    def start(self) -> None:
        """Start all daemons and wait until the nodes take jobs."""
        self.tool("start")

    def stop(self) -> None:
        """End all jobs and daemons, also after a start that failed."""
        self.tool("stop")

    def tool(self, *arguments: str) -> None:
        """Have `slurm-cluster` do something."""
        subprocess.run([TOOL, *arguments], env=self._variables, check=True, timeout=120)

    @contextmanager
    def spare_partition(self, count: int) -> Iterator[str]:
        """Give one of `count` partitions, whose two nodes nobody else uses by then, and mend the nodes afterwards."""
        files = [self.folder / f"spare{number}.lock" for number in range(1, count + 1)]
        with _lock_one(files) as file:
            yield file.stem
            self._mend(file.stem)

    def _mend(self, partition: str) -> None:
        """Wait until the nodes of `partition` take jobs again; Slurm itself takes back a node that answers."""
        end = time.monotonic() + _MENDED
        while not set(states := self._states(partition)) <= {"idle", "mix", "alloc"}:
            assert time.monotonic() < end, f"nodes of {partition} are {states}"
            time.sleep(0.2)

    def _states(self, partition: str) -> list[str]:
        answer = subprocess.run(
            ["sinfo", "--noheader", "--partition", partition, "--format=%t"],
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
            text=True,
        )
        return answer.stdout.split()


@contextmanager
def _lock_one(files: Sequence[Path]) -> Iterator[Path]:
    """Lock the first of `files` that nobody else holds, once there is one, and give it."""
    with ExitStack() as stack:
        opened = [stack.enter_context(file.open("a")) for file in files]
        while (found := next(filter(_lock, opened), None)) is None:
            time.sleep(0.2)
        yield Path(found.name)


def _lock(file: IO[str]) -> bool:
    """Lock `file` until it is closed; return whether nobody else holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
