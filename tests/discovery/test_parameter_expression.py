"""Expressions over parameters, as `-p` and `when="parameters=…"` use them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.discovery.parameter_expression import parse_parameter_expression
from canary_wf.errors import InputError


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("a=1", {"a": 1}, True),
        ("a==1", {"a": 2}, False),
        ("a>1 and cpus=1", {"a": 2, "cpus": 1}, True),
        ("cpus>1", {"cpus": 4}, True),
        ("a=x", {"a": "x"}, True),
        ("a='x' or a!='x'", {"a": "y"}, True),
        ("!np", {"a": 1}, True),
        ("!np", {"np": 1}, False),
        ("np=*", {"np": 1}, True),
        ("np=*", {"np": 0}, False),
        ("np=*", {}, False),
        ("np", {}, False),
        ("not np", {}, False),
        ("np>1", {}, False),
        ("a=2 or b=1", {"a": 1}, False),
        ("a=1 or b=1", {"a": 1}, True),
        ("a in (0, 5)", {"a": 5}, True),
        ("a not in [x, y]", {"a": "z"}, True),
        ("0<=a<1", {"a": 0}, True),
        ("a+1==2", {"a": 1}, True),
        ("a=2D", {"a": "2D"}, True),
        ("a in (2D, 1.2.3)", {"a": "1.2.3"}, True),
        ("a=0x10 or a=1e3", {"a": 1000}, True),
        ("a2=2", {"a2": 2}, True),
        ("-a<0", {"a": 1}, True),
        ("a>0", {"a": "x"}, False),
        ("a/b>1", {"a": 1, "b": 0}, False),
        ("a='b = c'", {"a": "b = c"}, True),
        ("a=1.5", {"a": 1.5}, True),
    ],
)
def test_truth(text: str, parameters: dict[str, Any], expected: bool) -> None:
    """Comparisons, the short forms `=`, `!name` and `name=*`, and unknown names mean what canary's users expect."""
    assert parse_parameter_expression(text)(parameters) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=",
        "a=x*",
        "a>1 foo",
        "f(1)",
        "a.b",
        "__import__('os')",
        "[x for x in a]",
        "!a=1",
        "2**9",
        "a[0]",
        "(" * 500,
        "-" * 1900 + "1 < n",
        "not " * 400 + "n",
    ],
)
def test_what_is_not_an_expression_is_refused(text: str) -> None:
    """Anything beyond comparisons and arithmetic is an input error, and nothing is executed."""
    with pytest.raises(InputError, match="parameter expression"):
        parse_parameter_expression(text)


@given(st.text(alphabet="ab01 =!<>()'\"*+-/.,notandorin[]#\\\0é", max_size=40))
def test_any_text_gives_an_answer_or_an_input_error(text: str) -> None:
    """No text makes the parser or the evaluation fail in another way."""
    try:
        expression = parse_parameter_expression(text)
    except InputError:
        return
    assert expression({"a": 1, "b": "x", "an": [1], "o": None}) in {True, False}
