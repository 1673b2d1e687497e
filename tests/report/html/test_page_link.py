"""The link to a job on its session's page, in reports that others read."""

import io
import os
from pathlib import Path

from factories import plan_of, spec
from sessions import STARTED, recorded

from canary_wf.report.failures import print_failures
from canary_wf.report.formats.junit import junit_report
from canary_wf.report.formats.markdown import markdown_report
from canary_wf.report.html.page_link import PageLinks, page_of, short_id
from canary_wf.report.session import SessionState, load_session
from canary_wf.verdict.status import Outcome


def _state(out: Path, *, page: float | None) -> SessionState:
    """Return a session of a job that failed and one that passed, with a page written at the time `page`."""
    plan = plan_of([spec("bad"), spec("good")])
    paths = recorded(out, plan, {"bad": Outcome.FAILED, "good": Outcome.SUCCESS})
    if page is not None:
        paths.report.mkdir()
        (paths.report / "report.html").write_text("")
        os.utime(paths.report / "report.html", (page, page))
    return load_session(paths)


def test_a_job_is_linked_by_as_many_digits_as_only_it_has() -> None:
    """Eight at least, which commands print as well."""
    ids = sorted(["1afa5198" + "0" * 12, "1afa5198" + "1" * 12, "2" * 20, "2" * 19 + "3"])
    assert [short_id(each, ids) for each in ids] == ["1afa51980", "1afa51981", "2" * 20, "2" * 19 + "3"]
    assert short_id("a" * 20, ["a" * 20]) == "a" * 8


def test_failures_are_linked_to_the_page(tmp_path: Path) -> None:
    """In Markdown, JUnit and `status -v`, with the path relative to OUT; jobs that passed are not."""
    state = _state(tmp_path, page=STARTED + 3)
    link = f".canary-wf/sessions/{state.plan.session}/report/report.html#job-{state.plan.jobs[0].id[:8]}"
    assert PageLinks(state).of(state.plan.jobs[0].id) == link
    assert f"Page: `{link}`" in markdown_report(state)
    assert f"<system-out>page: {link}</system-out>" in junit_report(state)
    assert junit_report(state).count("report.html") == 1
    told = io.StringIO()
    print_failures(state, told, lines=5)
    assert told.getvalue().count(f"report.html#job-{state.plan.jobs[0].id[:8]}\n") == 1
    told = io.StringIO()
    print_failures(state, told)
    assert "report.html" not in told.getvalue()


def test_there_is_no_link_to_a_page_that_is_missing_or_older_than_the_run(tmp_path: Path) -> None:
    """It would show another state."""
    for name, page in (("none", None), ("old", STARTED - 1)):
        state = _state(tmp_path / name, page=page)
        assert page_of(state) is None
        assert "report.html" not in markdown_report(state) + junit_report(state)
