"""The exceptions by which a test reports its verdict; if uncaught, they end the process with their exit code."""

import sys
from _thread import get_ident

from .exit_status import diff_exit_status, fail_exit_status, skip_exit_status, timeout_exit_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn


class TestOutcome(Exception):  # noqa: N818 - tests know the subclasses by their canary names
    """Base of the verdicts a test can raise; `exit_status` is the exit code of the process."""

    __test__ = False
    exit_status = fail_exit_status

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        install()


class TestFailed(TestOutcome):
    """The test failed."""

    exit_status = fail_exit_status


class TestDiffed(TestOutcome):
    """The test ran, and its results differ from the expected ones."""

    exit_status = diff_exit_status


class TestSkipped(TestOutcome):
    """The test cannot or need not run here."""

    exit_status = skip_exit_status


class TestTimedOut(TestOutcome):
    """The test gave up after its own time limit."""

    exit_status = timeout_exit_status


class MissingTestInstanceError(RuntimeError, AttributeError):
    """The running job was asked for something, but there is no job. For `hasattr` the attribute is missing."""


_UNCAUGHT = 1
"""Python's exit code after an exception that nobody caught."""

_previous = sys.excepthook


def install() -> None:
    """Install the hook that records the exception which ends this process.

    A script run by hand that never raises a verdict keeps its own hook. If the script has set its own hook since, this
    hook is installed in front of it again, and calls it.
    """
    global _previous  # noqa: PLW0603 - the hook itself is global
    if sys.excepthook is not _hook:
        _previous = sys.excepthook
        sys.excepthook = _hook


def _hook(kind: type[BaseException], error: BaseException, traceback: "TracebackType | None") -> None:
    from .notes import note_end

    if not isinstance(error, TestOutcome):
        _previous(kind, error, traceback)
        if isinstance(error, Exception):
            text = _message_of(error)
            note_end(f"{kind.__name__}: {text}" if text else kind.__name__, _UNCAUGHT)
        return
    text = _message_of(error)
    sys.stderr.write(f"{kind.__name__}: {text}\n" if text else f"{kind.__name__}\n")
    sys.stderr.flush()
    if text:
        note_end(text, error.exit_status)
    raise SystemExit(error.exit_status)


def replace_exit() -> None:
    """Replace `sys.exit` by a function that records the message with which a test exits.

    Python itself only prints that message, and no hook sees the exception.
    """
    from posix import getpid

    main = getpid(), get_ident()
    noted = False

    def exit(status: object = None, /) -> "NoReturn":  # noqa: A001 - its name in `sys`
        """Exit the interpreter by raising SystemExit(status), as `sys.exit` does."""
        nonlocal noted
        is_text = not (status is None or isinstance(status, int))
        # A thread only ends itself by this, and a forked process is not the test.
        if (is_text or noted) and main == (getpid(), get_ident()):
            from .notes import note_end

            note_end(_message_of(status) if is_text else "", _UNCAUGHT)
            noted = is_text
        raise SystemExit(status)

    sys.exit = exit


def _message_of(error: object) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - the test's own class may fail to format itself
        return f"(its message cannot be shown: {type(failure).__name__})"


def __getattr__(name: str) -> object:
    if name == "__path__":  # the import system asks every module for it
        raise AttributeError(name)
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
