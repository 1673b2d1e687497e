"""A real CMake project, built, and the verdicts that ctest itself and canary-wf come to on its tests."""

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from workspace import Workspace

PROJECT = Path(__file__).parent.parent / "ctest_project"
SPECS = PROJECT / "specs.json"
ENVIRONMENT = {**os.environ, "OUTSIDE": "here"}

Verdicts = Counter[tuple[str, str]]
"""Pairs of a test's name and PASS, FAIL, SKIP, NOT RUN, BLOCKED or DISABLED; names may be there twice."""


def build(folder: Path, *options: str, source: Path = PROJECT) -> Path:
    """Configure and build the project in `source` in `folder`, which is returned."""
    commands: list[list[str | Path]] = [["cmake", "-S", source, "-B", folder, *options], ["cmake", "--build", folder]]
    for command in commands:
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def verdicts_of_ctest(folder: Path, *options: str | Path) -> Verdicts:
    """Run the tests by ctest and return its verdicts."""
    report = folder / "ctest.xml"
    command = ["ctest", "-j4", "--output-junit", report, *options]
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
    return Counter((case.attrib["name"], _verdict(case)) for case in ET.parse(report).iter("testcase"))  # noqa: S314


def _verdict(case: ET.Element) -> str:
    status = case.attrib["status"]
    if status != "notrun":
        return {"run": "PASS", "fail": "FAIL", "disabled": "DISABLED"}[status]
    skipped = case.find("skipped")
    message = "" if skipped is None else skipped.attrib["message"]
    if message.startswith("SKIP_"):
        return "SKIP"
    return "BLOCKED" if message == "Fixture dependency failed" else "NOT RUN"


def verdicts_of_canary_wf(workspace: Workspace) -> Verdicts:
    """Return the verdicts of the newest session in the words of ctest, tests by their own names."""
    plan = json.loads(next((workspace.out / ".canary-wf/sessions").glob("*/plan.json")).read_text())
    tests = {job["id"]: job["attributes"]["test"] for job in plan["jobs"]}
    found: Verdicts = Counter()
    for job in workspace.status()["jobs"]:
        words = {"BROKEN": "NOT RUN", "BLOCKED": "BLOCKED", "TIMEOUT": "FAIL"}
        found[tests[job["id"]], words.get(job["outcome"], job["category"])] += 1
    by_id = {job["id"]: job["name"] for job in plan["masked"]}
    found.update((name, "DISABLED") for name in by_id.values())
    return found
