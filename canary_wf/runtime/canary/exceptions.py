"""The exceptions by which a test says how it went: one that nobody catches ends the process with its exit code."""

import sys

from .exit_status import diff_exit_status, fail_exit_status, skip_exit_status, timeout_exit_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class TestOutcome(Exception):  # noqa: N818 - tests know the subclasses by their canary names
    """Base of the verdicts a test can raise; `exit_status` is the exit code of the process."""

    __test__ = False
    exit_status = fail_exit_status

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        _install()


class TestFailed(TestOutcome):
    """The test failed."""

    exit_status = fail_exit_status


class TestDiffed(TestOutcome):
    """The test ran and its results differ from what was expected."""

    exit_status = diff_exit_status


class TestSkipped(TestOutcome):
    """The test finds that it cannot or need not run here."""

    exit_status = skip_exit_status


class TestTimedOut(TestOutcome):
    """The test gave up after its own time limit."""

    exit_status = timeout_exit_status


class MissingTestInstanceError(RuntimeError, AttributeError):
    """Something of the running job was asked for, and there is none; to `hasattr` it is not there."""


_previous = sys.excepthook


def _install() -> None:
    # Not at import: a script that never raises a verdict keeps the hook it had. Put in front again where the
    # script has set its own hook since, which then becomes the next in the chain.
    global _previous  # noqa: PLW0603 - the hook itself is global
    if sys.excepthook is not _hook:
        _previous = sys.excepthook
        sys.excepthook = _hook


def _hook(kind: type[BaseException], error: BaseException, traceback: "TracebackType | None") -> None:
    if not isinstance(error, TestOutcome):
        _previous(kind, error, traceback)
        return
    text = str(error)
    sys.stderr.write(f"{kind.__name__}: {text}\n" if text else f"{kind.__name__}\n")
    sys.stderr.flush()
    sys.exit(error.exit_status)


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
