"""What must not happen to a user's files, and to a batch that two runners want."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from factories import plan_of, shell, spec

from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.recovery.reset import reset_jobs
from canary_wf.report.session import load_session
from canary_wf.spec.job_spec import Asset
from canary_wf.state.session_paths import SessionPaths


def _run(
    paths: SessionPaths, plan: Plan, *more: str, cwd: Path | None = None, prefix: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    program = [*prefix, sys.executable, "-P", "-m", "canary_wf"]
    line = [*program, "run-batch", plan.batches[0].id, "--plan", str(paths.plan), *more]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def _outcomes(paths: SessionPaths) -> dict[str, tuple[str, str | None]]:
    state = load_session(paths)
    records = {job.name: state.record(job) for job in state.plan.jobs}
    return {name: (record.status.outcome.name, record.status.reason) for name, record in records.items()}


def test_a_folder_that_a_job_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    """A job that moves its directory to scratch does not cost the user what the link points to."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "data.txt").write_text("precious")
    # In one process: a folder that is gone for long is made anew for the job's state.
    moves = (
        "import os; folder = os.getcwd(); aside = f'{folder}.{os.getpid()}'; os.chdir('..');"
        f"os.rename(folder, aside); os.symlink({str(victim)!r}, folder); os.kill(os.getpid(), 9)"
    )
    plan = plan_of([spec("mover", command=(sys.executable, "-c", moves), xstatus=0)])
    paths = write_session(plan, tmp_path / "out")
    for _ in range(2):
        done = _run(paths, plan)
        assert done.returncode == 0, done.stderr
        assert "is a link now" in done.stderr or _ == 1
        assert [path.name for path in victim.iterdir()] == ["data.txt"]
    reset_jobs(paths, {plan.batches[0].id: list(plan.jobs)})
    _run(paths, plan)
    assert (victim / "data.txt").read_text() == "precious"
    assert [path.name for path in victim.iterdir()] == ["data.txt"]


@pytest.mark.parametrize("name", ["canary-out.txt", "job.json"])
@pytest.mark.parametrize("action", ["copy", "link"])
def test_no_file_of_the_user_takes_the_place_of_ours(tmp_path: Path, name: str, action: str) -> None:
    """Else the job's output would be written through the link into the user's file."""
    source = tmp_path / name
    source.write_text("user data")
    plan = plan_of([shell("a", "echo output", assets=(Asset(action, str(source)),))])  # type: ignore[arg-type]
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    outcome, reason = _outcomes(paths)["a"]
    assert outcome == "BROKEN"
    assert "canary-wf's own file" in str(reason)
    assert source.read_text() == "user data"


def test_nothing_is_copied_through_a_linked_folder(tmp_path: Path) -> None:
    """A copy into a folder that was linked before would overwrite the user's tree."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.txt").write_text("original")
    (tmp_path / "a.txt").write_text("new")
    assets = (Asset("link", str(data)), Asset("copy", str(tmp_path / "a.txt"), "data/a.txt"))
    plan = plan_of([spec("a", assets=assets)])
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    assert _outcomes(paths)["a"][0] == "BROKEN"
    assert (data / "a.txt").read_text() == "original"


def test_a_relative_result_is_where_the_caller_stands(tmp_path: Path) -> None:
    """The runner changes its folder for each job; the copy of the result does not follow it there."""
    plan = plan_of([shell("a", "echo hello > made")])
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan, "--result", "sub/res.json", cwd=tmp_path).returncode == 0
    assert json.loads((tmp_path / "sub" / "res.json").read_text())["counts"] == {"PASS": 1}
    assert sorted(path.name for path in paths.job("a").iterdir()) == ["canary-out.txt", "job.json", "made"]


def test_a_job_that_takes_away_its_folders_permissions_stands_alone(tmp_path: Path) -> None:
    """Its own state file may be lost, the batch and the verdicts are not."""
    plan = plan_of([shell("a", "chmod 000 ."), shell("b", "rm -rf ../b"), spec("c")])
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    assert {name: outcome for name, (outcome, _) in _outcomes(paths).items()} == dict.fromkeys("abc", "SUCCESS")


AS_ANYONE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
"""Runs a command that permissions hold for, also where the tests are root's."""


def _run_as_anyone(paths: SessionPaths, plan: Plan) -> "subprocess.CompletedProcess[str]":
    return _run(paths, plan, prefix=AS_ANYONE if os.geteuid() == 0 else ())


def test_a_folder_that_a_job_made_read_only_is_cleared_for_its_next_run(tmp_path: Path) -> None:
    """Caches of modules are made so; the second run has its own verdict, and is not broken."""
    text = f"mkdir -p s/x; echo > s/x/f; chmod 555 s/x; chmod 000 s; ln -s {tmp_path} link; test -e {tmp_path}/n"
    plan = plan_of([shell("a", f"{text} || {{ echo > {tmp_path}/n; exit 1; }}")], retry={"failed": 1})
    paths = write_session(plan, tmp_path / "out")
    done = _run_as_anyone(paths, plan)
    assert done.returncode == 0, done.stderr
    assert _outcomes(paths) == {"a": ("SUCCESS", None)}


def test_a_folder_that_may_not_be_written_to_is_no_verdict(tmp_path: Path) -> None:
    """The runner says which one it is, and what could not run runs the next time."""
    plan = plan_of([shell("a", "true"), shell("b", "true", "a")])
    paths = write_session(plan, tmp_path / "out")
    (paths.folder / "jobs").chmod(0o555)
    done = _run_as_anyone(paths, plan)
    assert done.returncode == 4
    assert f"{paths.folder}/jobs/a: cannot be written (Permission denied)" in done.stderr
    (paths.folder / "jobs").chmod(0o755)
    assert _run_as_anyone(paths, plan).returncode == 0
    assert {name: outcome for name, (outcome, _) in _outcomes(paths).items()} == {"a": "SUCCESS", "b": "SUCCESS"}


def test_notes_that_no_state_file_can_hold_cost_no_batch_its_runner(tmp_path: Path) -> None:
    """Half a surrogate pair, as in a file name that is not UTF-8, is kept as ``?``; what is nested too deep, not."""
    odd = '{"spec": {"attributes": {}}, "measurements": {"data": {"file": "a\\udcff", "many": [[1]]}}}'
    deep = odd.replace("[[1]]", "[" * 900 + "]" * 900)
    jobs = [
        shell(name, f"printf '%s' '{text}' > testcase.lock", kind="pyt") for name, text in (("a", odd), ("b", deep))
    ]
    plan = plan_of([*jobs, spec("c")])
    paths = write_session(plan, tmp_path / "out")
    done = _run(paths, plan)
    assert done.returncode == 0, done.stderr
    assert {name: outcome for name, (outcome, _) in _outcomes(paths).items()} == dict.fromkeys("abc", "SUCCESS")
    measured = [json.loads((paths.job(name) / "job.json").read_text())["measurements"] for name in "ab"]
    assert (measured[0]["file"], measured[0]["many"]) == ("a?", [[1]])
    assert "file" not in measured[1]


def test_too_few_open_files_are_told_with_what_to_do(tmp_path: Path) -> None:
    """Whatever it is that cannot be opened; the jobs have no verdict."""
    plan = plan_of([shell("a", "true"), shell("b", "true")])
    paths = write_session(plan, tmp_path / "out")
    for most in range(8, 14):
        done = _run(paths, plan, prefix=["sh", "-c", f'ulimit -n {most} && exec "$@"', "sh"])
        assert done.returncode in {0, 1, 4}, done.stderr
        assert done.returncode == 0 or done.stderr.endswith("; allow more open files with ulimit -n\n"), done.stderr
    assert _run(paths, plan).returncode == 0
    assert {name: outcome for name, (outcome, _) in _outcomes(paths).items()} == {"a": "SUCCESS", "b": "SUCCESS"}


def test_of_many_runners_at_once_one_runs_the_batch(tmp_path: Path) -> None:
    """Newcomers take the batch one after the other; each job's verdict is recorded once."""
    plan = plan_of([shell("a", "sleep 0.3; echo x >> ../../ended")])
    paths = write_session(plan, tmp_path / "out")
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    runners = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
    codes = [runner.wait(60) for runner in runners]
    assert codes.count(0) >= 1
    journal = paths.batch(plan.batches[0].id).journal.read_text()
    assert journal.count('"SUCCESS"') == 1
    assert (paths.folder / "ended").read_text() == "x\n"


@pytest.mark.long
def test_a_runner_that_lost_its_token_writes_no_result(tmp_path: Path) -> None:
    """An orphan of a lost node stops at its next heartbeat."""
    plan = plan_of([shell("a", "touch ../../up; sleep 3")])
    paths = write_session(plan, tmp_path / "out")
    files = paths.batch(plan.batches[0].id)
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as runner:
        while not (paths.folder / "up").exists():
            time.sleep(0.02)
        files.attempt.write_text('{"token":"other","place":"elsewhere","pid":1,"started_ticks":1}')
        _, told = runner.communicate(timeout=30)
    assert runner.returncode == 4
    assert "another runner took this batch" in told
    assert not files.result.exists()


@pytest.mark.long
def test_a_damaged_attempt_file_is_no_dead_end(tmp_path: Path) -> None:
    """It names nobody, so that after the heartbeats of a runner elsewhere the batch is free."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path / "out")
    files = paths.batch(plan.batches[0].id)
    files.folder.mkdir(parents=True)
    files.attempt.write_text("{")
    old = time.time() - 3600
    import os

    os.utime(files.attempt, (old, old))
    assert _run(paths, plan).returncode == 0
    assert _outcomes(paths)["a"] == ("SUCCESS", None)


@pytest.mark.parametrize("name", ["testcase.lock", "job.json", "canary-out.txt", ".canary-broken.txt"])
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(tmp_path: Path, name: str) -> None:
    """Neither the runner, nor one after a crash, nor the reports wait for a writer that never comes."""
    plan = plan_of([shell("a", f"rm -f {name}; mkfifo {name}; exit 3", kind="pyt"), shell("b", "exit 0")])
    paths = write_session(plan, tmp_path / "out")
    assert _run(paths, plan).returncode == 0
    assert {job: outcome for job, (outcome, _) in _outcomes(paths).items()} == {"a": "FAILED", "b": "SUCCESS"}
    for words in (["status"], ["report", "junit"], ["report", "html"], ["log", "b"]):
        line = [sys.executable, "-P", "-m", "canary_wf", *words, "-d", str(tmp_path / "out")]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in {0, 1}, done.stderr


def test_a_log_that_nobody_reads_any_more_ends_no_job(tmp_path: Path) -> None:
    """The reader of a pipe may go away; the batch goes on."""
    plan = plan_of([shell(name, "exit 0") for name in "abc"], workers=1)
    paths = write_session(plan, tmp_path / "out")
    line = f'"{sys.executable}" -P -m canary_wf run-batch {plan.batches[0].id} --plan "{paths.plan}" | exec true'
    done = subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {outcome for outcome, _ in _outcomes(paths).values()} == {"SUCCESS"}


@pytest.mark.parametrize("name", ["CANARY_WF_HEARTBEAT", "CANARY_WF_PROGRESS"])
def test_a_wrong_variable_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With the variable's name."""
    plan = plan_of([shell("a", "exit 0")])
    paths = write_session(plan, tmp_path / "out")
    monkeypatch.setenv(name, "soon")
    done = _run(paths, plan)
    assert done.returncode == 2
    assert done.stderr.startswith(f"canary-wf: {name}: duration 'soon' is not understood")
    assert done.stderr.count("\n") == 1


TWO_AT_ONCE = """
import sys, time
from canary_wf.run import runner, scheduler
def until(self):
    time.sleep(0.5)
    return 1.0
def broken(self, pid, monitor):
    raise OSError(5, "no more")
scheduler.BatchScheduler._until_next = until
scheduler.BatchScheduler._collect = broken
sys.exit(runner.main(sys.argv[1:]))
"""


def test_an_error_between_two_ends_keeps_nobody_waiting(tmp_path: Path) -> None:
    """When two jobs ended at once and the first cannot be dealt with, the runner does not wait for the second."""
    plan = plan_of([shell("a", "exit 0"), shell("b", "exit 0")])
    paths = write_session(plan, tmp_path / "out")
    line = [sys.executable, "-c", TWO_AT_ONCE, plan.batches[0].id, "--plan", str(paths.plan)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert "no more" in done.stderr


@pytest.mark.parametrize(
    "harm", ["rm $J", ": > $J", "rm $J; mkfifo $J", "mv $J $J.old; echo x > $J"], ids=["gone", "cut", "pipe", "other"]
)
def test_a_journal_that_a_job_takes_away_is_written_anew(tmp_path: Path, harm: str) -> None:
    """The run goes on, and no verdict before or after it is lost, least of all that of the job that did it."""
    plan = plan_of(
        [shell("first", "exit 0"), shell("evil", f"J=$(echo ../../batches/*/journal.jsonl); {harm}; exit 3", "first")],
    )
    paths = write_session(plan, tmp_path / "out")
    done = _run(paths, plan)
    assert done.returncode == 0, done.stderr
    assert "its journal was removed or cut while it ran, and is written anew" in done.stderr
    assert _outcomes(paths) == {"first": ("SUCCESS", None), "evil": ("FAILED", "exit code 3")}
    assert load_session(paths).damaged == {}


def test_a_runner_whose_state_is_removed_says_so_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """It does not end well; what was done before is not done again, and the job that did it is no success."""
    text = "test -e ../../../evil || { touch ../../../evil; rm -rf ../../batches/*; }; exit 3"
    plan = plan_of([shell("first", "exit 0"), shell("evil", text, "first")])
    paths = write_session(plan, tmp_path / "out")
    done = _run(paths, plan)
    assert done.returncode != 0
    assert "its state was removed while it ran" in done.stderr
    assert _outcomes(paths)["first"] == ("SUCCESS", None)
    assert not load_session(paths).passed
    assert _run(paths, plan).returncode == 0
    assert _outcomes(paths)["evil"] == ("FAILED", "exit code 3")
