"""The command line of `run-batch`: a fast reader for the form that rules write, and argparse for any other.

Building the argparse parser takes 5 ms and imports three more modules, which most runners do not need.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from canary_wf.errors import ExitCode

if TYPE_CHECKING:
    import argparse

_TAKE_VALUE = ("--plan", "--result", "--workers")
_SWITCHES = ("--bind", "--submitted", "--anywhere")
_MOST_DIGITS = 9


class RunOptions(NamedTuple):
    """The arguments of `run-batch`."""

    batch: str
    plan: Path
    result: Path | None = None
    workers: int | None = None
    bind: bool = False
    anywhere: bool = False
    debug: bool = False
    submitted: bool = False


def read_arguments(arguments: Sequence[str]) -> RunOptions:
    """Return the options in `arguments`. Ends the process for a wrong command line or a request for help."""
    options = read_rule_form(arguments)
    if options is None:
        options = RunOptions(**vars(command_parser().parse_args(arguments)))
    return options


def read_rule_form(arguments: Sequence[str]) -> RunOptions | None:
    """Return the options if `arguments` are a batch and full option names, each with its value, else None."""
    values: dict[str, str] = {}
    rest = iter(arguments[1:])
    for name in rest:
        value = next(rest, "") if name in _TAKE_VALUE else "yes" if name in _SWITCHES else ""
        if not value or value.startswith("-") or name in values:
            return None
        values[name] = value
    workers = values.get("--workers", "1")
    if not (arguments and arguments[0].isalnum() and "--plan" in values and is_positive(workers)):
        return None
    return RunOptions(
        arguments[0],
        Path(values["--plan"]),
        Path(values["--result"]) if "--result" in values else None,
        int(workers) if "--workers" in values else None,
        "--bind" in values,
        submitted="--submitted" in values,
        anywhere="--anywhere" in values,
    )


def is_positive(text: str) -> bool:
    """Return whether `text` is a positive whole number of a sensible length."""
    return text.isascii() and text.isdigit() and int(text[:_MOST_DIGITS]) > 0


def command_parser() -> "argparse.ArgumentParser":
    """Return the parser of `run-batch`, built with the standard library alone."""
    import argparse

    class Parser(argparse.ArgumentParser):
        """A parser that reports a wrong command line in one line, like every other command."""

        def error(self, message: str) -> NoReturn:
            self.exit(ExitCode.USAGE, f"canary-wf: {message}; try {self.prog} --help\n")

    def above_zero(text: str) -> int:
        if not is_positive(text):
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a whole number above zero")
        return int(text[:_MOST_DIGITS])

    parser = Parser(prog="canary-wf run-batch", description="Run one batch of a plan.")
    parser.add_argument("batch", help="the batch's id")
    parser.add_argument("--plan", type=Path, required=True, help="the plan.json of the session")
    parser.add_argument("--result", type=Path, help="write a copy of the result to this file")
    parser.add_argument("--workers", type=above_zero, help="run at most this many jobs at once")
    parser.add_argument("--bind", action="store_true", help="bind each job to the CPUs of its ids")
    parser.add_argument("--submitted", action="store_true", help="a cluster's scheduler started this command")
    parser.add_argument("--anywhere", action="store_true", help="let jobs run in folders outside of the session")
    parser.add_argument("--debug", action="store_true", help="show where in the program an error comes from")
    return parser
