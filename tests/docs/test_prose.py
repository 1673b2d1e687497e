"""What is written about the program holds: documents that are cited exist, pages keep to the width of the code."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary_wf import __version__

ROOT = Path(__file__).parents[2]
CODE = [
    path
    for folder in ("canary_wf", "snakemake_logger_plugin_canary", "tests", "docs", "benchmarks", "rules")
    for pattern in ("*.py", "*.smk")
    for path in sorted((ROOT / folder).rglob(pattern))
    if path != Path(__file__)
]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / ".github").rglob("*.md")),
    ROOT / "tests" / "support" / "README.md",
]
WIDTH = 120

CITED = re.compile(r"\b(docs/[\w/.-]+\.md|[A-Z]{5,}\.md)\b(?:`?,? \(?\"([^\"]+)\")?")
VAGUE = re.compile(r"\b(the contract|the design's|API pages?|the review|the issue|the brief)\b", re.IGNORECASE)
"""Names of documents by which nobody finds them."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Return docstrings and comments of a file that cites anything, each with its line."""
    source = path.read_text()
    flat = re.sub(r"\s+(?:# )?", " ", source)
    if not (VAGUE.search(flat) or CITED.search(flat)):
        return
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield node.lineno, re.sub(r"\s+", " ", node.value.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def headings(page: Path) -> set[str]:
    """Return the headings of a page."""
    return set(re.findall(r"^#+ (.+?)\s*$", page.read_text(), re.MULTILINE))


def faults(text: str) -> list[str]:
    """Return what is wrong with the documents that `text` cites."""
    found = [f"{match[0]!r} is not the name of a document" for match in VAGUE.finditer(text)]
    for match in CITED.finditer(text):
        path = ROOT / match[1]
        if not path.exists():
            found.append(f"there is no {match[1]}")
        elif match[2] and match[2] not in headings(path):
            found.append(f"{match[1]} has no section {match[2]!r}")
    return found


@pytest.mark.smoke
def test_documents_that_are_cited_exist() -> None:
    """A newcomer can follow each citation in a docstring or comment, to the section where one is named."""
    found = [(path, line, text) for path in CODE for line, text in texts(path)]
    wrong = [f"{path.relative_to(ROOT)}:{line}: {fault}" for path, line, text in found for fault in faults(text)]
    assert wrong == []
    cited = [match[2] for _, _, text in found for match in CITED.finditer(text)]
    assert len([section for section in cited if section]) > 8


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("see docs/none.md", "there is no docs/none.md"),
        ('docs/glossary.md, "Zebra"', "docs/glossary.md has no section 'Zebra'"),
        ("as the contract says", "'the contract' is not the name of a document"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, fault: str) -> None:
    """The test above can fail."""
    assert faults(text) == [fault]


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Return the lines of a page that are neither code nor tables, with their numbers."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith(("    ", "|", "<!--")):
            yield number, line


def too_long(line: str) -> bool:
    """Return whether the line could be broken so that it keeps to the width: links count by their text."""
    return len(re.sub(r"\]\([^)]*\)", "]", line)) > WIDTH


@pytest.mark.smoke
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_prose_keep_to_the_width_of_the_code(page: Path) -> None:
    """Tables and code excepted."""
    assert [f"{page.name}:{number}" for number, line in prose(page) if too_long(line)] == []


def _named_paths(page: Path) -> set[str]:
    """Return the files and folders that a page names in its code spans."""
    words = re.findall(r"`([\w./-]+)`", page.read_text())
    return {word for word in words if word.endswith((".py", "/", ".j2")) or word.startswith("tests/")}


@pytest.mark.smoke
def test_the_map_of_the_packages_is_of_this_tree() -> None:
    """Every file that the page on the architecture names is there, and its picture has every package."""
    page = ROOT / "docs" / "architecture.md"
    names = {path.name for path in (ROOT / "canary_wf").rglob("*.py")}
    roots = (ROOT, ROOT / "canary_wf", *(path for path in (ROOT / "canary_wf").iterdir() if path.is_dir()))
    named = _named_paths(page)
    missing = {each for each in named if each not in names and not any((root / each).exists() for root in roots)}
    assert missing == set()
    assert len(named) > 60
    packages = {path.parent.name for path in (ROOT / "canary_wf").glob("*/__init__.py")}
    text, picture = page.read_text(), (ROOT / "docs" / "images" / "packages.svg").read_text()
    assert {each for each in packages if f"`{each}/`" not in text or f">{each}<" not in picture} == set()


@pytest.mark.smoke
def test_the_representations_of_a_job_are_where_the_page_says() -> None:
    """At most eight in the table; every class that the section names with its file is there."""
    section = (ROOT / "docs" / "architecture.md").read_text().partition("## How a job is represented")[2]
    section = section.partition("\n## ")[0]
    assert 1 < len(re.findall(r"^\| (?!what \||--)", section, re.MULTILINE)) <= 8
    named = set(re.findall(r"`([A-Z]\w+)`", section))
    texts = [(ROOT / "canary_wf" / file).read_text() for file in re.findall(r"`([\w/]+\.py)`", section)]
    missing = {name for name in named if not any(re.search(rf"^class {name}\b", text, re.MULTILINE) for text in texts)}
    assert missing == set()
    assert len(named) > 12


@pytest.mark.smoke
def test_what_a_package_says_of_its_modules_is_there() -> None:
    """The docstring of a package names its modules, or what it defines itself."""
    wrong = []
    for path in sorted((ROOT / "canary_wf").rglob("__init__.py")):
        source = path.read_text()
        docstring = ast.get_docstring(ast.parse(source), clean=False) or ""
        rest = source.partition(docstring)[2] if docstring else source
        for name in re.findall(r"`(\w+)`", docstring):
            folder = path.parent
            if not ((folder / f"{name}.py").exists() or (folder / name).is_dir() or name in rest):
                wrong.append(f"{folder.relative_to(ROOT)}: {name}")
    assert wrong == []


@pytest.mark.smoke
def test_the_changelog_has_a_short_section_for_this_version() -> None:
    """Of at most 30 lines, for users; what is not released stands above it."""
    text = (ROOT / "CHANGELOG.md").read_text()
    release = re.search(
        rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert release
    assert len([line for line in release[1].splitlines() if line.strip()]) <= 30
    assert text.index("## Unreleased") < release.start()
