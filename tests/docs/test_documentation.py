"""The documentation holds: its commands run, its examples are understood, its reference is fresh, its links lead on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from page_blocks import Block, blocks
from workspace import BIN, EXAMPLES

ROOT = EXAMPLES.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

ELSEWHERE = {
    "performance.md": "its commands are benchmarks, which take minutes to hours",
    "slurm.md": "its commands need a cluster; tests/slurm runs them on one",
    "reports.md": "its commands need two sessions with failures; tests/cli/test_session_commands.py runs them",
    "reliability.md": "its commands break machines; the tests of faults run them",
}
"""Pages whose commands are run by other tests, or are no tests."""

EXTRA = """
jobs:
  - {name: mesh, command: 'true', parameters: {n: [1, 2, 3]}, runtime: 1s, keywords: [fast]}
  - {name: solve, command: 'true', depends_on: ['mesh.*'], runtime: 2s}
"""


def _named(page: Path) -> str:
    return page.name


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    """Return a folder as a reader of the documentation has it: a checkout with a few tests."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)  # with its time, which make goes by
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    shutil.copytree(EXAMPLES / "basic", tmp_path / "tests")
    (tmp_path / "tests" / "more.jobs.yaml").write_text(EXTRA)
    # An environment that make takes for finished, so that it never installs anything into the one that runs the tests.
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    for name in (".installed", ".dev"):
        (tmp_path / ".venv" / name).touch()
    return tmp_path


def _script(found: list[Block], sandbox: Path) -> str:
    """Return the page as one bash script; each command must end as the page says."""
    lines = ["set -u", 'expect() { if [ $2 != $1 ]; then echo "$3: $4: ended with $2, not $1" >&2; exit 1; fi; }']
    for block in found:
        if "in" in block.said:
            lines.append(f"cd '{sandbox}/{block.said['in']}'")
        if "first" in block.said:
            lines += [block.said["first"], f"expect 0 $? {block.place} first"]
        if "file" in block.said:
            name = block.said["file"]
            lines.append(f"mkdir -p \"$(dirname {name})\"; cat > {name} <<'END_OF_FILE'")
            lines += [*block.lines, "END_OF_FILE"]
        commands = [] if "not run" in block.said else block.commands
        for number, command in enumerate(commands):
            code = block.said.get("ends with", "0") if number == len(commands) - 1 else "0"
            lines += [f"echo {block.place} >&2", command, f"expect {code} $? {block.place} {_shell(command)}"]
    return "\n".join(lines) + "\n"


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in ELSEWHERE], ids=_named)
def test_the_commands_of_a_page_run(page: Path, sandbox: Path) -> None:
    """From top to bottom, in one shell, as somebody who follows the page types them."""
    found = list(blocks(page))
    for tool in " ".join(block.said.get("needs", "") for block in found).split():
        if shutil.which(tool) is None:
            assert os.environ.get("CI") != "true", f"{tool} is missing"
            pytest.skip(f"needs {tool}, which is not installed")
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "SLURM_CONF": os.devnull,  # a cluster that other tests start must not be planned for
        "HOME": str(sandbox / "home"),
    }
    done = subprocess.run(
        ["bash", "-c", _script(found, sandbox)],
        cwd=sandbox,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_blocks_are_what_they_say_they_are(page: Path) -> None:
    """YAML is YAML, Python is Python but for Snakefiles; what is not run says why; no command hides in other blocks."""
    for block in blocks(page):
        text = "\n".join(block.lines)
        if block.language == "yaml":
            assert yaml.safe_load(text) is not None, block.place
        elif block.language == "python" and not re.search(r"^(rule|use rule|module) ", text, re.MULTILINE):
            compile(text, block.place, "exec")
        assert block.language in {"", "console", "text", "python", "yaml", "toml", "groovy"}, block.place
        assert block.said.get("not run", "a reason"), block.place
        if block.language == "console":
            assert block.commands, block.place


def test_pages_that_are_not_run_are_few_and_known() -> None:
    """Whoever adds a page has it run."""
    assert {page.name for page in PAGES} >= {"README.md", "tutorial.md", "embedding.md", "ci.md", "gpus.md"}
    run = {page.name: [command for block in blocks(page) for command in block.commands] for page in PAGES}
    assert sum(map(len, run.values())) > 60


def _reference() -> dict[str, str]:
    code = (
        "import json, sys; sys.path.insert(0, 'docs'); import make_reference; print(json.dumps(make_reference.pages()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    import json

    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_reference_is_fresh() -> None:
    """It is made from the program: after a change of options or schemas, run `make reference`."""
    for name, text in _reference().items():
        assert (ROOT / "docs" / "reference" / name).read_text() == text, f"{name} is out of date; run make reference"


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    """Pages and anchors, as the site is built; an unknown one is an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "tutorial" / "index.html").is_file()


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """It lies outside of the site."""
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert "://" in target or (ROOT / target).exists(), target


def test_the_plug_in_of_the_documentation_is_the_tested_one() -> None:
    """Its code stands in the page as it stands in the test package, but for docstrings."""
    code = (ROOT / "tests" / "plugin_package" / "canary_wf_table.py").read_text()
    plain = {line.strip() for line in code.splitlines()}
    shown = [
        block for block in blocks(ROOT / "docs" / "library.md") if "import canary_wf\n" not in "\n".join(block.lines)
    ]
    lines = [line.strip() for block in shown if block.language == "python" for line in block.lines if line.strip()]
    assert len(lines) > 15
    assert set(lines) <= plain
