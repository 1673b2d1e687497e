from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import InputError
from canary_wf.expressions import parse_expression


@pytest.mark.parametrize(
    ("text", "true_names", "expected"),
    [
        ("a", "a", True),
        ("a and not b", "a", True),
        ("a and not b", "a b", False),
        ("a or b and c", "a", True),
        ("(a or b) and c", "a", False),
        ("not (a or b)", "", True),
        ("not not a", "a", True),
    ],
)
def test_operators_bind_as_in_python(text: str, true_names: str, expected: bool) -> None:
    """`not` binds tighter than `and`, `and` tighter than `or`, parentheses group."""
    assert parse_expression(text)(lambda name: name in true_names.split()) is expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"a b" or c', ["a b", "c"]),
        ("not 'x (1)' or (\"and\")", ["x (1)", "and"]),
        ("it's or a'b", ["it's", "a'b"]),
        ('"open or b', ['"open', "b"]),
    ],
)
def test_names_in_quotes_may_hold_anything(text: str, names: list[str]) -> None:
    """Also blanks, parentheses and operators; a quote elsewhere is a part of the name."""
    asked: list[str] = []

    def holds(name: str) -> bool:
        asked.append(name)
        return name.startswith("x")

    parse_expression(text)(holds)
    assert asked == names


@pytest.mark.parametrize("text", ["", "a b", '"a b" c', "(a", "a)", "and", "a and", "not", "a or or b", "()"])
def test_malformed_expressions_are_quoted_in_the_error(text: str) -> None:
    """The error shows the whole expression and what was expected."""
    with pytest.raises(InputError, match="expected"):
        parse_expression(text)


def test_deep_nesting_is_refused_not_a_crash() -> None:
    """A thousand parentheses do not exhaust the stack."""
    with pytest.raises(InputError, match="too deep"):
        parse_expression("(" * 1000 + "a" + ")" * 1000)


@given(st.text(alphabet="ab()& andornt\t"))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """No text makes the parser raise anything but its own error."""
    with suppress(InputError):
        assert isinstance(parse_expression(text)(lambda _: True), bool)
