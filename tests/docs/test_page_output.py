"""What a page shows below a command is compared with what the command prints; this comparison can fail."""

import pytest
from page_output import differences, normalised

PRINTED = """\
Found 8 jobs in 2 files.
[4/8] 4 passed
[8/8] 8 passed
All 8 jobs passed in 0.38s
Report: .canary-wf/sessions/20261130T191654.692656/report/report.html
"""


@pytest.mark.smoke
@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        PRINTED.replace("0.38s", "1m02s").replace("20261130T191654.692656", "20250101T000000.000000"),
        "Found 8 jobs in 2 files.\n…\nAll 8 jobs passed in 2s\n…",
        "…\nReport: …/report.html",
        "Found 8 jobs in 2 files.\n[4/8] 4 passed\n…\n[8/8] 8 passed\nAll 8 jobs passed in 2s\n…",
    ],
)
def test_what_differs_from_run_to_run_does_not_count(shown: str) -> None:
    """Times, sessions, and what the page leaves out."""
    assert differences(shown.splitlines(), PRINTED) == ""


@pytest.mark.smoke
@pytest.mark.parametrize(
    "shown",
    [
        PRINTED.replace("8 jobs", "7 jobs"),
        "Found 8 jobs in 2 files.",
        "…\n8 jobs passed",
        "Found 8 jobs in 2 files.\n…\n[9/8] 8 passed\n…",
    ],
)
def test_what_is_not_printed_is_found(shown: str) -> None:
    """With the lines that differ."""
    assert "--- shown" in differences(shown.splitlines(), PRINTED)


@pytest.mark.smoke
def test_columns_may_be_of_another_width() -> None:
    """A time with more digits moves all that is behind it."""
    assert normalised("a   1m05s  2.5 KiB   3%") == "a TIME SIZE PERCENT"
