import copy
import pickle

import pytest

from canary_wf.errors import CanaryWfError, ExitCode, InputError, UsageError, WorkspaceError, one_line
from canary_wf.resources.layout import LayoutError
from canary_wf.resources.request import EmptyResourcePoolError
from canary_wf.spec.values import InvalidTypeError
from canary_wf.state.attempt import SupersededError


def test_an_error_tells_where_what_and_what_to_do() -> None:
    """The one line a user sees has the place first and the advice last."""
    error = InputError("unknown directive 'foo'", where="a.pyt:3", hint="use one of the known ones")
    assert str(error) == "a.pyt:3: unknown directive 'foo'; use one of the known ones"


def test_hostile_text_cannot_add_a_line_or_an_escape_sequence() -> None:
    """A name with line ends or terminal codes is told escaped."""
    assert str(CanaryWfError("bad\nname \x1b[31m")) == "bad\\nname \\x1b[31m"
    assert one_line("naïve Ω") == "naïve Ω"


def test_each_kind_of_error_has_the_contracts_exit_code() -> None:
    """Usage is 2, input 3, workspace 4."""
    assert (UsageError("x").exit_code, InputError("x").exit_code, WorkspaceError("x").exit_code) == (2, 3, 4)
    assert CanaryWfError("x").exit_code is ExitCode.JOBS_FAILED


def test_errors_about_values_are_value_errors() -> None:
    """Library users may catch ValueError."""
    assert isinstance(InputError("x"), ValueError)
    assert isinstance(UsageError("x"), ValueError)


@pytest.mark.parametrize(
    "error",
    [
        InputError("bad", where="a:1", hint="mend it"),
        LayoutError("must be a text", ("cpus", 0, "id")),
        InvalidTypeError("cpus", "x"),
        SupersededError("b"),
        EmptyResourcePoolError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_travels_between_processes(error: CanaryWfError) -> None:
    """As it is, whatever its kind is made of."""
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert (type(other), str(other), other.args, vars(other)) == (type(error), str(error), error.args, vars(error))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("::error::x", "\\x3a:error::x"),
        ("  ::add-mask::x", "  \\x3a:add-mask::x"),
        ("a ##[error]x ##[y", "a #\\x23[error]x #\\x23[y"),
        ("\n::error::x", "\\n::error::x"),
        ("a::b", "a::b"),
        ("## [a", "## [a"),
    ],
)
def test_hostile_text_cannot_forge_a_command_to_a_github_runner(text: str, told: str) -> None:
    """It obeys two colons at the start of a line, after blanks, and ``##[`` anywhere; all else stays as it is."""
    assert one_line(text) == told
