"""Clocks that differ between nodes: nothing is taken for outdated, and nothing is run twice for it."""

import os
import time

from workspace import Workspace

JOBS = """
jobs:
  - {name: first, command: "true"}
  - {name: second, command: "true", depends_on: [first]}
"""

AHEAD = 600


def test_a_result_from_a_clock_that_is_ahead(workspace: Workspace) -> None:
    """What is made of it is not older than it: the run passes, and the next one finds nothing to do."""
    workspace.write("a.jobs.yaml", JOBS)
    workspace.generate("-b", "spec=count:max")
    assert workspace.snakemake().returncode == 0
    (session,) = (workspace.out / ".canary-wf" / "sessions").iterdir()
    first, second = sorted(session.glob("batches/*/result.json"), key=lambda path: path.stat().st_mtime_ns)
    late = time.time() + AHEAD
    os.utime(first, (late, late))
    second.unlink()
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    late = time.time() + AHEAD
    os.utime(session / "report" / "report.json", (late, late))
    (session / "gate.json").unlink()
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    again = workspace.snakemake("-n")
    assert "Nothing to be done" in again.stdout + again.stderr
    assert sum(path.read_text().count("job_started") for path in session.glob("batches/*/journal.jsonl")) == 2
