"""A page of the documentation as one shell script, run in a folder as its reader has it."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import snakemake_server
from page_blocks import Block, blocks
from page_output import differences
from workspace import BIN, EXAMPLES

ROOT = EXAMPLES.parent

MORE = """
jobs:
  - {name: mesh, command: 'true', parameters: {n: [1, 2, 3]}, runtime: 1s, keywords: [fast]}
  - {name: solve, command: 'true', depends_on: ['mesh.*'], runtime: 2s}
"""
FAILING = """
jobs:
  - {name: mesh, command: 'true', parameters: {n: [1, 2, 3]}, runtime: 1s, keywords: [fast]}
  - {name: solve, command: [test, '${n}', '!=', '3'], parameters: {n: [1, 2, 3]}, depends_on: ['mesh.*'], runtime: 1s}
  - {name: new, command: [sh, -c, 'test ! -e "$BROKEN"'], runtime: 1s}
"""


def page_sandbox(folder: Path) -> Path:
    """Make `folder` one as a reader of the documentation has it: a checkout with a few tests.

    `failing` are tests of which some fail, `checkout` has what only a whole checkout has.
    """
    shutil.copytree(EXAMPLES, folder / "examples")
    shutil.copytree(EXAMPLES / "basic", folder / "tests")
    (folder / "tests" / "more.jobs.yaml").write_text(MORE)
    for name, text in (("failing", FAILING), ("home/tests", MORE)):
        (folder / name).mkdir(parents=True)
        (folder / name / "suite.jobs.yaml").write_text(text)
    _make_files(folder)
    (folder / "checkout").mkdir()
    _make_files(folder / "checkout")
    for name in ("benchmarks", "tests"):
        (folder / "checkout" / name).symlink_to(ROOT / name)
    return folder


def _make_files(folder: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)  # with its time, which make goes by
    # An environment that make takes for finished, so that it never installs anything into the one that runs the tests.
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(BIN.parent / name)
    for name in (".installed", ".dev"):
        (folder / ".venv" / name).touch()


_SNAKEMAKE = f'snakemake() {{ {shlex.join(snakemake_server.COMMAND)} "$@"; }}\n'
_EXPECT = """
expect() {
  echo "$2: $3" >&2
  if [ "$4" ]; then eval "$3" > "$4" 2>&1; else eval "$3"; fi
  local code=$?
  if [ $code != $1 ]; then echo "$2: $3: ended with $code, not $1" >&2; exit 1; fi
}
"""
"""Runs a command in the shell of the page; one that is no shell command ends as a failure, not as part of the next."""


def run_page(page: Path, sandbox: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the commands of `page` in `sandbox` from top to bottom, in one shell; it fails at the first surprise."""
    return subprocess.run(
        ["bash", "-c", _script(list(blocks(page)), sandbox)],
        cwd=sandbox,
        env={
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(sandbox / "home"),
            **snakemake_server.variables(),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def _script(found: list[Block], sandbox: Path) -> str:
    """Return the page as one bash script; each command must end as the page says."""
    lines = ["set -u", _SNAKEMAKE, _EXPECT]
    for block in found:
        if "in" in block.said:
            lines.append(f"cd '{sandbox}/{block.said['in']}'")
        if "first" in block.said:
            lines.append(f"expect 0 {block.place} {_shell(block.said['first'])} ''")
        if "file" in block.said:
            name = block.said["file"]
            lines.append(f"mkdir -p \"$(dirname {name})\"; cat > {name} <<'END_OF_FILE'")
            lines += [*block.lines, "END_OF_FILE"]
        if "cpus" in block.said:
            few = sorted(os.sched_getaffinity(0))[: int(block.said["cpus"])]
            lines.append(f"taskset -cp {','.join(map(str, few))} $$ > /dev/null")
        for number, (command, code) in enumerate(block.tested):
            output = _output(sandbox, block, number) if block.commands[number] in block.shown else ""
            lines.append(f"expect {code} {block.place} {_shell(command)} '{output}'")
    return "\n".join(lines) + "\n"


def _output(sandbox: Path, block: Block, number: int) -> Path:
    """Return the file for the output of a block's command."""
    return sandbox / f".output-{block.place.replace(':', '-')}-{number}"


def stale_outputs(page: Path, sandbox: Path) -> list[str]:
    """Return in which places the page shows what its commands, which have run in `sandbox`, did not print."""
    found = []
    for block in blocks(page):
        for number, command in enumerate(block.commands if block.tested else ()):
            if command in block.shown:
                printed = _output(sandbox, block, number).read_text(encoding="utf-8")
                difference = differences(block.shown[command], printed)
                found += [f"{block.place}: {command}\n{difference}"] if difference else []
    return found


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
