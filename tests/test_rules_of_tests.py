"""The rules that hold for all tests: the quick ones are quick, and none leaves a process behind."""

import os
import textwrap
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.long
SUPPORT = Path(__file__).parent / "support"


@pytest.fixture(autouse=True)
def _plugins_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))


def _run(pytester: pytest.Pytester, plugin: str, text: str, *options: str, folder: str = ".") -> pytest.RunResult:
    path = pytester.path / folder / "test_it.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    pytester.makeini("[pytest]\nmarkers =\n    long: long\n")
    return pytester.runpytest_subprocess("-p", plugin, *options, "-p", "no:cacheprovider", timeout=60)


SLOW = """
    import long_tests
    long_tests.LIMIT = 0.05
    long_tests.PRESSURE = long_tests.PRESSURE.with_name("none")
    def test_slow():
        import time; time.sleep(0.1)
    def test_quick():
        pass
"""


def test_a_slow_test_without_a_mark_fails(pytester: pytest.Pytester) -> None:
    """The message says what to do."""
    done = _run(pytester, "long_tests", SLOW, "--quick")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*make it quicker than 0.05 s, or mark it `long`*"])


def test_a_folder_of_long_tests_may_be_slow(pytester: pytest.Pytester) -> None:
    """Its tests are marked as they are collected."""
    _run(pytester, "long_tests", SLOW, "--quick", folder="slurm").assert_outcomes(passed=2)


def test_a_process_that_is_left_behind_fails_the_run(pytester: pytest.Pytester) -> None:
    """It is named and ended, also when it left its parent."""
    text = """
        import left_processes, subprocess
        left_processes.PATIENCE = 0.1
        def test_it():
            subprocess.run(["sh", "-c", "exec >/dev/null 2>&1; setsid sleep 77 & echo $! > pid"], check=True)
    """
    done = _run(pytester, "left_processes", text)
    done.assert_outcomes(passed=1)
    pid = int((pytester.path / "pid").read_text())
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines([f"left behind by a test: process {pid}: sleep 77*"])
    with pytest.raises(ProcessLookupError):
        _living(pid)


def _living(pid: int) -> None:
    os.kill(pid, 0)
    if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
        raise ProcessLookupError(pid)
