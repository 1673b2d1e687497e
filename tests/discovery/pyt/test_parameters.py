"""The parameter spaces of `parameterize`."""

from typing import Any

import pytest

from canary_wf.discovery.pyt.parameters import MOST_JOBS, parameter_rows, product
from canary_wf.errors import InputError
from canary_wf.runtime.canary import enums


def _rows(names: object, values: object, **named: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any argument
    return parameter_rows({"names": names, "values": values, **named})


def _centered(*values: object) -> list[tuple[Any, ...]]:
    found = _rows("a,b", list(values), type=enums.centered_parameter_space)
    return [tuple(row.values()) for row in found]


def test_one_name() -> None:
    """Each value is one row."""
    assert _rows("a", [1, 2, 3]) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_names_and_values_in_short() -> None:
    """A comma behind the last name does no harm, and a text is as good as the list of its characters."""
    assert _rows("a,", [1]) == [{"a": 1}]
    assert _rows("a", "xy") == [{"a": "x"}, {"a": "y"}]


def test_zipped_names() -> None:
    """Several names take one row of values each time; names may be a text or a list."""
    assert (
        _rows("a, b", [[1, 2], [5, 6]]) == _rows(["a", "b"], [[1, 2], [5, 6]]) == [{"a": 1, "b": 2}, {"a": 5, "b": 6}]
    )


def test_product_changes_the_last_fastest() -> None:
    """Several calls multiply in the order of the calls."""
    rows = product([_rows("a", [1, 2]), _rows("b", ["x", "y"])])
    assert list(rows) == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]


def test_equal_rows_are_one() -> None:
    """1, 1.0 and True are equal, so only the first of them makes a job."""
    assert _rows("a", [1, 1.0, True]) == [{"a": 1}]
    assert _rows("a", [[[1]], [[1.0]]]) == [{"a": [1]}]


def test_empty_list_makes_no_rows() -> None:
    """Nothing can be combined with a space without values: one job without parameters is left."""
    assert _rows("a", []) == []
    assert list(product([[], _rows("b", [1])])) == list(product([_rows("b", [1]), []])) == [{}]
    assert list(product([])) == [{}]


def test_centered_space_starts_with_the_centre() -> None:
    """Then each name moves by its own steps, lowest first."""
    expected = [(0, 0), (-10, 0), (-5, 0), (5, 0), (10, 0), (0, -1), (0, 1)]
    assert _centered([0, 5, 2], [0, 1, 1]) == expected


def test_random_space_is_the_same_each_time() -> None:
    """Samples lie in their ranges and do not change between two readings."""
    space = {"type": enums.random_parameter_space}
    rows = _rows("a,b", [[0, 5], [6, 10]], samples=7, **space)
    assert len(rows) == 7
    assert all(0 <= row["a"] <= 5 and 6 <= row["b"] <= 10 for row in rows)
    assert rows == _rows("a,b", [[0, 5], [6, 10]], samples=7, **space)
    assert len(_rows("a,b", [[0, 5], [6, 10]], **space)) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": "a,b", "values": [[1, 2], [3]]}, "2 names"),
        ({"names": "a", "values": [[1, 2]]}, "1 names"),
        ({"names": "a", "values": 3}, "not a list"),
        ({"names": "", "values": [1]}, "no parameter"),
        ({"names": "a-b", "values": [1]}, "not a name"),
        ({"names": 3, "values": [1]}, "not names"),
        ({"names": [], "values": []}, "no parameter"),
        ({"names": "a", "values": [1], "type": "round"}, "parameter spaces"),
        ({"names": "a", "values": [[0, 1, 2]], "type": enums.centered_parameter_space}, "two names"),
        ({"names": "a,b", "values": [[0, 1, 2]], "type": enums.centered_parameter_space}, "2 names"),
        ({"names": "a,b", "values": [[0, 1], [0, 1]], "type": enums.centered_parameter_space}, "initial"),
        ({"names": "a,b", "values": [[0, 1, 1.5], [0, 1, 1]], "type": enums.centered_parameter_space}, "whole"),
        ({"names": "a,b", "values": [[0, 1, 10**9], [0, 1, 1]], "type": enums.centered_parameter_space}, "more than"),
        ({"names": "a,b", "values": [["x", 1], [0, 1]], "type": enums.random_parameter_space}, "low"),
        ({"names": "a,b", "values": [[0, 1], [0, 1]], "type": enums.random_parameter_space, "samples": 0}, "samples"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], message: str) -> None:
    """Every way to get the arguments wrong is an input error."""
    with pytest.raises(InputError, match=message):
        parameter_rows(arguments)


def test_of_a_parameter_given_twice_the_later_value_counts() -> None:
    """Rows that become equal are made once, whether the name stands in two spaces or twice in one."""
    assert list(product([_rows("a", [1, 2]), _rows("b", [0]), _rows("a", [2, 3])])) == [
        {"a": 2, "b": 0},
        {"a": 3, "b": 0},
    ]
    assert _rows("a,a", [[1, 2], [3, 2]]) == [{"a": 2}]


def test_too_many_jobs_are_refused_before_they_are_made() -> None:
    """A product of a billion rows is refused at once."""
    space = [{f"p{number}": value for number in [index]} for index in range(1) for value in range(1000)]
    spaces = [[{f"p{index}": row["p0"]} for row in space] for index in range(3)]
    with pytest.raises(InputError, match=f"at most {MOST_JOBS}"):
        product(spaces)
