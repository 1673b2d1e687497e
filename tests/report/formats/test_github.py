"""Annotations of a GitHub run: one command a line, and nothing that a test says can become another."""

import re
from pathlib import Path

from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import recorded

from canary_wf.report.formats import github
from canary_wf.report.formats.github import MOST, annotations
from canary_wf.report.session import load_session
from canary_wf.verdict.status import Outcome


def _told(out: Path, names: list[str], root: Path, output: str = "", reason: str | None = None) -> list[str]:
    plan = plan_of([spec(name, file="tree/a,b:c.pyt") for name in names])
    paths = recorded(out, plan, dict.fromkeys(names, Outcome.FAILED), output=output, reason=reason)
    return annotations(load_session(paths), root).splitlines()


def test_an_annotation_names_file_job_reason_and_last_lines(tmp_path: Path) -> None:
    """Files are those of the checkout; signs that end a property are escaped."""
    (line,) = _told(tmp_path / "out", ["a:b,c"], tmp_path, "one\n50%\n", "exit code 3")
    assert line == "::error file=out/tree/a%2Cb%3Ac.pyt,title=a%3Ab%2Cc::FAILED: exit code 3%0Aone%0A50%25"


def test_a_file_outside_of_the_checkout_is_not_named(tmp_path: Path) -> None:
    """GitHub could not show it."""
    (line,) = _told(tmp_path / "out", ["a"], tmp_path / "elsewhere")
    assert line == "::error title=a::FAILED"


def test_no_more_than_github_shows(tmp_path: Path) -> None:
    """The rest is counted."""
    lines = _told(tmp_path, [f"j{number}" for number in range(MOST + 3)], tmp_path)
    assert len(lines) == MOST + 1
    assert lines[-1] == "::error title=canary-wf::3 more jobs failed"


def test_hostile_output_is_no_command(tmp_path: Path) -> None:
    """Every line that is printed begins with our own command."""
    hostile = "::set-env name=X::1\r\n  ::add-mask::a\n\x1b[31m::stop-commands::t\n"
    lines = _told(tmp_path, ["x\n::error::y"], tmp_path, hostile, "\n::warning::z")
    assert len(lines) == 1
    assert lines[0].startswith("::error ")


@given(st.text())
def test_escaped_text_has_no_sign_with_a_meaning(text: str) -> None:
    """Percent signs only begin escapes, which say what stood there."""
    escaped = github._escaped(text, github._PROPERTY)
    assert not re.search(r"[\r\n:,]", escaped)
    signs = {code: sign for sign, code in github._PROPERTY.items()}
    assert re.sub("%..", lambda found: signs[found[0]], escaped) == text
