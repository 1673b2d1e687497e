import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.durations import LONGEST, format_duration, parse_duration, parse_positive_duration
from canary_wf.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (1.5, 1.5),
        ("40s", 40.0),
        ("2h", 7200.0),
        ("4h30m30s", 16230.0),
        ("1d", 86400.0),
        ("01:00:00", 3600.0),
        ("2:30", 150.0),
        ("500ms", 0.5),
        ("-5", -5.0),
        (" 7 ", 7.0),
    ],
)
def test_durations_as_people_write_them(text: str | float, seconds: float) -> None:
    """Numbers, Go-style durations and clock times are seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2 hours", "1h-", "abc", "1e400", "999999h", "nan", "inf", math.inf, math.nan, "5x"]
)
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    """Nonsense, infinities and absurd lengths are InputErrors that quote the text."""
    with pytest.raises(InputError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("digits", [400, 5000])
def test_many_digits_are_out_of_range(digits: int) -> None:
    """More than a float holds, and more than Python turns into a whole number, is an InputError, too."""
    for value in (10**digits, "9" * digits, "9" * digits + ":00:00", "9" * digits + ":00"):
        with pytest.raises(InputError, match="duration"):
            parse_duration(value)


@pytest.mark.parametrize("text", ["0", "-1", 0, "-2h"])
def test_a_positive_duration_is_above_zero(text: str | float) -> None:
    """Zero and below are refused where a limit is meant."""
    with pytest.raises(InputError, match="above zero"):
        parse_positive_duration(text)


@given(st.text())
def test_any_text_parses_or_is_refused(text: str) -> None:
    """No text makes the parser raise anything but its own error."""
    with suppress(InputError):
        assert abs(parse_duration(text)) <= LONGEST


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.04s"),
        (4.21, "4.2s"),
        (9.96, "10.0s"),
        (42, "42s"),
        (59.7, "1m00s"),
        (200, "3m20s"),
        (3600, "1h00m"),
        (7500, "2h05m"),
        (86400, "1d00h"),
        (273600, "3d04h"),
    ],
)
def test_durations_are_told_for_people(seconds: float, text: str) -> None:
    """Small durations show tenths, long ones two units."""
    assert format_duration(seconds) == text
