"""ENVIRONMENT_MODIFICATION of CTest, as text and applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.ctest.environment_changes import changed_environment, parse_change
from canary_wf.errors import InputError

OPERATIONS = (
    "reset",
    "set",
    "unset",
    "string_append",
    "string_prepend",
    "path_list_append",
    "path_list_prepend",
    "cmake_list_append",
    "cmake_list_prepend",
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["A=set:b=c:d"], "b=c:d"),
        (["A=set:"], ""),
        (["A=unset:"], None),
        (["A=string_append:+", "A=string_prepend:-"], "-old+"),
        (["A=path_list_append:x", "A=path_list_prepend:y"], "y:old:x"),
        (["A=cmake_list_append:x", "A=cmake_list_prepend:y"], "y;old;x"),
        (["A=set:x", "A=reset:", "A=string_append:!"], "old!"),
        (["A=unset:", "A=path_list_append:x"], "old:x"),
        (["A=set:", "A=path_list_append:x"], "x"),
        (["B=set:x"], "old"),
    ],
)
def test_changes_apply_in_order(changes: list[str], expected: str | None) -> None:
    """Each operation, and what comes of several on one variable."""
    assert changed_environment({"A": "old"}, changes).get("A") == expected


@pytest.mark.parametrize("text", ["", "A", "A=set", "=set:x", "A=double:x", "A=SET:x"])
def test_other_forms_are_refused(text: str) -> None:
    """An operation that is not known is an error, as CTest has it."""
    with pytest.raises(InputError, match="ENVIRONMENT_MODIFICATION"):
        parse_change(text)


@given(
    name=st.text(st.characters(exclude_characters="=", exclude_categories=["Cs"]), min_size=1),
    operation=st.sampled_from(OPERATIONS),
    value=st.text(),
)
def test_names_and_values_come_through_as_they_are(name: str, operation: str, value: str) -> None:
    """Only the first ``=`` and the first ``:`` behind it separate."""
    assert parse_change(f"{name}={operation}:{value}") == (name, operation, value)


@given(st.dictionaries(st.sampled_from("ABC"), st.text()), st.lists(st.sampled_from("ABC"), max_size=5))
def test_a_reset_of_all_takes_everything_back(environment: dict[str, str], names: list[str]) -> None:
    """After any changes and a reset of the variable the environment is as it was."""
    changes = [f"{name}={operation}:x" for name in names for operation in OPERATIONS]
    assert changed_environment(environment, [*changes, *(f"{name}=reset:" for name in "ABC")]) == environment
