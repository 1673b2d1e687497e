"""The small page: the sum, the failures, and hostile content as text."""

from html.parser import HTMLParser
from pathlib import Path

from factories import plan_of, spec
from sessions import recorded

from canary_wf.report.html.session_page import MOST_FAILURES, summary_report
from canary_wf.report.session import load_session
from canary_wf.verdict.status import Outcome

HOSTILE = "</pre><script>x</script><img src=x>\x1b[31mred\x00\u202e&amp;"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note what is shown."""
        self.text += data


def _page(out: Path, outcomes: dict[str, Outcome], output: str = "said\n", reason: str | None = None) -> _Page:
    plan = plan_of([spec(name) for name in outcomes])
    return _Page(summary_report(load_session(recorded(out, plan, outcomes, output=output, reason=reason))))


def test_a_run_that_passed_is_told_in_one_line(tmp_path: Path) -> None:
    """With the counts, and nothing else."""
    page = _page(tmp_path, {"a": Outcome.SUCCESS, "b": Outcome.SKIPPED})
    assert "2 jobs: passed" in page.text
    assert "pre" not in page.tags


def test_failures_come_with_reason_and_output(tmp_path: Path) -> None:
    """Those that passed are only counted."""
    page = _page(tmp_path, {"good": Outcome.SUCCESS, "bad": Outcome.TIMEOUT}, reason="too long")
    for words in ("2 jobs: did not pass", "FAIL TIMEOUT", " bad", "t.jobs.yaml, too long, 2.0s", "said"):
        assert words in page.text
    assert " good" not in page.text


def test_hostile_content_is_text(tmp_path: Path) -> None:
    """No element of the page is of a test's making."""
    page = _page(tmp_path, {"<img src=x>": Outcome.FAILED}, output=HOSTILE, reason=HOSTILE)
    assert set(page.tags) & {"script", "img"} == set()
    assert r"</pre><script>x</script><img src=x>red\x00\u202e&amp;" in page.text


def test_many_failures_are_counted(tmp_path: Path) -> None:
    """The page stays small."""
    page = _page(tmp_path, {f"j{number}": Outcome.FAILED for number in range(MOST_FAILURES + 2)})
    assert page.tags.count("h2") == MOST_FAILURES
    assert "and 2 more failures" in page.text
