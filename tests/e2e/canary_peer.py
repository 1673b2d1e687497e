"""canary-wm beside canary-wf: installing it into an environment of its own, and running a tree under both."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from workspace import Workspace

VERSION = "26.10.15"
"""The release that is compared with; another one may behave differently."""

OUTCOMES = {
    -1: "NONE", 0: "SUCCESS", 10: "XDIFF", 11: "XFAIL", 64: "DIFFED", 65: "FAILED", 66: "ERROR", 67: "BROKEN",
    68: "TIMEOUT", 80: "SKIPPED", 81: "BLOCKED",
}  # fmt: skip
MANY = {"CANARY_TESTING_CPUS": "8", "CANARY_TESTING_GPUS": "8"}
"""What makes canary believe that this machine is larger than it is."""


class Found(NamedTuple):
    """What became of one job: its outcome, and the places of the jobs it depends on."""

    outcome: str
    dependencies: tuple[str, ...] = ()


class Peer:
    """An installed canary-wm."""

    def __init__(self, environment: Path) -> None:
        self.environment = environment
        self.program = environment / "bin" / "canary"

    @property
    def examples(self) -> Path:
        """The tree of example tests inside the package."""
        return next(self.environment.glob("lib/python*/site-packages/canary/docs/examples"))

    def call(self, *arguments: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run one canary command; what it ends with is not looked at."""
        cwd.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **MANY, "PYTHONWARNINGS": "ignore"}
        command = [str(part) for part in (self.program, *arguments)]
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    def run(self, tree: Path, folder: Path, *options: str) -> dict[str, Found]:
        """Run all tests of `tree`; return what became of each job by its place in the tree of results."""
        self.call("run", "--workers", "4", *options, tree, cwd=folder)
        locks = [json.loads(path.read_text()) for path in folder.glob(".canary/sessions/*/**/testcase.lock")]
        places = {lock["spec"]["id"]: lock["spec"]["exec_path"] for lock in locks}
        return {places[lock["spec"]["id"]]: _found(lock, places) for lock in locks}

    def find(self, tree: Path, folder: Path, *options: str) -> set[str]:
        """Return the names of the jobs of `tree` that `options` select."""
        self.call("find", *options, "--lock", "-r", tree, cwd=folder)
        lock = folder / "testspecs.lock"
        specs = json.loads(lock.read_text())["testspecs"] if lock.is_file() else []
        return {spec["exec_path"].rpartition("/")[2] for spec in specs}


def _found(lock: dict[str, Any], places: dict[str, str]) -> Found:
    upstream = sorted(places[entry["spec"]["id"]] for entry in lock["spec"]["dependencies"])
    return Found(OUTCOMES[lock["status"]["outcome"]], tuple(upstream))


def run_ours(workspace: Workspace, *options: str) -> dict[str, Found]:
    """Generate and run the tree of `workspace`; return what became of each job by its place in the tree of results."""
    workspace.generate("-r", "cpus=8", "-r", "gpus=8", *options)
    workspace.snakemake()
    plan = json.loads(next(workspace.out.glob(".canary-wf/sessions/*/plan.json")).read_text())
    outcomes = {job["id"]: job["outcome"] for job in workspace.status()["jobs"]}
    places = {job["id"]: job["directory"] for job in plan["jobs"]}
    return {
        job["directory"]: Found(
            outcomes[job["id"]], tuple(sorted(places[edge["job"]] for edge in job.get("dependencies", ())))
        )
        for job in plan["jobs"]
    }


def differences(peer: dict[str, Found], ours: dict[str, Found]) -> dict[str, tuple[str, str]]:
    """Return for each job that is not the same its outcome under canary and under canary-wf (``-``: no such job).

    Where only the dependencies differ, they are shown too.
    """
    found = {}
    for place in sorted(peer.keys() | ours.keys()):
        one, other = peer.get(place, Found("-")), ours.get(place, Found("-"))
        if one.outcome != other.outcome:
            found[place] = (one.outcome, other.outcome)
        elif one != other:
            found[place] = (f"{one.outcome} {one.dependencies}", f"{other.outcome} {other.dependencies}")
    return found


def install(folder: Path) -> Peer:
    """Return canary-wm from `CANARY_WM` (an environment with it), else installed into `folder` by pip.

    Without a package index the test is skipped; in CI, where there is one, that is a failure.
    """
    given = os.environ.get("CANARY_WM")
    if given:
        return Peer(Path(given))
    peer = Peer(folder / f"canary-wm-{VERSION}")
    if not (peer.environment / "installed").is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", peer.environment], check=True, timeout=120)
        pip = [str(peer.environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        done = subprocess.run([*pip, f"canary-wm=={VERSION}"], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            message = f"needs canary-wm, which pip cannot install: {done.stderr.strip()[-300:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{message} (CI=true)", pytrace=False)
            pytest.skip(message)
        (peer.environment / "installed").touch()
    return peer
