"""The command line that canary hands to a test script."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def make_argument_parser() -> "ArgumentParser":
    """Return a parser that knows the flags with which test scripts are called."""
    from argparse import ArgumentParser

    parser = ArgumentParser()
    parser.add_argument("--analyze", action="store_true", help="look at the results of the other jobs of this test")
    parser.add_argument("--baseline", action="store_true", help="make the results the new reference")
    parser.add_argument("--stage", default="run", help="which stage of the test to run")
    return parser
