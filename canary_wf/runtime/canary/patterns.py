"""Test patterns that many files share."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable
    from typing import Any


def identity(*arguments: object, **named: object) -> None:
    """Do nothing, whatever is passed."""
    del arguments, named


class ExecuteAndAnalyze:
    """A test that runs for each set of parameters, verifies each result, and analyzes all results together.

    `test_fn` and `verify_fn` are called in each parameterized job, `analyze_fn` in the job that depends on them, which
    is called with ``--analyze`` or ``--base``. With ``--execute-analysis-sections`` a parameterized job only verifies.
    """

    def __init__(
        self,
        *,
        test_fn: "Callable[..., Any]" = identity,
        verify_fn: "Callable[..., Any]" = identity,
        analyze_fn: "Callable[..., Any]" = identity,
    ) -> None:
        self.run_test = test_fn
        self.analyze_parameterized_test = verify_fn
        self.analyze_base_case = analyze_fn

    @staticmethod
    def make_parser() -> "ArgumentParser":
        """Return the parser of the flags above."""
        from argparse import ArgumentParser

        parser = ArgumentParser()
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--analyze", "--base", dest="analyze_composite_base", action="store_true")
        which.add_argument("--execute-analysis-sections", action="store_true")
        return parser

    def __call__(self, args: "Namespace | None" = None) -> None:
        """Execute what the command line asks for."""
        self.execute(args)

    def execute(self, args: "Namespace | None" = None) -> None:
        """Execute what `args` (default: the command line) ask for."""
        options = args if args is not None else self.make_parser().parse_known_args(sys.argv[1:])[0]
        if options.analyze_composite_base:
            self.analyze_base_case()
            return
        if not options.execute_analysis_sections:
            self.run_test()
        self.analyze_parameterized_test()


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
