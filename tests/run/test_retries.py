"""Jobs that are run again: on real processes, through the command that rules call."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from factories import plan_of, shell, spec

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.report.formats.junit import junit_report
from canary_wf.report.formats.markdown import markdown_report
from canary_wf.report.session import SessionState, load_session
from canary_wf.report.table import summary
from canary_wf.spec.job_spec import Asset, JobSpec
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths

TWICE = 'echo "run of $PPID"; n=$(cat {0} 2>/dev/null || echo 0); echo $((n+1)) > {0}; [ $n -ge {1} ]'
"""Fails {1} times, counting in the file {0}."""


def _line(paths: SessionPaths, plan: Plan) -> list[str]:
    return [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]


def _run(out: Path, jobs: list[JobSpec], **fields: Any) -> SessionState:  # noqa: ANN401 - of the plan
    plan = plan_of(jobs, **fields)
    paths = write_session(plan, out)
    done = subprocess.run(_line(paths, plan), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return load_session(paths)


def _records(state: SessionState) -> dict[str, JobRecord]:
    return {job.name: state.record(job) for job in state.plan.jobs}


def test_a_job_is_run_again_until_it_passes_and_each_run_is_kept(tmp_path: Path) -> None:
    """The last verdict counts; what the earlier runs said, printed and used is there beside it."""
    counter = tmp_path / "n"
    state = _run(tmp_path / "out", [shell("a", TWICE.format(counter, 2)), spec("b", "a")], retry={"failed": 3})
    record = _records(state)["a"]
    assert (record.status.outcome.name, record.attempts, record.is_flaky) == ("SUCCESS", 3, True)
    assert [run.failure for run in record.earlier] == ["failed", "failed"]
    assert _records(state)["b"].status.outcome.name == "SUCCESS"
    folder = state.paths.job("a")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("canary-out.1.txt", "canary-out.2.txt", "canary-out.txt", "job.json")
    ]
    assert (folder / "canary-out.1.txt").read_text().startswith("run of")
    content = json.loads((folder / "job.json").read_text())
    assert (content["attempts"], content["class"]) == (3, None)
    earlier = content["earlier_attempts"]
    assert [run["output"] for run in earlier] == ["canary-out.1.txt", "canary-out.2.txt"]
    assert earlier[0]["reason"].startswith("exit code 1: run of")
    assert earlier[0]["measurements"]["duration"] > 0
    assert earlier[0]["finished"] <= earlier[1]["started"]


def test_reports_show_that_a_job_is_flaky(tmp_path: Path) -> None:
    """Status, JUnit and Markdown tell the number of attempts."""
    state = _run(tmp_path / "out", [shell("a", TWICE.format(tmp_path / "n", 1)), spec("b")], retry={"any": 1})
    assert "2 passed (1 flaky: a)" in summary(state)
    assert [job["attempts"] for job in state.as_dict()["jobs"]] == [2, 1]
    assert '<flakyFailure message="exit code 1: run of' in junit_report(state)
    assert "## Flaky: 1 job passed, but not at once" in markdown_report(state)


def test_only_the_classes_that_are_named_are_run_again(tmp_path: Path) -> None:
    """A diff is not a failure, a skip and an expected failure are none at all, a signal is its own class."""
    jobs = [
        shell("fails", "exit 1"),
        shell("differs", "exit 64"),
        shell("skips", "exit 80"),
        shell("expected", "exit 1", xstatus=-1),
        shell("dies", "kill -SEGV $$"),
        spec("broken", command=("no-such-program-anywhere",)),
        shell("hangs", "sleep 60", timeout=0.2),
        spec("blocked", "fails"),
    ]
    policy = {"failed": 2, "killed": 1, "broken": 1, "timeout": 1}
    records = _records(_run(tmp_path, jobs, retry=policy, workers=4))
    assert {name: len(record.earlier) for name, record in records.items()} == {
        "fails": 2,
        "differs": 0,
        "skips": 0,
        "expected": 0,
        "dies": 1,
        "broken": 1,
        "hangs": 1,
        "blocked": 0,
    }
    assert records["dies"].status.reason == "killed by signal 11 (SIGSEGV)"
    assert records["broken"].earlier[0].output is None


def test_a_job_is_run_again_in_a_fresh_folder(tmp_path: Path) -> None:
    """Nothing of the run before is there but its output; what the job makes of that name is not taken for it."""
    text = "ls; touch made canary-out.7.txt; exit 1"
    state = _run(tmp_path, [shell("a", text)], retry={"any": 1})
    folder = state.paths.job("a")
    assert (folder / "canary-out.txt").read_text().split() == ["canary-out.1.txt", "canary-out.txt", "job.json"]
    taken = Asset("copy", str(folder / "made"), "canary-out.1.txt")
    refused = _run(tmp_path / "second", [spec("a", assets=(taken,))])
    assert "canary-wf's own file" in (_records(refused)["a"].status.reason or "")


def test_attempts_are_counted_on_after_the_runner_was_killed(tmp_path: Path) -> None:
    """The journal knows how many runs there were; a run that the machine cut short uses up none."""
    counter, go = tmp_path / "n", tmp_path / "go"
    text = f"n=$(cat {counter} 2>/dev/null || echo 0); echo $((n+1)) > {counter}; echo run $n; "
    text += f"[ $n -ne 1 ] || [ -e {go} ] || sleep 100; exit 1"
    plan = plan_of([shell("a", text)], retry={"failed": 2})
    paths = write_session(plan, tmp_path / "out")
    first = subprocess.Popen(_line(paths, plan), stdout=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not counter.exists() or counter.read_text() != "2\n":
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    go.touch()
    done = subprocess.run(_line(paths, plan), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    record = _records(load_session(paths))["a"]
    assert (record.attempts, record.status.reason) == (3, "exit code 1: run 3")
    outputs = [(paths.job("a") / name).read_text() for name in ("canary-out.1.txt", "canary-out.2.txt")]
    assert outputs == ["run 0\n", "run 2\n"]


def test_a_signal_while_a_job_waits_to_be_run_again_leaves_it_to_the_next_run(tmp_path: Path) -> None:
    """It has no verdict until then."""
    plan = plan_of([shell("a", "kill -TERM $PPID; exit 1")], retry={"failed": 99})
    paths = write_session(plan, tmp_path)
    done = subprocess.run(_line(paths, plan), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 143
    record = _records(load_session(paths))["a"]
    assert record.status.outcome.name in {"NONE", "INTERRUPTED"}
