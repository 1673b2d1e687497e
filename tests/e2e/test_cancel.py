"""`canary-wf cancel` while a real Snakemake runs the workflow, and after one was stopped."""

import subprocess
import time
from pathlib import Path

from workspace import BIN, Workspace

JOBS = """\
jobs:
  - {{name: short, command: 'true', runtime: 1s}}
  - {{name: long, command: [sh, -c, 'echo $$$$ > {pid}; exec sleep 600'], runtime: 1s, depends_on: [short]}}
  - {{name: late, command: [touch, {late}], runtime: 1s, depends_on: [{{job: long, when: always}}]}}
"""


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 120
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < end, path
        time.sleep(0.05)


def test_a_run_is_cancelled_for_good(workspace: Workspace) -> None:
    """What ran is ended, what waited is not begun, what is done stays done; Snakemake comes to its end by itself."""
    pid, late = workspace.tree / "pid", workspace.tree / "late"
    workspace.write("a.jobs.yaml", JOBS.format(pid=pid, late=late))
    workspace.generate()
    process = subprocess.Popen(
        [str(BIN / "snakemake"), "--profile", "local"],
        cwd=workspace.out,
        env=workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_for(pid)
    done = workspace.canary_wf("cancel", "-d", workspace.out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Cancelled 2 jobs.\nsnakemake is still running but has nothing left to do")
    assert process.wait(timeout=120) != 0
    assert workspace.outcomes() == {"short": "SUCCESS", "long": "CANCELLED", "late": "CANCELLED"}
    assert {job["reason"] for job in workspace.status()["jobs"]} == {None, "cancelled by canary-wf cancel"}
    assert not late.exists()
    assert int(pid.read_text()) > 1
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_what_was_cancelled_can_be_run_after_all(workspace: Workspace) -> None:
    """A session that never ran is cancelled; the next snakemake runs nothing; `rerun` brings the jobs back."""
    workspace.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true'}\n  - {name: b, command: 'true'}\n")
    workspace.generate()
    assert workspace.canary_wf("cancel", "-d", workspace.out).stdout == "Cancelled 2 jobs; nothing was running.\n"
    assert workspace.canary_wf("cancel", "-d", workspace.out).stdout == "Nothing runs, and no job is left to cancel.\n"
    assert workspace.snakemake().returncode != 0
    assert workspace.counts() == {"CANCELLED": 2}
    workspace.canary_wf("rerun", "-d", workspace.out, "--only", "CANCELLED")
    assert workspace.snakemake().returncode == 0
    assert workspace.counts() == {"SUCCESS": 2}
