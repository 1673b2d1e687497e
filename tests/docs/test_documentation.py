"""The documentation holds: its commands run, its examples are understood, its reference is fresh."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from page_blocks import blocks
from page_script import ROOT, page_sandbox, run_page, stale_outputs

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

ON_SLURM = {"slurm.md"}
"""Pages whose commands need a cluster; `tests/slurm` runs them on one."""


SMOKE = "flaky.md"

RUN = [
    pytest.param(page, id=page.name, marks=pytest.mark.smoke if page.name == SMOKE else [])
    for page in PAGES
    if page.name not in ON_SLURM
]


def _named(page: Path) -> str:
    return page.name


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    """Return a folder as a reader of the documentation has it."""
    return page_sandbox(tmp_path)


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run(page: Path, sandbox: Path) -> None:
    """From top to bottom, in one shell, as somebody who follows the page types them; what is shown below is printed."""
    for tool in " ".join(block.said.get("needs", "") for block in blocks(page)).split():
        if shutil.which(tool) is None:
            assert os.environ.get("CI") != "true", f"{tool} is missing"
            pytest.skip(f"needs {tool}, which is not installed")
    # A cluster that other tests start must not be planned for.
    done = run_page(page, sandbox, {"SLURM_CONF": os.devnull})
    assert done.returncode == 0, done.stderr[-3000:]
    stale = stale_outputs(page, sandbox)
    assert stale == [], "\n".join(stale)


@pytest.mark.smoke
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


_PARSE_ONLY = """
import argparse, runpy, sys
parse = argparse.ArgumentParser.parse_args
def only(self, *arguments):
    parse(self, *arguments)
    sys.exit(77)
argparse.ArgumentParser.parse_args = only
sys.argv = sys.argv[1:]
sys.path.insert(0, "benchmarks")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _benchmarks() -> list[str]:
    found = [command for block in blocks(ROOT / "docs" / "performance.md") for command in block.commands]
    return [command for command in found if "benchmarks/" in command]


@pytest.mark.parametrize("command", _benchmarks())
def test_benchmarks_know_the_options_that_the_page_gives_them(command: str) -> None:
    """The page's test runs them small and without other tools; here they get all of them, and stop at that."""
    words = shlex.split(command)
    arguments = words[words.index("python") + 1 :]
    environment = {**os.environ, "PYTHONPATH": "tests/support"}
    done = subprocess.run(
        [sys.executable, "-c", _PARSE_ONLY, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 77, done.stderr


@pytest.mark.smoke
def test_no_page_is_left_out() -> None:
    """Whoever adds a page has it run; blocks that are not run are few, and say why."""
    found = [block for page in PAGES for block in blocks(page) if block.commands]
    left_out = [block.place for block in found if "not run" in block.said]
    assert sum(len(block.tested) for block in found) > 100
    assert len(left_out) < 12, left_out


def _reference() -> dict[str, str]:
    code = (
        "import json, sys; sys.path.insert(0, 'docs'); import make_reference; print(json.dumps(make_reference.pages()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    import json

    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.smoke
def test_the_reference_is_fresh() -> None:
    """It is made from the program: after a change of options or schemas, run `make reference`."""
    for name, text in _reference().items():
        assert (ROOT / "docs" / "reference" / name).read_text() == text, f"{name} is out of date; run make reference"


def test_every_variable_is_listed() -> None:
    """One page has all variables that the program reads or sets, besides those of the configuration's keys."""
    shipped = [path for folder in ("canary_wf", "profiles", "rules") for path in (ROOT / folder).rglob("*")]
    texts = [path.read_text() for path in shipped if path.suffix in {".py", ".sh", ".j2"}]
    used = {name for text in texts for name in re.findall(r"\bCANARY_WF_[A-Z][A-Z_]*[A-Z]\b", text)}
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert len(used) > 10
    assert sorted(name for name in used if f"`{name}" not in page) == ["CANARY_WF_FILE"], (
        "the last one is a variable in CMake"
    )


@pytest.mark.smoke
def test_the_links_of_the_readme_lead_somewhere() -> None:
    """It lies outside of the site."""
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert "://" in target or (ROOT / target).exists(), target


@pytest.mark.smoke
def test_the_plug_in_of_the_documentation_is_the_tested_one() -> None:
    """Its code stands in the page as it stands in the test package, but for docstrings."""
    code = (ROOT / "tests" / "plugin_package" / "canary_wf_table.py").read_text()
    plain = {line.strip() for line in code.splitlines()}
    whole = ("import canary_wf\n", "MultiprocessScheduler")  # of scripts that are run by themselves
    shown = [
        block
        for block in blocks(ROOT / "docs" / "library.md")
        if block.language == "python" and not any(text in "\n".join(block.lines) for text in whole)
    ]
    lines = [line.strip() for block in shown for line in block.lines if line.strip()]
    assert len(lines) > 15
    assert set(lines) <= plain
