"""Whether output is coloured: the option, the variables, and the terminal, in this order."""

import io
from collections.abc import Iterator

import pytest

from canary_wf.report.colour import Choice, choose_colour, is_coloured


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is."""
        return True


@pytest.fixture(autouse=True)
def _chosen_again() -> Iterator[None]:
    yield
    choose_colour("auto")


@pytest.mark.parametrize(
    ("variables", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"TERM": "xterm"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "true", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": ""}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}, False, False),
    ],
)
def test_variables_decide_where_no_option_does(variables: dict[str, str], *, on_terminal: bool, in_pipe: bool) -> None:
    """NO_COLOR wins over what forces colours; an empty variable says nothing."""
    assert is_coloured(Terminal(), variables) is on_terminal
    assert is_coloured(io.StringIO(), variables) is in_pipe


@pytest.mark.parametrize("choice", ["always", "never"])
def test_the_option_wins_over_all_variables(choice: Choice) -> None:
    """Whatever the environment of a CI service sets."""
    choose_colour(choice)
    for variables in ({}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TERM": "dumb"}):
        assert is_coloured(Terminal(), variables) is (choice == "always")
        assert is_coloured(io.StringIO(), variables) is (choice == "always")
