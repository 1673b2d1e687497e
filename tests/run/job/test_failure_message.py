"""Reasons of verdicts that come from the test itself: real processes, judged as the runner judges them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories import spec

from canary_wf.run.job.environment import RUNTIME_FOLDER
from canary_wf.run.job.judgement import judge
from canary_wf.runtime.canary.notes import LONGEST_REASON, note_end, read_notes, read_reason
from canary_wf.spec.ctest_rules import CTestRules

NOISE = "print('-' * 20000)\n"
"""Behind the traceback, as Python writes it last; a line without a word says nothing."""


def _judged(folder: Path, script: str, **fields: object) -> tuple[str, int, str | None]:
    output = folder / "canary-out.txt"
    (folder / "job.json").write_text('{"spec": {}}')
    environment = {**os.environ, "CANARY_WF_JOB": str(folder / "job.json"), "PYTHONPATH": RUNTIME_FOLDER}
    with output.open("wb") as file:
        command = [sys.executable, "-c", script]
        code = subprocess.run(command, cwd=folder, env=environment, stdout=file, stderr=file, check=False).returncode
    status = judge(spec("a", **fields), code, output)
    return status.outcome.name, status.code, status.reason


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("raise canary.TestFailed('Simulation exited with code 4')", ("FAILED", 65, "Simulation exited with code 4")),
        ("raise canary.TestDiffed('off by 3')", ("DIFFED", 64, "off by 3")),
        ("raise canary.TestSkipped('no mesh here')", ("SKIPPED", 80, "no mesh here")),
        ("raise canary.TestTimedOut('gave up')", ("FAILED", 68, "gave up")),
        ("raise canary.TestFailed", ("FAILED", 65, "exit code 65: TestFailed")),
        ("assert 1 == 2, 'expected 2, got 3'", ("FAILED", 1, "AssertionError: expected 2, got 3")),
        ("raise ValueError('a\\n b\\x1b[31m\\ud800')", ("FAILED", 1, "ValueError: a b\\x1b[31m\\ud800")),
        ("try: raise canary.TestFailed('caught')\nexcept canary.TestFailed: sys.exit(3)", ("FAILED", 3, "exit code 3")),
        ("sys.exit('the mesh is\\n broken')", ("FAILED", 1, "the mesh is broken")),
        ("sys.exit(('a', 1))", ("FAILED", 1, "('a', 1)")),
        ("sys.exit(1)", ("FAILED", 1, "exit code 1")),
        ("sys.exit('')", ("FAILED", 1, "exit code 1")),
        ("try: sys.exit('caught')\nexcept SystemExit: sys.exit(1)", ("FAILED", 1, "exit code 1")),
        ("try: sys.exit('caught')\nexcept SystemExit: sys.exit(3)", ("FAILED", 3, "exit code 3")),
        ("try: sys.exit('caught')\nexcept SystemExit: raise ValueError('v')", ("FAILED", 1, "ValueError: v")),
        ("try: sys.exit('caught')\nexcept SystemExit: raise canary.TestFailed('t')", ("FAILED", 65, "t")),
        (
            (
                "import threading\nt = threading.Thread(target=sys.exit, args=('of a thread',))\n"
                "t.start(); t.join()\nsys.exit(1)"
            ),
            ("FAILED", 1, "exit code 1"),
        ),
        (
            "import os\nif os.fork() == 0: sys.exit('of a child')\nos.wait(); sys.exit(1)",
            ("FAILED", 1, "exit code 1: of a child"),
        ),
        ("sys.excepthook = print; raise canary.TestFailed('own hook')", ("FAILED", 65, "own hook")),
    ],
)
def test_the_message_of_the_exception_is_the_reason(
    tmp_path: Path, statement: str, expected: tuple[str, int, str]
) -> None:
    """Whatever is printed around it, what the test raised says why it failed; what was caught does not."""
    assert _judged(tmp_path, f"import canary, sys\n{NOISE}{statement}\n") == expected


@pytest.mark.parametrize("beginning", ["import canary\n", ""])
def test_an_error_without_a_message_has_its_place(tmp_path: Path, beginning: str) -> None:
    """With the line of the source there; of a test of canary's, and of any other script."""
    script = tmp_path / "plain.pyt"

    def reason(statement: str) -> str:
        script.write_text(f"{beginning}def test():\n    {statement}\n\ntest()\n")
        run = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
        said = _judged(tmp_path, run)[2]
        assert said is not None
        return said.removeprefix("exit code 1: ")

    line = beginning.count("\n") + 2
    assert reason("assert 1 + 1 == 3") == f"AssertionError at plain.pyt:{line}: assert 1 + 1 == 3"
    assert reason("raise __import__('queue').Empty").endswith(
        f"Empty at plain.pyt:{line}: raise __import__('queue').Empty"
    )
    assert reason("assert 1 + 1 == 3, 'no'") == "AssertionError: no"
    assert "\x1b" not in reason("assert '\x1b[31m' == 3")
    assert len(reason(f"assert {'1 + ' * 10_000} 1 == 3")) <= LONGEST_REASON


def test_the_place_of_another_error_is_not_taken(tmp_path: Path) -> None:
    """What a test printed of an error that it caught says nothing about the one that ended it."""
    caught = "import canary, traceback\ntry: open('/none')\nexcept OSError: traceback.print_exc()\n"
    assert _judged(tmp_path, f"{caught}raise AssertionError")[2] == "AssertionError"


def test_a_huge_message_is_cut(tmp_path: Path) -> None:
    """A reason stays a line of bounded length."""
    _, _, reason = _judged(tmp_path, "import canary\nraise canary.TestFailed('x ' * 10_000_000)")
    assert reason is not None
    assert len(reason) == LONGEST_REASON
    assert reason.endswith("…")


def test_a_message_that_cannot_be_said_is_told_so(tmp_path: Path) -> None:
    """An exception class that fails to say itself changes neither the exit code nor the output of the hook."""
    script = "import canary\nclass Mine(canary.TestDiffed):\n    def __str__(self): raise KeyError\nraise Mine"
    assert _judged(tmp_path, script) == ("DIFFED", 64, "(its message cannot be shown: KeyError)")


def test_the_last_traceback_stands_behind_the_exit_code(tmp_path: Path) -> None:
    """Of other Python scripts the last error at the end of the output is told, chained ones and broken syntax too."""
    chained = "try: {}['a']\nexcept KeyError as error: raise RuntimeError('in the end') from error"
    assert _judged(tmp_path, chained)[2] == "exit code 1: RuntimeError: in the end"
    assert _judged(tmp_path, "x =")[2] == "exit code 1: SyntaxError: invalid syntax"
    assert _judged(tmp_path, "raise SystemExit(1)")[2] == "exit code 1"
    assert _judged(tmp_path, "raise KeyError", kind="ctest", ctest=CTestRules())[2] == "exit code 1: KeyError"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "print('a'); print('mesh is singular'); print(); print('=' * 9); sys.exit(3)",
            "exit code 3: mesh is singular",
        ),
        ("print('off by 3'); sys.exit(64)", "the test found differences: off by 3"),
        ("print('no gpu here'); sys.exit(80)", "the test skipped itself: no gpu here"),
        ("print('step 7', flush=True); os.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL): step 7"),
        (r"print('\x1b[31mred\x1b[0m \x1b]0;title\x07\x07end'); sys.exit(2)", r"exit code 2: red \x07end"),
        (r"print('10%\r99%\r100%\r'); sys.exit(2)", "exit code 2: 100%"),
        (r"sys.stdout.buffer.write(b'text\n' + bytes(range(128, 256)) * 9); sys.exit(2)", "exit code 2: text"),
        (r"sys.stdout.buffer.write(b'gr\xf6\xdfe\n'); sys.exit(2)", "exit code 2: gr\ufffd\ufffde"),
        ("print('x' * 3_000_000); sys.exit(2)", "exit code 2: " + "x" * (LONGEST_REASON - 1) + "…"),
        ("print('a' + chr(10) * 100_000); sys.exit(2)", "exit code 2"),
        ("os.remove('canary-out.txt'); sys.exit(2)", "exit code 2"),
        ("os.remove('canary-out.txt'); os.mkfifo('canary-out.txt'); sys.exit(2)", "exit code 2"),
    ],
)
def test_the_last_line_stands_behind_what_the_exit_code_means(tmp_path: Path, script: str, expected: str) -> None:
    """Of any program, whatever it prints: without escapes, rules and binary data, and short."""
    assert _judged(tmp_path, f"import os, sys\n{script}")[2] == expected


def test_what_passed_has_no_reason(tmp_path: Path) -> None:
    """Nor has what failed as it should."""
    assert _judged(tmp_path, "print('fine')")[2] is None
    assert _judged(tmp_path, "print('as expected'); raise SystemExit(3)", xstatus=3)[2] is None


def test_what_was_expected_stands_before_the_message(tmp_path: Path) -> None:
    """A failure other than the expected one says both; an expected one needs no reason."""
    script = "import canary\nraise canary.TestFailed('too hot')"
    assert _judged(tmp_path, script, xstatus=3)[2] == "expected exit code 3, but it ended with exit code 65: too hot"
    assert _judged(tmp_path, script, xstatus=-1) == ("XFAIL", 11, None)


def test_notes_and_the_reason_do_not_replace_each_other(tmp_path: Path) -> None:
    """Measurements taken before the end, and in the teardown behind it, stay beside the reason."""
    script = """
import atexit, canary
job = canary.get_instance()
job.add_measurement("before", 1)
atexit.register(job.add_measurement, "after", 2)
raise canary.TestFailed("why")
"""
    assert _judged(tmp_path, script)[2] == "why"
    assert read_notes(str(tmp_path))[1] == {"before": 1, "after": 2}


@pytest.mark.parametrize("content", ["[]", "{", '{"status": 3}', '{"status": {"code": 1, "reason": 3}}', "[" * 100_000])
def test_what_is_no_note_says_nothing(tmp_path: Path, content: str) -> None:
    """A file that a job put in the place of the notes changes no verdict."""
    (tmp_path / "testcase.lock").write_text(content)
    assert read_reason(str(tmp_path), 1) is None


def test_a_script_run_by_hand_notes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a job there is no folder for notes, and none is made in the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CANARY_WF_JOB", raising=False)
    note_end("why", 1)
    assert not list(tmp_path.iterdir())
