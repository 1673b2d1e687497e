"""The command line that canary passes to a test script."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def make_argument_parser() -> "ArgumentParser":
    """Return a parser of the flags with which test scripts are called; unknown arguments go to `extra_args`."""
    from argparse import ArgumentParser, Namespace

    class Parser(ArgumentParser):
        def parse_args(self, args=None, namespace=None) -> Namespace:  # type: ignore[no-untyped-def,override]  # noqa: ANN001
            found: Namespace
            found, found.extra_args = self.parse_known_args(args, namespace)
            return found

    parser = Parser()
    parser.add_argument("--stage", default="run", help="the stage of the test to run")
    parser.add_argument("--baseline", action="store_true", help="make the results the new reference")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-a", action="store_true", help="analyze existing results without computing them again")
    what.add_argument("--analyze", action="store_true", help="analyze the results of the other jobs of this test")
    what.add_argument(
        "--execute-analysis-sections", action="store_true", help="run only the parts that analyze results"
    )
    return parser


make_std_parser = make_argument_parser
