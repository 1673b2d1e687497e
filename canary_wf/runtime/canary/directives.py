# ruff: noqa: A002, ANN401 - the names are those that test files use, and at run time a directive does nothing
"""The directives at the top level of a test file.

At run time a directive is a call without effect, because the job already is what the directives made it. When discovery
reads the file, its reader replaces them by recording functions with the same signatures.

`when` limits a directive to some jobs: ``"options='dbg' parameters='n>1'"``, or the same as a mapping. The keys are
options, keywords, parameters, testname and platforms.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

    When = str | dict[str, str] | None

_LIST = "list_parameter_space"


def aggregate(
    *, when: "When" = None, flag: "str | None" = None, script: "str | None" = None, requires: str = "success"
) -> None:
    """Add a job that runs after all parameterized ones, with `flag` as its argument."""


def analyze(
    *, when: "When" = None, flag: "str | None" = None, script: "str | None" = None, requires: str = "success"
) -> None:
    """Add a job that runs after all parameterized ones, with `flag` as its argument (default: ``--analyze``)."""


def artifact(file: str, *, when: "When" = None, save_on: str = "always") -> None:
    """Keep the files that match `file`: ``always``, or only after ``success`` or ``failure``."""


def baseline(
    src: "str | None" = None, dst: "str | None" = None, when: "When" = None, flag: "str | None" = None
) -> None:
    """Set how results become the new reference: copy `src` over `dst`, or run the script with `flag`."""


def copy(*files: str, src: "str | None" = None, dst: "str | None" = None, when: "When" = None) -> None:
    """Copy `files` (globs), or `src` as `dst`, into the job's folder before it starts."""


def cpus(n: "int | None" = None, *, arg: "int | None" = None, when: "When" = None) -> None:
    """Set the number of CPUs of the job."""


def depends_on(
    arg: "str | dict[str, Any] | list[str | dict[str, Any]]",
    when: "When" = None,
    *,
    expect: "str | int | None" = None,
    result: "str | None" = None,
) -> None:
    """Run after the jobs that match; a mapping has the keys ``job``, ``when`` (their verdict) and ``expects``."""


def description(text: str) -> None:
    """Describe the test in words."""


def enable(*args: bool, when: "When" = None) -> None:
    """Leave the job out unless `when` holds (``enable(True, …)``), or if it holds (``enable(False, …)``)."""


def exclusive(*, when: "When" = None) -> None:
    """Run no other job at the same time."""


def execution_path(path: str, *, when: "When" = None) -> None:
    """Run the job in the folder `path` of the session instead of the one made from its name."""


def filter_warnings(arg: bool) -> None:
    """Request fewer warnings about this file."""


def generate_composite_base_case(
    *, when: "When" = None, flag: "str | None" = None, script: "str | None" = None, requires: str = "success"
) -> None:
    """Do the same as `aggregate`, which is its newer name."""


def gpus(n: "int | None" = None, *, arg: "int | None" = None, when: "When" = None) -> None:
    """Set the number of GPUs of the job."""


def include(file: str, *, when: "When" = None) -> None:
    """Read the directives in `file` (relative to this file) at this point."""


def keywords(*args: str, when: "When" = None) -> None:
    """Add keywords by which the job can be selected."""


def link(*files: str, src: "str | None" = None, dst: "str | None" = None, when: "When" = None) -> None:
    """Link `files` (globs), or `src` as `dst`, into the job's folder before it starts."""


def load_module(name: str, *, use: "str | None" = None, when: "When" = None) -> None:
    """Load the environment module `name`, found below `use`."""


def memory(size: "str | float", *, when: "When" = None) -> None:
    """Set the memory of the job: ``"2GiB"``, ``"500MB"``; a number is MiB."""


def name(arg: str) -> None:
    """Name the family of the file's jobs; several calls make several families."""


def nodes(n: "int | None" = None, *, arg: "int | None" = None, when: "When" = None) -> None:
    """Set the number of nodes of the job."""


def owner(arg: str) -> None:
    """Name a person who is responsible for the test."""


def owners(*args: str) -> None:
    """Name the people who are responsible for the test."""


def parameterize(
    names: "str | Iterable[str]",
    values: "Iterable[Any]",
    *,
    when: "When" = None,
    type: str = _LIST,
    samples: int = 10,
    random_seed: float = 1234.0,
) -> None:
    """Make one job for each row of `values`; several calls make the product."""


def preload(arg: str, *, when: "When" = None, source: bool = False) -> None:
    """Do nothing (kept because test files call it)."""


def resources(*, when: "When" = None, **types: int) -> None:
    """Set the number of slots of further resource types."""


def set_attribute(*, when: "When" = None, **attributes: "Any") -> None:
    """Attach values that the test finds in its instance's `attributes`."""


def set_id(id: str, *, when: "When" = None) -> None:
    """Set the job's id: 8 to 64 hexadecimal digits or underscores, after parameters are substituted."""


def setup(func: "Function") -> "Function":
    """Mark the function that runs before the test."""
    return func


def skipif(arg: bool, *, reason: str) -> None:
    """Leave the jobs of this file out, for `reason`, when `arg` is true."""


def source(rcfile: str, *, when: "When" = None) -> None:
    """Run the test in the environment that sourcing `rcfile` gives."""


def sources(*files: str, when: "When" = None) -> None:
    """Name further files that belong to the test."""


def stages(*args: str) -> None:
    """Name the stages that the test knows."""


def teardown(func: "Function") -> "Function":
    """Mark the function that runs after the test."""
    return func


def testname(arg: str) -> None:
    """Name the family of the file's jobs; several calls make several families."""


def timeout(arg: "str | float", *, when: "When" = None) -> None:
    """Set the time limit of the job, in seconds or as a Go-style duration."""


def xdiff(*, when: "When" = None) -> None:
    """Expect the test to find differences (exit code 64)."""


def xfail(*, code: int = -1, when: "When" = None) -> None:
    """Expect the test to fail with `code`, or with any exit code except 0."""


def known() -> list[str]:
    """Return the names of all directives."""
    return sorted(key for key, value in globals().items() if callable(value) and key not in _NOT_DIRECTIVES)


_NOT_DIRECTIVES = {"known", "unknown", "__getattr__", "__dir__"}


def unknown(directive: str) -> str:
    """Return the message about a directive that does not exist, with the closest ones that do."""
    from difflib import get_close_matches

    names = known()
    near = get_close_matches(directive, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names)}"
    return f"unknown directive {directive!r}; {hint}"


def __getattr__(directive: str) -> "Any":
    if directive.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {directive!r}")
    raise AttributeError(unknown(directive))
