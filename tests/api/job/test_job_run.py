"""Running a job by itself, on real processes: verdicts, environment, files, and nothing left behind."""

import base64
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from factories import shell, spec
from session_jobs import assert_gone, ended, job_in, run

from canary_wf.errors import CanaryWfError
from canary_wf.job import InvalidTypeError, Job, JobPhase, load_job_from_file
from canary_wf.spec.job_spec import Baseline


def wait_for(path: Path) -> int:
    """Return the number in `path`, once it is there."""
    end = time.monotonic() + 20
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return int(path.read_text())


def test_a_job_runs_and_its_state_file_tells_how_it_ended(tmp_path: Path) -> None:
    """Output in one file, verdict from the exit code, measurements, all of it in `job.json`."""
    job = run(job_in(tmp_path, shell("a", "echo one; echo two >&2; exit 64")))
    assert job.read_output() == "one\ntwo\n"
    assert (job.state.phase, job.status.outcome.name) == (JobPhase.DONE, "DIFFED")
    assert set(job.measurements.data) >= {"duration", "cpu_user", "cpu_system", "max_rss"}
    stored = load_job_from_file(job.lockfile)
    assert stored.getstate() == job.getstate()


def test_output_can_be_compressed(tmp_path: Path) -> None:
    """What is packed is smaller and can be read again; a job without output has none."""
    job = job_in(tmp_path, shell("a", "yes canary | head -n 2000; printf '\\377'"))
    assert job.read_output() == ""
    run(job)
    packed = job.read_output(compress=True)
    assert len(packed) < 300
    assert zlib.decompress(base64.b64decode(packed)).decode() == job.read_output() == "canary\n" * 2000 + "\ufffd"


def test_the_environment_names_ids_folder_and_variables(tmp_path: Path) -> None:
    """Declared variables, those added, those unset, and the ids the job was given."""
    text = 'echo "$A $B ${HOME-none} $CANARY_CPU_IDS $CUDA_VISIBLE_DEVICES $OMP_NUM_THREADS"; pwd; echo $CANARY_WF_JOB'
    job = job_in(tmp_path, shell("a", text, environment={"A": "1"}, cpus=2))
    job.add_variables(B="2")
    job.variables["HOME"] = None
    job.assign_resources({"cpus": [{"id": "4"}, {"id": "5"}], "gpus": [{"id": "9"}]})
    run(job)
    assert job.read_output().splitlines() == [
        "1 2 none 4,5 9 2",
        str(job.workspace.dir),
        str(job.lockfile),
    ]
    assert job.get_environ_from_spec() == {"A": "1"}


def test_an_environment_is_changed_in_place(tmp_path: Path) -> None:
    """A mapping such as `os.environ` becomes that of the job; what the job must not see is gone."""
    job = job_in(tmp_path, spec("a", environment={"A": "1"}))
    environment = {"PATH": "/bin", "HIP_VISIBLE_DEVICES": "0"}
    job.set_runtime_env(environment)
    assert environment["A"] == "1"
    assert environment["PATH"] == f"{job.workspace.dir}:/bin"
    assert "HIP_VISIBLE_DEVICES" not in environment
    with pytest.raises(InvalidTypeError, match="N: 3"):
        job.add_variables(N=3)  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.parametrize("pidfd", [True, False])
def test_a_timeout_ends_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, pidfd: bool) -> None:
    """SIGTERM first, SIGKILL for who ignores it, children included; also where the kernel has no pidfd."""
    if not pidfd:
        monkeypatch.setattr("canary_wf.process.process_watch.has_pidfd", lambda: False)
    job = run(job_in(tmp_path, shell("a", "trap '' TERM; sleep 100 & echo $! > child; wait; sleep 100", timeout=0.3)))
    assert (job.status.outcome.name, job.status.code) == ("TIMEOUT", 68)
    assert job.status.reason == "ran longer than its limit of 0.3 s"
    assert_gone(int(job.workspace.joinpath("child").read_text()))


def test_what_a_job_leaves_running_is_killed(tmp_path: Path) -> None:
    """A background process does not outlive its job."""
    job = run(job_in(tmp_path, shell("a", "sleep 100 & echo $! > child")))
    assert job.status.outcome.name == "SUCCESS"
    assert_gone(int(job.workspace.joinpath("child").read_text()))


@pytest.mark.parametrize(
    ("command", "reason"),
    [((), "no command"), (("no-such-program",), "is not found"), (("./nothing",), "is not found"), (("a\0b",), "null")],
)
def test_a_job_that_cannot_start_is_broken(tmp_path: Path, command: tuple[str, ...], reason: str) -> None:
    """The reason says what is wrong; the job is over."""
    job = run(job_in(tmp_path, spec("a", command=command)))
    assert (job.state.phase, job.status.outcome.name) == (JobPhase.DONE, "BROKEN")
    assert reason in str(job.status.reason)


def test_a_signal_is_told(tmp_path: Path) -> None:
    """A process that is killed fails with the negative number of its signal."""
    job = run(job_in(tmp_path, shell("a", "kill -9 $$")))
    assert (job.status.outcome.name, job.status.code) == ("FAILED", -9)
    assert job.status.reason == "killed by signal 9 (SIGKILL)"


class Interrupted:
    """A launcher during which Ctrl-C is pressed."""

    def run(self, job: Job, *, arguments: Sequence[str] = (), output: str = "") -> int:
        """Find the job running, and end by Ctrl-C."""
        assert job.state.is_running()
        raise KeyboardInterrupt(arguments, output)


def test_ctrl_c_leaves_no_job_running(tmp_path: Path) -> None:
    """The caller gets the exception; the job is interrupted, to be run again, also on the disk."""
    job = job_in(tmp_path, spec("a"))
    job.setup()
    job.launcher = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        job.run()
    assert load_job_from_file(job.lockfile).status.outcome.name == "INTERRUPTED"
    assert job.state.is_done()


_PROGRAM = """
import sys
from pathlib import Path
from canary_wf.job import ProcessLauncher
from canary_wf.job import load_job_from_file
job = load_job_from_file(sys.argv[1])
job.launcher = ProcessLauncher()
job.run()
"""


_KNOWN = "sleep 0.2"
"""Gives the program the time to name the job to its watchdog: one that is killed just before leaves the job behind."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_program_that_ran_it(tmp_path: Path, number: signal.Signals) -> None:
    """However the program dies, the job's process dies too, and whoever looks next finds the job interrupted."""
    job = job_in(tmp_path, shell("a", f"trap '' INT TERM; {_KNOWN}; echo $$ > pid; sleep 100"))
    job.setup()
    program = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(job.lockfile)], stderr=subprocess.DEVNULL)
    pid = wait_for(job.workspace.joinpath("pid"))
    while f'"pid":{pid}' not in job.lockfile.read_text():
        time.sleep(0.01)
    os.kill(program.pid, number)
    program.wait(20)
    assert_gone(pid)
    job.refresh()
    assert (job.state.phase, job.status.outcome.name) == (JobPhase.DONE, "INTERRUPTED")
    assert load_job_from_file(job.lockfile).status.outcome.name == "INTERRUPTED"


def test_a_job_that_runs_elsewhere_is_left_alone(tmp_path: Path) -> None:
    """While the program that runs it lives, looking at a job changes nothing."""
    job = job_in(tmp_path, shell("a", f"{_KNOWN}; echo $$ > pid; sleep 100"))
    job.setup()
    program = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(job.lockfile)], stderr=subprocess.DEVNULL)
    pid = wait_for(job.workspace.joinpath("pid"))
    try:
        job.refresh()
        assert job.state.is_running()
    finally:
        program.kill()
        program.wait()
        assert_gone(pid)


def test_finish_keeps_the_run_time_for_the_next_estimate(tmp_path: Path) -> None:
    """What a good run took is the next expectation; the same run is counted once, a failed one not."""
    job = run(job_in(tmp_path, shell("a", "exit 0", runtime=30.0)))
    assert (job.load_cached_runs(), job.runtime_source) == (None, "declared")
    job.finish()
    job.finish()
    known = job.load_cached_runs()
    assert known is not None
    assert (known["count"], known["name"], len(known["runs"])) == (1, "a", 1)
    again = job_in(tmp_path, shell("a", "exit 1", runtime=30.0))
    assert (again.runtime, again.runtime_source) == (job.measurements.data["duration"], "history")
    run(again).finish()
    assert again.runtime == job.measurements.data["duration"]


def test_baselines_are_copied_and_scripts_run(tmp_path: Path) -> None:
    """Results replace references beside the test file; a script gets its flag and prints to a file of its own."""
    reference = tmp_path / "ref.txt"
    reference.write_text("old")
    baselines = (Baseline("out.txt", str(reference)), Baseline(arguments=("--rebase",)))
    command = ("sh", "-c", 'echo "new$1" > out.txt; echo $1', "x")
    job = job_in(tmp_path, spec("a", command=command, baselines=baselines, file=str(tmp_path / "a.pyt")))
    run(job).do_baseline()
    assert reference.read_text() == "new\n"
    assert job.workspace.joinpath("canary-baseline.txt").read_text() == "--rebase\n"
    assert job.read_output() == "\n"


def test_a_missing_result_leaves_all_references(tmp_path: Path) -> None:
    """Nothing is replaced by halves, and a script that fails is an error with its output named."""
    reference = tmp_path / "ref.txt"
    reference.write_text("old")
    both = (Baseline("out.txt", str(reference)), Baseline("none.txt", str(tmp_path / "other.txt")))
    job = run(job_in(tmp_path, shell("a", "echo new > out.txt", baselines=both, file=str(tmp_path / "a.pyt"))))
    with pytest.raises(CanaryWfError, match=r"there is no 'none.txt'"):
        job.do_baseline()
    assert reference.read_text() == "old"
    failing = job_in(tmp_path, shell("b", "exit 4", baselines=(Baseline(arguments=("-x",)),)))
    with pytest.raises(CanaryWfError, match=r"exit code 4.*canary-baseline.txt"):
        run(failing).do_baseline()


@pytest.mark.parametrize(("source", "target"), [("../beside.txt", "tests/new"), ("out.txt", "ref.txt")])
def test_a_baseline_never_leads_out(tmp_path: Path, source: str, target: str) -> None:
    """What is taken lies in the working directory, what is replaced in the folder of the test file."""
    (tmp_path / "ref.txt").write_text("old")
    tests = tmp_path / "tests"
    tests.mkdir()
    baselines = (Baseline(source, str(tmp_path / target)),)
    job = run(
        job_in(
            tmp_path, shell("a", "echo x | tee out.txt ../beside.txt", baselines=baselines, file=str(tests / "a.pyt"))
        )
    )
    with pytest.raises(CanaryWfError, match="is not inside of"):
        job.do_baseline()
    assert (tmp_path / "ref.txt").read_text() == "old"


def test_a_dependent_job_finds_its_upstream(tmp_path: Path) -> None:
    """The running script learns from `job.json` where its upstream's files are."""
    script = tmp_path / "b.pyt"
    script.write_text(
        "import canary\nfor one in canary.get_instance().dependencies:\n    print(one.name, one.status.name)\n"
    )
    upstream = ended(job_in(tmp_path, spec("a")), "SUCCESS")
    upstream.save()
    job = run(job_in(tmp_path, spec("b", "a", kind="pyt", command=(str(script),)), upstream))
    assert job.read_output() == "a SUCCESS\n"
