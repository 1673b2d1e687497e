"""Jobs that no node can run: every report and `status` tells of them, why, and what would let them run."""

import xml.etree.ElementTree as ET

import pytest
from command_line import CommandLine

JOBS = """\
jobs:
  - {name: plain, command: 'true'}
  - {name: gpu, command: 'true', gpus: 1, parameters: {n: [1, 2]}}
  - {name: after, command: 'true', depends_on: ['gpu.n=1']}
  - {name: wide, command: 'true', cpus: 3}
"""
WHY, HOW = "needs 1 gpu, a node has none", "-r gpus=1"


@pytest.fixture
def left(cli: CommandLine) -> CommandLine:
    """Return a workspace with one job planned and four left out."""
    cli.write("a.jobs.yaml", JOBS)
    assert cli.generate().code == 0
    return cli


def test_status_ends_with_them_by_reason(left: CommandLine) -> None:
    """One line a reason, with the option that would help."""
    told = [
        f"2 jobs left out, {WHY}: gpu.n=1, gpu.n=2; generate with {HOW} to run them",
        "1 job left out, needs gpu.n=1, which is left out: after",
        "1 job left out, needs 3 cpus, a node has 2: wide; generate with -r cpus=3 to run it",
    ]
    for options in ((), ("-r", "all"), ("-k", "plain")):
        lines = left("status", "-d", left.out, *options).out.splitlines()
        assert lines[-5:-2] == told
        assert lines[-2].endswith("; 4 left out")
    found = left("status", "-d", left.out, "--json").json["left_out"]
    assert [(job["name"], job["hint"]) for job in found] == [
        ("gpu.n=1", HOW),
        ("gpu.n=2", HOW),
        ("after", None),
        ("wide", "-r cpus=3"),
    ]


@pytest.mark.parametrize("kind", ["json", "markdown", "html", "summary", "junit", "cdash"])
def test_every_report_has_them(left: CommandLine, kind: str) -> None:
    """With reason and remedy."""
    folder = left.folder / "report"
    text = left("report", kind, "-d", left.out, "-o", folder).out
    text = (folder / "Test.xml" if kind == "cdash" else folder).read_text()
    text = text.replace("\\", "").replace("<code>", "").replace("</code>", "")
    for word in ("gpu.n=2", WHY, HOW, "which is left out"):
        assert word in text


def test_they_are_skipped_cases_of_their_files(left: CommandLine) -> None:
    """And counted as such."""
    root = ET.fromstring(left("report", "junit", "-d", left.out).out)  # noqa: S314 - our own report
    (suite,) = root
    assert (root.get("tests"), suite.get("tests"), suite.get("skipped")) == ("5", "5", "5")
    cases = {case.get("name"): case for case in suite}
    skipped = cases["gpu.n=2"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == f"left out: {WHY}; generate with {HOW} to run it"
    assert cases["gpu.n=2"].get("file") == str(left.tree / "a.jobs.yaml")


def test_a_run_in_which_all_passed_does_not_hide_them(left: CommandLine) -> None:
    """The Markdown summary, which a CI server shows first, counts them in its heading."""
    heading = left("report", "markdown", "-d", left.out).out.splitlines()[0]
    assert heading.startswith("# 1 job: ")
    assert heading.endswith("; 4 left out")
