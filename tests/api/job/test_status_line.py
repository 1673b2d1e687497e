"""One line about a job: plain, for a terminal, and for a page."""

from pathlib import Path

import pytest
from factories import spec
from session_jobs import ended, job_in

from canary_wf.errors import InputError


def test_a_line_tells_verdict_name_time_and_reason(tmp_path: Path) -> None:
    """Before the verdict it tells the phase."""
    job = job_in(tmp_path, spec("a"))
    assert job.statline() == "PENDING a"
    ended(job, "FAILED").add_measurement("duration", 61.0)
    job.set_status(outcome="FAILED", reason="exit code 3")
    assert job.statline() == "FAIL FAILED a in 1m01s: exit code 3"


def test_markup_in_names_is_harmless(tmp_path: Path) -> None:
    """A name cannot forge colours, elements or lines."""
    from rich.text import Text

    name = "a[red]<b>&\n[/]"
    job = job_in(tmp_path, spec(name, directory="a"))
    assert Text.from_markup(job.statline("rich")).plain == "PENDING a[red]<b>&\\n[/]"
    assert "a[red]&lt;b&gt;&amp;\\n[/]" in job.statline("html")
    assert job.display_name(style="html") == "a[red]&lt;b&gt;&amp;\\n[/]"
    assert "\n" not in job.statline()


def test_an_unknown_style_is_refused(tmp_path: Path) -> None:
    """The error says which there are."""
    with pytest.raises(InputError, match="none, rich, html"):
        job_in(tmp_path, spec("a")).statline("ansi")  # type: ignore[arg-type]
