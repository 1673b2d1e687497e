"""The Markdown report: short, and nothing that a test prints becomes markup."""

import re
from pathlib import Path

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st
from sessions import recorded

from canary_wf.report.formats.markdown import MOST_FAILURES, escaped, markdown_report
from canary_wf.report.session import load_session
from canary_wf.verdict.status import Outcome


def _report(out: Path, name: str = "a", reason: str | None = None, output: str = "") -> str:
    plan = plan_of([spec(name, directory="a"), spec("b")])
    outcomes = {name: Outcome.FAILED, "b": Outcome.SUCCESS}
    return markdown_report(load_session(recorded(out, plan, outcomes, reason=reason, output=output)))


def test_the_report_sums_up_and_shows_what_failed(tmp_path: Path) -> None:
    """Verdict, counts, and for each failure its file, time, reason and last words."""
    text = _report(tmp_path, reason="exit code 3", output="one\ntwo\n")
    assert text.startswith("# 2 jobs: did not pass\n")
    assert "| PASS | FAIL | CANCEL | SKIP | NONE |" in text
    assert "| 1 | 1 | 0 | 0 | 0 |" in text
    assert "## a: FAILED\n\nt.jobs.yaml after 2.0s: exit code 3\n\n    one\n    two\n" in text
    assert "## b" not in text


@pytest.mark.parametrize(("outcome", "verdict"), [(Outcome.SUCCESS, "passed"), (Outcome.SKIPPED, "passed")])
def test_a_session_without_failures_passed(tmp_path: Path, outcome: Outcome, verdict: str) -> None:
    """The first line says it."""
    text = markdown_report(load_session(recorded(tmp_path, plan_of([spec("a")]), {"a": outcome})))
    assert text.splitlines()[0] == f"# 1 job: {verdict}"


def test_a_session_with_jobs_left_undone_did_not_pass(tmp_path: Path) -> None:
    """A job without a verdict is no success."""
    plan = plan_of([spec("a")], [spec("b")])
    text = markdown_report(load_session(recorded(tmp_path, plan, {"a": Outcome.SUCCESS})))
    assert "did not pass" in text


HOSTILE = (
    "</pre><script>x</script>\n# heading\n```\n[link](http://x) ![i](y) | a | *b* _c_ `d` ~~e~~\n\t- item\n\x1b[31mr\n"
)


def test_hostile_output_stays_inside_its_block(tmp_path: Path) -> None:
    """Every line that a test printed is indented, so that nothing can end the block."""
    text = _report(tmp_path, output=HOSTILE)
    body = text.split("## a: FAILED")[1].splitlines()[4:]
    assert len(body) == len(HOSTILE.splitlines())
    assert all(line.startswith("    ") for line in body)
    assert "\x1b" not in text


def test_hostile_names_and_reasons_are_shown_as_they_are(tmp_path: Path) -> None:
    """A name with line ends or markup makes no heading, link or tag of its own."""
    text = _report(tmp_path, name="x\n# y <b>", reason="<img src=x>\n- [a](b)")
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# 2 jobs: did not pass",
        r"## x\\n\# y \<b\>: FAILED",
    ]
    assert not re.search(r"(?<!\\)[<\[]", text)


@given(st.text())
def test_escaped_text_is_one_line_without_live_markup(text: str) -> None:
    """Every character with a meaning stands behind a backslash, but within a word, and none else is lost."""
    shown = escaped(text)
    assert "\n" not in shown
    word = r"[^\W_]"
    assert re.fullmatch(rf"(?:[^\\`*\[\]<>#|~&+\-._]|\\[\\`*\[\]<>#|~&+\-._]|(?<={word})[+\-._](?={word}))*", shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mesh_a.n=1.k=2-3: (off by 3!)", "mesh_a.n=1.k=2-3: (off by 3!)"),
        ("__init__ a_ _b", r"\_\_init\_\_ a\_ \_b"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("![i](y)", r"!\[i\](y)"),
    ],
)
def test_words_stay_readable_in_a_terminal(text: str, shown: str) -> None:
    """Names of jobs have full stops and underscores, which are escaped only where they are markup."""
    assert escaped(text) == shown


def test_a_step_summary_of_github_takes_it(tmp_path: Path) -> None:
    """Long lines of many failures are left out before the limit of 1 MiB, and counted."""
    names = [f"j{number}" for number in range(MOST_FAILURES)]
    plan = plan_of([spec(name) for name in names])
    output = "".join("\x01" * 700 + "\n" for _ in range(10)) * 2
    outcomes = dict.fromkeys(names, Outcome.FAILED)
    text = markdown_report(load_session(recorded(tmp_path, plan, outcomes, output=output * 9, reason="\x02" * 9000)))
    assert 500_000 < len(text.encode()) < 1 << 20
    assert f"… and {MOST_FAILURES - text.count(chr(10) + '## ')} more failures." in text


def test_many_failures_are_cut(tmp_path: Path) -> None:
    """The page of a CI job has a limit; the rest is counted."""
    names = [f"j{number}" for number in range(MOST_FAILURES + 3)]
    plan = plan_of([spec(name) for name in names])
    text = markdown_report(load_session(recorded(tmp_path, plan, dict.fromkeys(names, Outcome.FAILED))))
    assert text.count("\n## ") == MOST_FAILURES
    assert text.rstrip().endswith("… and 3 more failures.")
