"""The formats of a report, by the name that the command line gives them.

A format is a function from the session's state to a text. One that is not always needed is imported when it is.
"""

from collections.abc import Callable

from canary_wf.json_files import encode
from canary_wf.report.junit import junit_report
from canary_wf.report.markdown import markdown_report
from canary_wf.report.session import SessionState


def json_report(state: SessionState) -> str:
    """Return the session as one line of JSON, in the form of `status --json`."""
    return encode(state.as_dict()).decode() + "\n"


def page(state: SessionState) -> str:
    """Return the session as one self-contained HTML page."""
    from canary_wf.report.report_page import html_report  # it comes with jinja2

    return html_report(state)


def summary(state: SessionState) -> str:
    """Return the sum and the failures as a small HTML page."""
    from canary_wf.report.summary_page import summary_report  # as above

    return summary_report(state)


FORMATS: dict[str, Callable[[SessionState], str]] = {
    "html": page,
    "json": json_report,
    "junit": junit_report,
    "markdown": markdown_report,
    "summary": summary,
}
