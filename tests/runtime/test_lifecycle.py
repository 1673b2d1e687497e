"""What happens around a test: modules, rc files, setup and teardown, in the process that the runner starts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from canary_wf.run.job.launcher import REPORT, prepared, why_broken
from canary_wf.runtime import RUNTIME
from canary_wf.spec.job_spec import EnvironmentModule, JobSpec, Preparation

SCRIPT = """
import os, sys
from canary_pyt import directives as d
LINES = []
@d.setup
def before(job):
    print("setup", job.name, os.path.basename(os.getcwd()), flush=True)
    os.environ["BY_ENVIRON"] = "1"
    job.variables["BY_JOB"] = "2"
    {setup}
@d.teardown
def after(job):
    print("teardown", job.status.category, job.status.outcome, flush=True)
    {teardown}
if __name__ == "__main__":
    print("body", os.environ.get("BY_ENVIRON"), os.environ.get("BY_JOB"), sys.argv[1:], flush=True)
    {body}
"""


class Around:
    """One job in its folder, run with what its file wants around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "job"
        self.folder.mkdir()
        self.environment = {**os.environ, "PYTHONPATH": f"{self.folder}{os.pathsep}{RUNTIME}"}

    def start(self, preparation: Preparation, *arguments: str, xstatus: int = 0) -> "subprocess.Popen[str]":
        """Start the script with further `arguments`, as the runner would."""
        spec = JobSpec(
            id="0", name="t", family="t", path="t.pyt", file=str(self.folder / "t.pyt"), kind="pyt", directory="job",
            command=("t.pyt", *arguments), xstatus=xstatus, preparation=preparation,
        )  # fmt: skip
        record = {"id": "0", "name": "t", "spec": {"id": "0", "name": "t", "family": "t"}}
        (self.folder / "job.json").write_text(json.dumps(record))
        command = prepared(spec, [sys.executable, *spec.command], sys.executable)
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, preparation: Preparation, *arguments: str, xstatus: int = 0) -> tuple[int, str]:
        """Return how the script ended and what was printed."""
        process = self.start(preparation, *arguments, xstatus=xstatus)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def script(self, setup: str = "pass", teardown: str = "pass", body: str = "pass") -> None:
        """Write the script."""
        text = SCRIPT.replace("{setup}", setup).replace("{teardown}", teardown).replace("{body}", body)
        (self.folder / "t.pyt").write_text(text)


BOTH = Preparation("t.pyt", setup="before", teardown="after")


@pytest.fixture
def around(tmp_path: Path) -> Around:
    """Return an empty job folder."""
    return Around(tmp_path)


def test_setup_body_and_teardown_run_in_this_order(around: Around) -> None:
    """What setup puts into the environment, or the job's variables, reaches the body; arguments do too."""
    around.script()
    code, output = around.run(BOTH, "--analyze")
    assert code == 0
    assert output.splitlines() == ["setup t job", "body 1 2 ['--analyze']", "teardown PASS SUCCESS"]
    assert why_broken(around.folder) is None


def test_without_teardown_the_process_becomes_the_test(around: Around) -> None:
    """No process waits behind the test for nothing."""
    around.script(body="print(os.getpid() == os.getpgrp())")
    code, output = around.run(Preparation("t.pyt", setup="before"))
    assert (code, output.splitlines()[-1]) == (0, "True")


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        ("raise RuntimeError('no disk')", "its setup failed: RuntimeError: no disk"),
        ("sys.exit(64)", "its setup failed: SystemExit: 64"),
        ("import canary; raise canary.TestSkipped('x')", "its setup failed: TestSkipped: x"),
        ("raise KeyError", "its setup failed: KeyError"),
    ],
)
def test_a_setup_that_fails_breaks_the_job(around: Around, setup: str, reason: str) -> None:
    """Neither body nor teardown run, and the reason is left for the runner."""
    around.script(setup=setup)
    code, output = around.run(BOTH)
    assert code == 67
    assert why_broken(around.folder) == reason
    assert "body" not in output
    assert "teardown" not in output


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("sys.exit(3)", 3, "FAIL FAILED"),
        ("sys.exit(64)", 64, "FAIL DIFFED"),
        ("sys.exit(80)", 80, "SKIP SKIPPED"),
        ("os.kill(os.getpid(), 9)", -9, "FAIL FAILED"),
        ("os.kill(os.getpid(), 11)", -11, "FAIL FAILED"),
    ],
)
def test_teardown_runs_whatever_the_body_did(around: Around, body: str, code: int, told: str) -> None:
    """It is told the verdict, and the process ends as the body did, by the same signal even."""
    around.script(body=body)
    ended, output = around.run(BOTH)
    assert (ended, output.splitlines()[-1]) == (code, f"teardown {told}")


def test_teardown_knows_what_was_expected(around: Around) -> None:
    """A failure that the file expects is told as such."""
    around.script(body="sys.exit(3)")
    assert around.run(BOTH, xstatus=3)[1].splitlines()[-1] == "teardown PASS XFAIL"


@pytest.mark.parametrize("teardown", ["raise RuntimeError('left over')", "sys.exit(5)"])
def test_a_teardown_that_fails_changes_no_verdict(around: Around, teardown: str) -> None:
    """It is told in the job's output."""
    around.script(teardown=teardown)
    code, output = around.run(BOTH)
    assert code == 0
    assert "teardown failed:" in output


def test_teardown_runs_when_the_runner_ends_the_job(around: Around) -> None:
    """SIGTERM to the group, as after the time limit, ends the body; teardown still runs, and is told TIMEOUT."""
    around.script(body="import time; time.sleep(60)")
    process = around.start(BOTH)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("body"):
        assert process.poll() is None
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert output.splitlines()[-1] == "teardown FAIL TIMEOUT"


def test_a_function_that_is_not_there_breaks_the_job(around: Around) -> None:
    """The file may define it by condition; then the reason says so."""
    (around.folder / "t.pyt").write_text("")
    assert around.run(BOTH)[0] == 67
    assert "could not be loaded for its setup" in str(why_broken(around.folder))


def test_sourced_files_make_the_environment(around: Around) -> None:
    """What the file exports or sets reaches the test, what it unsets does not, names are never shell text."""
    rcfile = around.folder / "it's $(touch owned) `x`.rc"
    rcfile.write_text('export A="a\nb"\nB=2\nunset GONE\necho noise\nfalse\n')
    (around.folder / "t.pyt").write_text("import os; print(*(repr(os.environ.get(n)) for n in ('A', 'B', 'GONE')))")
    around.environment["GONE"] = "x"
    code, output = around.run(Preparation("t.pyt", rcfiles=(str(rcfile),)))
    assert (code, output.splitlines()[-1]) == (0, "'a\\nb' '2' None")
    assert not (around.folder / "owned").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "there is no such file to source"),
        ("if then\n", "sourcing it failed with exit code 2"),
        ("exit 3\n", "sourcing it failed with exit code 3"),
        ("exit 0\n", "it ends the shell that sources it"),
        ("set -e\nfalse\n", "sourcing it failed with exit code 1"),
    ],
)
def test_a_file_that_cannot_be_sourced_breaks_the_job(around: Around, text: str | None, reason: str) -> None:
    """The test does not run in half an environment."""
    rcfile = around.folder / "env.rc"
    if text is not None:
        rcfile.write_text(text)
    (around.folder / "t.pyt").write_text("print('body')")
    code, output = around.run(Preparation("t.pyt", rcfiles=(str(rcfile),)))
    assert code == 67
    assert "body" not in output
    assert reason in str(why_broken(around.folder))


MODULECMD = """#!{python}
import sys
if sys.argv[2] == "load" and sys.argv[3] == "good":
    print("import os\\nos.environ['LOADED'] = 'good'\\nos.environ.pop('GONE', None)")
elif sys.argv[2] == "use":
    print(f"import os\\nos.environ['MODULEPATH'] = {{sys.argv[3]!r}}")
elif sys.argv[3] == "status":
    print("_mlstatus = False")
    sys.stderr.write("Lmod has detected: no such module")
elif sys.argv[3] == "raises":
    print("raise RuntimeError('broken')")
else:
    sys.stderr.write("ERROR: unable to locate a modulefile")
    sys.exit(1)
"""


@pytest.fixture
def modulecmd(around: Around) -> Path:
    """Return a stand-in for the program behind `module`."""
    path = around.folder / "cmd"
    path.write_text(MODULECMD.format(python=sys.executable))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("variable", ["LMOD_CMD", "MODULES_CMD", "MODULESHOME", "PATH"])
def test_modules_are_loaded(around: Around, modulecmd: Path, variable: str) -> None:
    """The program behind `module` is found wherever a module system says that it is."""
    value: Any = modulecmd
    if variable in {"MODULESHOME", "PATH"}:
        target = around.folder / "bin" / "modulecmd"
        target.parent.mkdir()
        target.symlink_to(modulecmd)
        value = f"{target.parent}{os.pathsep}{os.environ['PATH']}" if variable == "PATH" else around.folder
    around.environment[variable] = str(value)
    (around.folder / "t.pyt").write_text("import os; print(os.environ['LOADED'], os.environ['MODULEPATH'])")
    code, output = around.run(Preparation("t.pyt", modules=(EnvironmentModule("good", "/opt/modules"),)))
    assert (code, output) == (0, "good /opt/modules\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("status", "module load status: failed (Lmod has detected: no such module)"),
        ("raises", "module load raises: failed (RuntimeError: broken)"),
        ("none", "module load none: failed (ERROR: unable to locate a modulefile)"),
    ],
)
def test_a_module_that_cannot_be_loaded_breaks_the_job(around: Around, modulecmd: Path, name: str, reason: str) -> None:
    """The reason is what the module system said."""
    around.environment["LMOD_CMD"] = str(modulecmd)
    (around.folder / "t.pyt").write_text("print('body')")
    assert around.run(Preparation("t.pyt", modules=(EnvironmentModule(name),)))[0] == 67
    assert why_broken(around.folder) == reason


def test_without_a_module_system_the_reason_says_so(around: Around) -> None:
    """There is nothing to load modules with."""
    for name in ("LMOD_CMD", "MODULES_CMD", "MODULESHOME"):
        around.environment.pop(name, None)
    around.environment["PATH"] = str(around.folder)
    (around.folder / "t.pyt").write_text("")
    assert around.run(Preparation("t.pyt", modules=(EnvironmentModule("gcc"),)))[0] == 67
    assert "there are no environment modules here" in (around.folder / REPORT).read_text()
