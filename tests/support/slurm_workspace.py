"""A workspace on the test cluster."""

import json
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slurm_cluster import SlurmCluster
from workspace import BIN, Workspace

PLUGINS = Path(__file__).parents[1] / "slurm" / "plugins"

_FASTER = {
    "latency-wait: 60": "latency-wait: 5",
    "status-checks: 40": "status-checks: 1",
    "status-checks: 10": "status-checks: 1",
}


class SlurmWorkspace(Workspace):
    """A workspace whose commands see the cluster, with profiles made fast for tests.

    The profile `fastslurm` is `slurm` with an executor whose pauses between two status queries do not grow. `options`
    are those of `--slurm`.
    """

    def __init__(self, folder: Path, cluster: SlurmCluster) -> None:
        super().__init__(folder)
        self.cluster = cluster
        self.options = "account=lab"
        self.environment |= cluster.environment
        self.environment["PATH"] = f"{BIN}{os.pathsep}{self.environment['PATH']}"

    def generate_for_slurm(self, *arguments: str) -> None:
        """Generate for the cluster, with `options`, and let the profiles wait less."""
        self.generate(*arguments, "--slurm", self.options, scheduler="auto")
        for profile in ("slurm", "slurm-sbatch"):
            path = self.out / profile / "config.yaml"
            text = path.read_text()
            for slow, fast in _FASTER.items():
                text = text.replace(slow, fast)
            path.write_text(text)
        text = re.sub(r"^slurm-", "fastslurm-", (self.out / "slurm" / "config.yaml").read_text(), flags=re.MULTILINE)
        text = text.replace("executor: slurm", "executor: fastslurm\nseconds-between-status-checks: 1")
        (self.out / "fastslurm").mkdir()
        (self.out / "fastslurm" / "config.yaml").write_text(text)
        self.environment["PYTHONPATH"] = str(PLUGINS)
        self.environment["CANARY_WF_QUEUE_SECONDS"] = "1"
        self.environment["CANARY_WF_HEARTBEAT"] = "1"

    @contextmanager
    def running(self, profile: str, *arguments: str, cwd: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
        """Run the workflow, or the one in `cwd`, in the background, in a session of its own; its output is in `log`."""
        command = self.snakemake_command(profile, *arguments)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command, cwd=cwd or self.out, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
            process.wait(240)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @property
    def log(self) -> Path:
        """What the run in the background printed."""
        return self.tree.parent / "snakemake.log"

    def wait_until(self, done: Callable[[], object], seconds: float = 120) -> None:
        """Wait until `done` says something true; fails with the run's output when it does not in `seconds`.

        What is dear to ask, such as `status`, is asked more seldom, so that it does not hold up what it waits for.
        """
        end = time.monotonic() + seconds
        asked = time.monotonic()
        while not done():
            now = time.monotonic()
            assert now < end, self.log.read_text() if self.log.exists() else "nothing was run"
            time.sleep(max(0.2, 2 * (now - asked)))
            asked = time.monotonic()

    def journal(self, batch: str = "*") -> list[dict[str, Any]]:
        """Return the events of the newest session's journals, each journal's in order."""
        paths = sorted(self.out.glob(f".canary-wf/sessions/*/batches/{batch}/journal.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    def launched(self) -> int:
        """Return how many times a job's process was started."""
        return sum(event["event"] == "job_launched" for event in self.journal())

    def passed(self) -> int:
        """Return how many jobs passed for good: the verdict is recorded a moment after the end, if no signal came."""
        return sum(event.get("outcome") == "SUCCESS" for event in self.journal())

    def own_partition(self, **settings: str) -> str:
        """Make a partition with `settings` for this workspace, of nodes that others use too; return its name."""
        name = f"own{uuid.uuid4().hex[:8]}"
        words = [f"{key}={value}" for key, value in settings.items()]
        done = self.run("scontrol", "create", f"PartitionName={name}", "Nodes=n[1-4]", *words)
        assert done.returncode == 0, done.stderr
        self.options += f",partition={name}"
        return name

    def job(self, name: str) -> dict[str, Any]:
        """Return what `status --json` says of the job called `name`."""
        found: dict[str, Any] = next(job for job in self.status()["jobs"] if job["name"] == name)
        return found

    def stand_in(self, name: str, script: str) -> None:
        """Put a program of this name in front of the real one."""
        folder = self.tree.parent / "bin"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        if not self.environment["PATH"].startswith(str(folder)):
            self.environment["PATH"] = f"{folder}{os.pathsep}{self.environment['PATH']}"
