"""A workspace in which the real commands run, as a user would type them."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import snakemake_server

BIN = Path(sys.executable).parent
SNAKEMAKE = BIN / "snakemake"
EXAMPLES = Path(__file__).parents[2] / "examples"


class Workspace:
    """A tree of tests beside an OUT; every command is a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.out = folder / "out"
        self.tree.mkdir(parents=True)
        self.environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}

    def write(self, name: str, text: str) -> Path:
        """Write one file of the tree."""
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(
        self, *command: str | Path, cwd: Path | None = None, timeout: float = 300
    ) -> "subprocess.CompletedProcess[str]":
        """Run `command` and return how it ended; nothing is raised for a bad end."""
        words = [str(part) for part in command]
        forked = words[0] == str(SNAKEMAKE)
        return subprocess.run(
            [*snakemake_server.COMMAND, *words[1:]] if forked else words,
            cwd=cwd or self.tree,
            env=self.environment | snakemake_server.variables() if forked else self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def canary_wf(self, *arguments: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run one canary-wf command."""
        return self.run(BIN / "canary-wf", *arguments, cwd=cwd)

    def generate(self, *arguments: str | Path, scheduler: str = "local") -> "subprocess.CompletedProcess[str]":
        """Generate the workflow of the tree into OUT."""
        where = (self.tree, "-d", self.out, "-b", f"scheduler={scheduler}")
        done = self.canary_wf("generate", *where, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    def snakemake(self, *arguments: str | Path, profile: str = "local") -> "subprocess.CompletedProcess[str]":
        """Run the workflow in OUT."""
        return self.run(*self.snakemake_command(profile, *arguments), cwd=self.out)

    def snakemake_command(self, profile: str, *arguments: str | Path) -> list[str]:
        """Return the command line that runs a workflow."""
        return [str(SNAKEMAKE), "--profile", profile, *(str(argument) for argument in arguments)]

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        done = self.canary_wf("status", "-d", self.out, "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def outcomes(self) -> dict[str, str]:
        """Return each job's outcome by name."""
        return {job["name"]: job["outcome"] for job in self.status()["jobs"]}

    def counts(self) -> Counter[str]:
        """Return how many jobs have which outcome."""
        return Counter(self.outcomes().values())

    def copy_example(self, name: str) -> None:
        """Put one of the shipped examples into the tree."""
        shutil.copytree(EXAMPLES / name, self.tree, dirs_exist_ok=True)
