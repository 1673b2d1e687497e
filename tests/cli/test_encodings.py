"""Names of jobs in a terminal, a pipe and a CI log: letters that the locale lacks, and what a CI runner would obey."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CommandLine

from canary_wf.plan.store import load_plan, newest_session

NAME = "größe-Ωß"
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
"""A locale in which Python names files in ASCII."""


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-m", "canary_wf", *arguments]
    return subprocess.run(program, cwd=folder, env=os.environ | ASCII, capture_output=True, timeout=60, check=False)


def test_every_command_takes_names_that_the_locale_has_no_letters_for(cli: CommandLine) -> None:
    """The folders are those of a UTF-8 locale, the terminal gets escapes, and what is for programs stays UTF-8."""
    cli.write("a.jobs.yaml", f"jobs:\n  - {{name: {NAME}, command: [sh, -c, 'echo x; exit 1']}}\n")
    assert cli.generate().code == 0
    plan = load_plan(newest_session(cli.out).plan)
    batch = plan.batches[0].id
    assert _run(cli.out, "run-batch", batch, "--plan", str(newest_session(cli.out).plan)).returncode == 0
    folder = newest_session(cli.out).job(NAME)
    assert (folder / "canary-out.txt").read_text() == "x\n"
    status = _run(cli.out, "status")
    assert (status.returncode, status.stderr) == (1, b"")
    assert b"FAIL gr\\xf6\\xdfe-\\u03a9\\xdf" in status.stdout
    assert b": exit code 1: x\n" in status.stdout
    assert json.loads(_run(cli.out, "status", "--json").stdout)["jobs"][0]["name"] == NAME
    assert NAME in _run(cli.out, "report", "junit").stdout.decode()
    assert _run(cli.out, "report", "html", "-o", "page.html").stderr == b"Wrote page.html\n"
    assert NAME in (cli.out / "page.html").read_text()
    assert _run(cli.out, "location", NAME).stdout.decode() == f"{folder}\n"
    assert _run(cli.out, "log", NAME).stdout == b"x\n"
    assert _run(cli.out, "find", str(cli.tree)).stdout.endswith(b"gr\\xf6\\xdfe-\\u03a9\\xdf\n")


@pytest.mark.parametrize("hostile", ["##[error]x", "::error::x", "a ##[set-env name=X]y"])
def test_no_output_is_a_command_to_a_github_runner(cli: CommandLine, hostile: str) -> None:
    """It obeys two colons at the start of a line, after blanks, and ``##[`` anywhere."""
    script = json.dumps(f"echo '{hostile}'; exit 1")
    keyword = json.dumps(hostile)
    cli.write(
        "a.jobs.yaml",
        f"jobs:\n  - {{name: a, command: [sh, -c, {script}], parameters: {{p: [{keyword}]}}, keywords: [{keyword}]}}\n",
    )
    cli.generate()
    plan = load_plan(newest_session(cli.out).plan)
    ran = _run(cli.out, "run-batch", plan.batches[0].id, "--plan", str(newest_session(cli.out).plan))
    printed = [ran.stdout.decode()]
    for command in ("status", "status --json", "status -r all", "history", "rerun --failed"):
        printed.append(cli(*command.split(), "-d", cli.out).out)
        if command == "status":
            kinds = ("markdown", "junit", "html", "summary", "json")
            printed += [cli("report", kind, "-d", cli.out).out for kind in kinds]
    printed += [cli("find", cli.tree, "-v", "-k", "nobody").out, cli("find", cli.tree, "--json").out]
    for text in printed:
        assert text
        assert "##[" not in text
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
