"""The formats of a report, by their names on the command line.

A format is a function from the session's state to a text. Rarely needed formats are imported on demand.
"""

import time
from collections.abc import Callable

from canary_wf.errors import UsageError
from canary_wf.files.json_files import as_text
from canary_wf.plugins import load_plugins, plugin_error, plugin_errors
from canary_wf.report.closing import seconds_run
from canary_wf.report.formats.junit import junit_report
from canary_wf.report.formats.markdown import markdown_report
from canary_wf.report.session import SessionState

GROUP = "canary_wf.reporters"

CDASH = "cdash"
"""The format with several files and its own options: `canary_wf.report.formats.cdash`."""

Reporter = Callable[[SessionState], str]


def json_report(state: SessionState) -> str:
    """Return the session as one line of JSON, in the form of `status --json`, with the seconds that its batches ran."""
    return as_text({"seconds": round(seconds_run(state, time.time()), 3), **state.as_dict()})


def page(state: SessionState) -> str:
    """Return the session as one self-contained HTML page."""
    from canary_wf.report.html.session_page import html_report  # late: imports jinja2

    return html_report(state)


def summary(state: SessionState) -> str:
    """Return the counts and the failures as a small HTML page."""
    from canary_wf.report.html.session_page import summary_report  # late: as above

    return summary_report(state)


FORMATS: dict[str, Reporter] = {
    "html": page,
    "json": json_report,
    "junit": junit_report,
    "markdown": markdown_report,
    "summary": summary,
}


def reporter(name: str) -> Reporter:
    """Return the function that writes the format `name`: of this package, or else of the plug-in of that name.

    Raises UsageError for an unknown format.
    """
    if name in FORMATS:
        return FORMATS[name]
    plugged = load_plugins(GROUP)
    if name not in plugged:
        known = ", ".join(sorted({*FORMATS, CDASH, *plugged}))
        raise UsageError(f"there is no report {name!r}", where="KIND", hint=f"write one of {known}")
    return _Plugged(name, plugged[name])


class _Plugged:
    """A reporter of another package."""

    def __init__(self, name: str, write: Reporter) -> None:
        self._name = name
        self._write = write

    def __call__(self, state: SessionState) -> str:
        with plugin_errors(GROUP, self._name):
            text: object = self._write(state)
        if not isinstance(text, str):
            what = f"gave a {type(text).__name__} instead of text"
            raise plugin_error(GROUP, self._name, what, "a reporter returns the text of the report")
        return text
