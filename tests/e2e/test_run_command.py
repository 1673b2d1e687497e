"""`canary-wf run` with the real Snakemake: the whole way, signals, readers and terminals that go away."""

import fcntl
import os
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from workspace import BIN, Workspace

LONG = """\
jobs:
  - {{name: short, command: 'true', runtime: 1s}}
  - name: long
    command: [sh, -c, "{before}echo $$$$ > {pid}; exec sleep {seconds}"]
    depends_on: [short]
"""


def _arguments(workspace: Workspace, *arguments: str | Path) -> list[str]:
    return [str(BIN / "canary-wf"), "run", "-d", str(workspace.out), *map(str, arguments)]


def _planned(workspace: Workspace, *arguments: str) -> list[str]:
    return _arguments(workspace, workspace.tree, "-b", "scheduler=local", "-r", "cpus=2", "-r", "gpus=0", *arguments)


@contextmanager
def _long_run(
    workspace: Workspace, seconds: float = 600, before: str = ""
) -> Iterator["tuple[subprocess.Popen[str], int]"]:
    """Start a run, and give its process and that of its long job, once this runs."""
    pid = workspace.tree / "pid"
    workspace.write("a.jobs.yaml", LONG.format(pid=pid, seconds=seconds, before=before))
    command = _planned(workspace)
    with subprocess.Popen(
        command,
        cwd=workspace.tree,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        end = time.monotonic() + 120
        while not (pid.exists() and pid.read_text().strip()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        try:
            yield process, int(pid.read_text())
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def _assert_gone(pid: int) -> None:
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, f"process {pid} still runs"
        time.sleep(0.05)


@pytest.mark.smoke
def test_a_tree_is_run_by_one_command(workspace: Workspace) -> None:
    """Nothing of Snakemake is seen but in its file; the reports are written; a second run has nothing to do."""
    workspace.write(
        "a.jobs.yaml", "jobs:\n  - {name: a, command: 'true'}\n  - {name: b, command: [sh, -c, 'exit 3']}\n"
    )
    done = workspace.run(*_planned(workspace))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Found 2 jobs in 1 file.\n")
    assert "rule" not in done.stdout
    assert len(done.stdout.splitlines()) < 15
    assert [line.partition(" ")[0] for line in done.stdout.splitlines()[-3:]] == ["1", "Report:", "Again:"]
    (session,) = workspace.out.glob(".canary-wf/sessions/*")
    assert "Error in rule gate" in (session / "snakemake.log").read_text()
    assert (session / "report" / "report.html").exists()
    again = workspace.run(*_arguments(workspace))
    assert (again.returncode, "has nothing left to run" in again.stdout) == (1, True)
    shown = workspace.run(*_arguments(workspace, "--failed", "-v"))
    assert (shown.returncode, "Error in rule gate" in shown.stderr) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_pauses_and_the_next_run_goes_on(workspace: Workspace, number: int) -> None:
    """It says where things stand and what to type; nothing is left behind."""
    with _long_run(workspace) as (process, job):
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (128 + number, "")
    assert "Pausing: jobs that run are ended" in out
    *_, total, go_on = out.splitlines()
    assert total.startswith("Paused: 1 passed, 1 interrupted in ")
    assert go_on.startswith("Go on: canary-wf run -d ")
    _assert_gone(job)
    assert workspace.outcomes() == {"short": "SUCCESS", "long": "INTERRUPTED"}
    workspace.write("a.jobs.yaml", "jobs: []\n")  # is not read again
    (workspace.tree / "pid").unlink()
    with subprocess.Popen(_arguments(workspace), env=workspace.environment, stdout=subprocess.PIPE, text=True) as again:
        while not (workspace.tree / "pid").exists():
            time.sleep(0.05)
        again.send_signal(signal.SIGINT)
        out, _ = again.communicate(timeout=120)
    assert "goes on: 1 of 2 jobs left to run" in out
    assert again.returncode == 130


def test_a_second_signal_cancels(workspace: Workspace) -> None:
    """Jobs that do not end at once are cancelled for good."""
    with _long_run(workspace, before="trap '' TERM; ") as (process, job):
        process.send_signal(signal.SIGINT)
        time.sleep(1)  # the job is killed after two
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode in {1, 130}, out
    _assert_gone(job)
    assert workspace.outcomes() == {"short": "SUCCESS", "long": "CANCELLED"}


def test_a_killed_run_pauses(workspace: Workspace) -> None:
    """Snakemake notices that the program that started it is gone."""
    with _long_run(workspace) as (process, job):
        process.kill()
        process.communicate()
        _assert_gone(job)
    end = time.monotonic() + 60
    while workspace.outcomes()["long"] != "INTERRUPTED":
        assert time.monotonic() < end
    assert workspace.outcomes() == {"short": "SUCCESS", "long": "INTERRUPTED"}


def test_a_killed_snakemake_leaves_no_runner(workspace: Workspace) -> None:
    """As when memory runs out; it is told, with what to type."""
    with _long_run(workspace) as (process, job):
        (child,) = psutil.Process(process.pid).children()
        child.kill()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert "\nIncomplete: 1 passed, 1 interrupted in " in out
    assert err.startswith("canary-wf: Snakemake was ended by SIGKILL; to go on: canary-wf run -d ")
    _assert_gone(job)
    assert workspace.outcomes() == {"short": "SUCCESS", "long": "INTERRUPTED"}


@pytest.mark.parametrize("how", ["key", "hang-up"])
def test_a_terminal_pauses_the_run(workspace: Workspace, how: str) -> None:
    """Ctrl-C is pressed there, or it is closed; the jobs never see the key themselves."""
    pid = workspace.tree / "pid"
    workspace.write("a.jobs.yaml", LONG.format(pid=pid, seconds=600, before=""))
    master, slave = os.openpty()
    process = subprocess.Popen(
        _planned(workspace),
        env=workspace.environment | {"TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here
    )
    os.close(slave)
    _read_until(master, pid.exists)
    if how == "key":
        os.write(master, b"\x03")
        shown = _read_until(master, lambda: process.poll() is not None)
        assert b"Go on: canary-wf run" in shown
    os.close(master)
    assert process.wait(timeout=60) == (130 if how == "key" else 129)
    assert workspace.outcomes() == {"short": "SUCCESS", "long": "INTERRUPTED"}


def _read_until(master: int, is_over: Callable[[], bool]) -> bytes:
    """Return what a terminal shows until then, and what is left in it."""
    shown = b""
    end = time.monotonic() + 120
    while not is_over() or select.select([master], [], [], 0)[0]:
        assert time.monotonic() < end, shown
        if select.select([master], [], [], 0.05)[0]:
            try:
                shown += os.read(master, 1 << 16)
            except OSError:  # nobody has it open any more
                return shown
    return shown


def test_two_runs_at_once_are_told_apart(workspace: Workspace) -> None:
    """The second one leaves the first one alone, whatever it was to do."""
    with _long_run(workspace, seconds=6) as (process, _):
        for command in (_planned(workspace), _arguments(workspace), _arguments(workspace, "--failed")):
            second = workspace.run(*command)
            assert second.returncode == 4
            assert "another canary-wf run is in progress; watch it with canary-wf status --watch" in second.stderr
        refused = workspace.canary_wf("generate", workspace.tree, "-d", workspace.out, "-b", "scheduler=local")
        assert refused.returncode == 4
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert workspace.counts() == {"SUCCESS": 2}


def test_a_reader_that_goes_away_does_not_end_the_run(workspace: Workspace) -> None:
    """`canary-wf run | head -1`: the jobs run to their end, and the exit code is theirs."""
    with _long_run(workspace, seconds=2) as (process, _):
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.wait(timeout=120)
    assert process.returncode == 0
    assert workspace.counts() == {"SUCCESS": 2}


def test_a_run_stops_early_across_batches(workspace: Workspace) -> None:
    """No job starts after the second failure; the next run takes up the others."""
    jobs = "".join(f"  - {{name: j{n}, command: [sh, -c, 'sleep 0.3; exit 1'], runtime: 1s}}\n" for n in range(12))
    workspace.write("a.jobs.yaml", f"jobs:\n{jobs}")
    done = workspace.run(*_planned(workspace, "-b", "spec=count:4", "--max-fail", "2"))
    assert (done.returncode, done.stderr) == (1, "")
    failed = workspace.counts()["FAILED"]
    assert 2 <= failed <= 4  # those that ran then end as they do
    assert f"Stopped early because 2 jobs failed (--max-fail 2): {12 - failed} jobs not run.\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Go on: canary-wf run -d ")
    assert workspace.counts() == {"FAILED": failed, "NONE": 12 - failed}
    alone = workspace.run(*_arguments(workspace, "--failed"))
    assert (alone.returncode, alone.stderr) == (1, "")
    assert f"\nSession: {failed} failed, {12 - failed} not run; canary-wf status -d " in alone.stdout
    assert workspace.counts() == {"FAILED": failed, "NONE": 12 - failed}
    again = workspace.run(*_arguments(workspace))
    assert f"goes on: {12 - failed} of 12 jobs left to run" in again.stdout
    assert workspace.counts() == {"FAILED": 12}


def test_snakemake_options_and_errors_reach_the_user(workspace: Workspace) -> None:
    """A dry run is shown; an option that Snakemake does not know is told in one line, with its exit code."""
    workspace.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true'}\n")
    dry = workspace.run(*_planned(workspace, "--", "-n"))
    assert (dry.returncode, "rule gate" in dry.stdout + dry.stderr) == (0, True)
    workspace.run(*_arguments(workspace))
    link = (workspace.out / "TestResults").readlink()
    workflow = (workspace.out / "workflow" / "Snakefile").read_text()
    for options, code in ((["-np"], 0), (["--list-rules"], 0), (["--nosuch"], 2)):
        done = workspace.run(*_planned(workspace, "--", *options))
        assert done.returncode == code
        assert (code == 2) == (done.stderr == "canary-wf: Snakemake failed: unrecognized arguments: --nosuch\n")
        assert code == 2 or "gate" in done.stdout + done.stderr
        assert (workspace.out / "TestResults").readlink() == link
        assert (workspace.out / "workflow" / "Snakefile").read_text() == workflow
    assert len(list(workspace.out.glob(".canary-wf/sessions/2*"))) == 1
