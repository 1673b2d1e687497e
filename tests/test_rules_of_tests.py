"""The rules for all tests: quick ones are quick, long ones begin first, and none leaves a process behind."""

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


def test_each_worker_begins_with_long_tests_and_half_of_them_with_slurm(pytester: pytest.Pytester) -> None:
    """Tests of a group stay together; the quick ones, which are collected first, come last."""
    for folder, mark, count in (("a", "long", 1), ("b", "xdist_group('g')", 8), ("e2e", "xdist_group('g')", 3)):
        path = pytester.path / folder / f"test_{folder}.py"
        path.parent.mkdir()
        path.write_text(
            f"import pytest\n@pytest.mark.{mark}\n@pytest.mark.parametrize('n', range({count}))\ndef test_it(n): pass\n"
        )
    text = """
        import pytest
        @pytest.mark.parametrize("n", range(3))
        def test_it(n): pass
    """
    options = ("-p", "longest_first", "-n", "2", "--dist", "worksteal", "-v")
    done = _run(pytester, "long_tests", text, *options, folder="slurm")
    done.assert_outcomes(passed=15)
    ran = [(line.split()[0], line.split()[-1]) for line in done.outlines if line.startswith("[gw")]
    # Which worker takes which stretch depends on which is ready first.
    starts = {tuple(test for each, test in ran if each == worker)[:3] for worker in ("[gw0]", "[gw1]")}
    names = ("slurm/test_it.py", "e2e/test_e2e.py")
    assert starts == {tuple(f"{name}::test_it[{number}]" for number in range(3)) for name in names}


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
