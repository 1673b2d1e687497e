"""The main job on this machine: real trees, real snakemake."""

import contextlib
import json
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from workspace import BIN, Workspace

IN_TEST = "if __name__ == '__main__':\n    "
MIXED = {
    "ok.pyt": "import canary\ncanary.directives.parameterize('n', [1, 2])\n",
    "fails.pyt": f"import sys\n{IN_TEST}sys.exit(3)\n",
    "diffs.pyt": f"import canary\n{IN_TEST}raise canary.TestDiffed('off by one')\n",
    "skips.pyt": f"import canary\n{IN_TEST}raise canary.TestSkipped('not here')\n",
    "hangs.pyt": f"import time\nimport canary\ncanary.directives.timeout(1)\n{IN_TEST}time.sleep(60)\n",
    "blocked.pyt": "import canary\ncanary.directives.depends_on('diffs')\n",
    "after.pyt": "import canary\ncanary.directives.depends_on({'job': 'diffs', 'when': 'diffed'})\n",
    "more.jobs.yaml": """
jobs:
  - {name: crash, command: [sh, -c, 'kill -SEGV $$$$']}
  - {name: expected, command: 'false', xfail: true}
""",
}


@pytest.mark.parametrize("example", ["basic", "chain", "heat"])
def test_the_examples_pass(workspace: Workspace, example: str) -> None:
    """What the README shows: generate, snakemake, status, all with exit code 0."""
    workspace.copy_example(example)
    workspace.generate("-b", "spec=duration:30m")
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert workspace.canary_wf("status", "-d", workspace.out).returncode == 0
    assert workspace.status()["counts"]["FAIL"] == 0


def test_the_gpu_example_runs_on_nominal_ids(workspace: Workspace) -> None:
    """GPUs that -r declares are handed out by id where there are none."""
    workspace.copy_example("gpus")
    workspace.generate("-r", "gpus=4")
    assert workspace.snakemake().returncode == 0
    ids = {job["name"]: job["gpu_ids"] for job in workspace.status()["jobs"]}
    assert {name: len(set(found)) for name, found in ids.items()} == {f"device.gpus={n}": n for n in (1, 2, 4)}


@pytest.mark.smoke
def test_a_mixed_tree_gets_every_verdict_and_fails_at_the_gate(workspace: Workspace) -> None:
    """Failures, diffs, skips, timeouts and blocked jobs end as such; what can run runs; snakemake says no."""
    for name, text in MIXED.items():
        workspace.write(name, text)
    workspace.generate()
    done = workspace.snakemake()
    assert done.returncode == 1
    assert workspace.outcomes() == {
        "ok.n=1": "SUCCESS",
        "ok.n=2": "SUCCESS",
        "fails": "FAILED",
        "diffs": "DIFFED",
        "skips": "SKIPPED",
        "hangs": "TIMEOUT",
        "blocked": "BLOCKED",
        "after": "SUCCESS",
        "crash": "FAILED",
        "expected": "XFAIL",
    }
    assert "4 of 10 jobs did not pass" in done.stderr
    shown = workspace.canary_wf("status", "-d", workspace.out)
    assert shown.returncode == 1
    assert "killed by signal 11" in shown.stdout
    reasons = {job["name"]: job["reason"] for job in workspace.status()["jobs"]}
    assert (reasons["diffs"], reasons["skips"]) == ("off by one", "not here")
    report = json.loads((next(workspace.out.glob(".canary-wf/sessions/*/report/report.json"))).read_text())
    assert report["counts"] == workspace.status()["counts"]


def test_a_gate_that_never_fails_lets_the_run_pass(workspace: Workspace) -> None:
    """With fail_on=never the verdicts are told and snakemake succeeds."""
    workspace.write("fails.pyt", MIXED["fails.pyt"])
    workspace.generate("-b", "fail_on=never")
    assert workspace.snakemake().returncode == 0
    assert workspace.outcomes() == {"fails": "FAILED"}


def test_a_dry_run_shows_every_batch_and_runs_nothing(workspace: Workspace) -> None:
    """`snakemake -n` names the batches with threads and resources; no state appears."""
    workspace.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true', cpus: 2, memory: 100MiB}\n")
    workspace.generate("-r", "cpus=2", "-r", "gpus=1")
    done = workspace.snakemake("-n")
    assert done.returncode == 0
    plan = json.loads(next(workspace.out.glob(".canary-wf/sessions/*/plan.json")).read_text())
    for batch in plan["batches"]:
        assert f"batch_{batch['id']}" in done.stdout + done.stderr
    for text in ("threads: 2", "gpu=0", "mem_mb=100", "runtime="):
        assert text in done.stdout + done.stderr
    assert not list(workspace.out.glob(".canary-wf/sessions/*/batches/*"))


def test_a_second_snakemake_has_nothing_to_do(workspace: Workspace) -> None:
    """A finished session is finished."""
    workspace.copy_example("basic")
    workspace.generate()
    assert workspace.snakemake().returncode == 0
    again = workspace.snakemake()
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


def test_rerun_resets_failures_and_what_they_blocked(workspace: Workspace) -> None:
    """After the cause is mended, rerun and snakemake run just those jobs."""
    flag = workspace.tree / "flag"
    workspace.write(
        "a.jobs.yaml",
        f"""
jobs:
  - name: good
    command: [sh, -c, 'echo x >> {workspace.tree}/good']
  - name: bad
    command: [sh, -c, 'test -e {flag}']
  - name: behind
    command: 'true'
    depends_on: [bad]
""",
    )
    workspace.generate()
    assert workspace.snakemake().returncode == 1
    assert workspace.outcomes() == {"good": "SUCCESS", "bad": "FAILED", "behind": "BLOCKED"}
    assert workspace.snakemake().returncode == 1
    flag.touch()
    reset = workspace.canary_wf("rerun", "--failed", "-d", workspace.out)
    assert (reset.returncode, reset.stdout.splitlines()[0]) == (0, "Reset 2 jobs in 2 batches.")
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert workspace.outcomes() == {"good": "SUCCESS", "bad": "SUCCESS", "behind": "SUCCESS"}
    assert (workspace.tree / "good").read_text() == "x\n"


def _wait_until(condition: "object", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _kill_tree(pid: int) -> None:
    """SIGKILL a process and all below it, as a machine that goes away would."""
    parent = psutil.Process(pid)
    for process in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize("whole_tree", [True, False])
def test_a_killed_run_is_resumed_without_repeating_what_is_final(workspace: Workspace, whole_tree: bool) -> None:
    """After SIGKILL in the middle, snakemake again runs only jobs without a final state, and needs no --unlock."""
    runs = workspace.tree / "runs"
    runs.mkdir()
    workspace.write(
        "many.jobs.yaml",
        f"jobs:\n  - name: job\n    parameters: {{n: {list(range(24))}}}\n    runtime: 1s\n"
        f"    command: [sh, -c, 'echo x >> {runs}/${{n}}; sleep 0.3']\n",
    )
    workspace.generate("-b", "spec=count:3", "-r", "cpus=2")
    command = [str(BIN / "snakemake"), "--profile", "local"]
    process = subprocess.Popen(
        command, cwd=workspace.out, env=workspace.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _wait_until(lambda: len(list(runs.iterdir())) >= 8)
    if whole_tree:
        _kill_tree(process.pid)
    else:
        process.kill()
    process.wait()
    final = {job["name"] for job in workspace.status()["jobs"] if job["category"] == "PASS"}
    assert 0 < len(final) < 24
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert workspace.counts() == {"SUCCESS": 24}
    counts = {f"job.n={path.name}": len(path.read_text().split()) for path in runs.iterdir()}
    assert {counts[name] for name in final} == {1}
    assert max(counts.values()) <= 2
    assert sum(counts.values()) <= 24 + 4


def test_a_thousand_jobs(workspace: Workspace) -> None:
    """A thousand jobs in a handful of batches, each with its state file."""
    workspace.write(
        "many.jobs.yaml",
        f"jobs:\n  - name: job\n    command: 'true'\n    runtime: 1s\n    parameters: {{n: {list(range(1000))}}}\n",
    )
    workspace.generate("-b", "spec=count:4")
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert workspace.counts() == {"SUCCESS": 1000}
    assert len(list(workspace.out.glob("TestResults/*/job.json"))) == 1000


def test_generate_refuses_while_a_run_is_in_progress(workspace: Workspace) -> None:
    """Queued jobs read the workflow again, so it must not change under them."""
    up = workspace.tree / "up"
    workspace.write("a.jobs.yaml", f"jobs:\n  - {{name: a, command: [sh, -c, 'touch {up}; sleep 60']}}\n")
    workspace.generate()
    before = sorted(path.name for path in workspace.out.glob(".canary-wf/sessions/*"))
    command = [str(BIN / "snakemake"), "--profile", "local"]
    process = subprocess.Popen(
        command, cwd=workspace.out, env=workspace.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until(up.exists)
        refused = workspace.canary_wf("generate", workspace.tree, "-d", workspace.out, "-b", "scheduler=local")
        assert refused.returncode == 4
        assert "a run is in progress" in refused.stderr
        assert sorted(path.name for path in workspace.out.glob(".canary-wf/sessions/*")) == before
    finally:
        _kill_tree(process.pid)
        process.wait()


@pytest.mark.parametrize(
    "folder", ["plain", "with space", "qu'ote\"s", "{braces}", "$HOME `id` $(id)", "größe", "a;b&c|d"]
)
def test_hostile_folder_names_break_nothing(tmp_path: Path, folder: str) -> None:
    """No name of a folder or job can break or inject into the Snakefile or the shell."""
    workspace = Workspace(tmp_path / folder)
    workspace.write(
        f"{folder}/t.pyt", "import canary\ncanary.directives.parameterize('text', ['{x}', \"a'b\", '$(id)', 'ö\"'])\n"
    )
    workspace.generate()
    done = workspace.snakemake()
    assert done.returncode == 0, done.stderr
    assert workspace.counts() == {"SUCCESS": 4}


def test_update_keeps_what_is_unchanged_and_reruns_the_rest(workspace: Workspace) -> None:
    """With --update, generate runs again only changed jobs, and what depends on them."""
    for name in "abc":
        workspace.write(
            f"{name}.pyt", f"open('{workspace.tree}/{name}.ran', 'a').write('x') if __name__ == '__main__' else 0\n"
        )
    workspace.write("d.pyt", "import canary\ncanary.directives.depends_on('b')\n")
    workspace.generate()
    assert workspace.snakemake().returncode == 0
    with (workspace.tree / "b.pyt").open("a") as file:
        file.write("# changed\n")
    done = workspace.generate("--update")
    assert "2 verdicts kept" in done.stdout
    assert workspace.outcomes() == {"a": "SUCCESS", "b": "NONE", "c": "SUCCESS", "d": "NONE"}
    assert workspace.snakemake().returncode == 0
    assert {name: (workspace.tree / f"{name}.ran").read_text() for name in "abc"} == {"a": "x", "b": "xx", "c": "x"}
    assert (workspace.out / "TestResults" / "a" / "canary-out.txt").exists()
