"""The command line as a process: pipes that close, Ctrl-C, and devices as targets."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import CommandLine

PROGRAM = [sys.executable, "-m", "canary_wf"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["find", "tree"],
        ["find", "tree", "--json"],
        ["--help"],
        ["find", "--help"],
        ["plan", "tree", "-b", "scheduler=local"],
    ],
)
def test_a_reader_that_goes_away_is_no_error(small: CommandLine, arguments: list[str]) -> None:
    """`canary-wf … | head` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd=small.folder, stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(small: CommandLine, closed: str) -> None:
    """A caller that wants to hear nothing hears nothing; the work is done."""
    line = f'"$0" -m canary_wf generate tree -d out -b scheduler=local {closed}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable], cwd=small.folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (small.out / "workflow" / "Snakefile").is_file()


def test_ctrl_c_ends_with_130_and_leaves_nothing(cli: CommandLine) -> None:
    """In the middle of reading a test file: one line, no traceback, no half-written OUT."""
    up = cli.folder / "up"
    cli.write("slow.pyt", f"import pathlib, time\npathlib.Path({str(up)!r}).touch()\ntime.sleep(60)\n")
    line = [*PROGRAM, "generate", "tree", "-d", "out", "-b", "scheduler=local"]
    process = subprocess.Popen(
        line, cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        end = time.monotonic() + 30
        while not up.exists():
            assert time.monotonic() < end, "the test file was not read in time"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == ("", "canary-wf: interrupted\n")
    assert cli.files() == []


def test_a_report_to_a_device_goes_through_it(small: CommandLine) -> None:
    """A device or pipe must not be replaced by a file."""
    small.generate()
    pipe = small.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        small("report", "json", "-d", small.out, "-o", pipe)
        out, _ = reader.communicate(timeout=30)
    assert out == small("report", "json", "-d", small.out).out
    assert pipe.is_fifo()


def test_the_program_starts_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Even that is one line."""
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"""
import os, runpy, sys
os.rmdir({str(gone)!r})
sys.argv = ['canary-wf', 'find']
runpy.run_module('canary_wf', run_name='__main__')
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=gone, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode in {3, 4}
    assert done.stderr.startswith("canary-wf: ")
    assert done.stderr.count("\n") == 1


def test_help_imports_neither_planning_nor_what_writes_workflows() -> None:
    """What a command needs for its work is imported when it works."""
    late = ["jinja2", "canary_wf.generation", "canary_wf.plan.planner", "canary_wf.workflow.snakefile"]
    code = (
        "import sys; from canary_wf.cli.main import main; main(['generate', '--help']);"
        f"print([name for name in sys.modules if name in {late}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: canary-wf generate" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
