"""The command line of `run-batch`: read at once where it is as rules write it, by argparse where it is not.

Making ready to explain itself takes argparse 5 ms and three more modules, which a runner need not wait for.
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
    """Return what `arguments` say; for a wrong command line, or one that asks for help, the process ends here."""
    options = as_rules_write(arguments)
    if options is None:
        options = RunOptions(**vars(command_parser().parse_args(arguments)))
    return options


def as_rules_write(arguments: Sequence[str]) -> RunOptions | None:
    """Return what `arguments` say when they are a batch with options in full, each with its value, else None."""
    given: dict[str, str] = {}
    rest = iter(arguments[1:])
    for name in rest:
        value = next(rest, "") if name in _TAKE_VALUE else "yes" if name in _SWITCHES else ""
        if not value or value.startswith("-") or name in given:
            return None
        given[name] = value
    workers = given.get("--workers", "1")
    if not (arguments and arguments[0].isalnum() and "--plan" in given and is_above_zero(workers)):
        return None
    return RunOptions(
        arguments[0],
        Path(given["--plan"]),
        Path(given["--result"]) if "--result" in given else None,
        int(workers) if "--workers" in given else None,
        "--bind" in given,
        submitted="--submitted" in given,
        anywhere="--anywhere" in given,
    )


def is_above_zero(text: str) -> bool:
    """Return whether `text` is a whole number above zero, and not too long to be one of workers."""
    return text.isascii() and text.isdigit() and int(text[:_MOST_DIGITS]) > 0


def command_parser() -> "argparse.ArgumentParser":
    """Return the parser of `run-batch`, which takes no other package to start."""
    import argparse

    class Parser(argparse.ArgumentParser):
        """The parser that reports a wrong command line as every other command does: in one line."""

        def error(self, message: str) -> NoReturn:
            self.exit(ExitCode.USAGE, f"canary-wf: {message}; try {self.prog} --help\n")

    def above_zero(text: str) -> int:
        if not is_above_zero(text):
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a whole number above zero")
        return int(text[:_MOST_DIGITS])

    parser = Parser(prog="canary-wf run-batch", description="Run one batch of a plan.")
    parser.add_argument("batch", help="the batch's id")
    parser.add_argument("--plan", type=Path, required=True, help="the plan.json of the session")
    parser.add_argument("--result", type=Path, help="where a copy of the result is expected")
    parser.add_argument("--workers", type=above_zero, help="run at most this many jobs at once")
    parser.add_argument("--bind", action="store_true", help="bind each job to the CPUs of its ids")
    parser.add_argument("--submitted", action="store_true", help="say that a cluster's scheduler started this")
    parser.add_argument("--anywhere", action="store_true", help="let jobs run in folders out of the session")
    parser.add_argument("--debug", action="store_true", help="show where in the program an error comes from")
    return parser
