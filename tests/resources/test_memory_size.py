"""Sizes of memory in MiB."""

import contextlib
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import InputError
from canary_wf.resources.memory_size import parse_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1024", 1024),
        (1024, 1024),
        (1.5, 2),
        ("2GiB", 2048),
        ("2 gib", 2048),
        ("1.5G", 1536),
        ("500MB", 477),
        ("512M", 512),
        ("1k", 1),
        ("1B", 1),
        ("0", 0),
        ("1TB", 953675),
        (" 3. ", 3),
    ],
)
def test_sizes(text: str | float, size: int) -> None:
    """Plain numbers are MiB, units binary or decimal by their name, and parts are rounded up."""
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", -1, "1GiBs", "1e3", "GiB", "1..2", "nan", True, "2EiB", "9" * 40, "1.5.1G", "\uff11G", "1\nG\n2"],
)
def test_what_is_no_size(text: str | float) -> None:
    """Anything else is an input error, also what is negative or beyond an EiB."""
    with pytest.raises(InputError, match="memory"):
        parse_memory(text)


@given(st.decimals(0, 10**6, places=3), st.sampled_from(["KiB", "MiB", "GiB", "KB", "MB", "GB"]))
def test_sizes_are_rounded_up_exactly(number: object, unit: str) -> None:
    """The result is the ceiling of the exact value: no floating-point error, never less than was written."""
    base = 1000 if len(unit) == 2 else 1024
    exact = Fraction(str(number)) * base ** ("KMG".index(unit[0]) + 1) / 1024**2
    assert parse_memory(f"{number:f}{unit}") == ceil(exact)


@given(st.text())
def test_any_text_is_a_size_or_an_input_error(text: str) -> None:
    """No text makes the parser fail in another way."""
    with contextlib.suppress(InputError):
        assert parse_memory(text) >= 0
