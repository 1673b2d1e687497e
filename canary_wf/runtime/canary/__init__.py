"""The package that a test script imports as ``canary`` when canary-wf runs it.

Every name is loaded on first use, so the import itself costs almost nothing. A name that is missing here is taken from
canary-wm, if that is installed.
"""

from posix import environ as _environ  # there without an import of `os`

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MODULE_OF = {
    "centered_parameter_space": "enums",
    "list_parameter_space": "enums",
    "random_parameter_space": "enums",
    "diff_exit_status": "exit_status",
    "fail_exit_status": "exit_status",
    "skip_exit_status": "exit_status",
    "success_exit_status": "exit_status",
    "timeout_exit_status": "exit_status",
    "TestDiffed": "exceptions",
    "TestFailed": "exceptions",
    "TestSkipped": "exceptions",
    "TestTimedOut": "exceptions",
    "MissingTestInstanceError": "exceptions",
    "Job": "instance",
    "MissingTestInstance": "instance",
    "TestInstance": "instance",
    "TestMultiInstance": "instance",
    "get_instance": "instance",
    "get_job": "instance",
    "get_testcase": "instance",
    "TestCase": "instance",
    "Executable": "executable",
    "make_argument_parser": "arguments",
    "make_std_parser": "arguments",
}
_MODULES = (
    "directives",
    "enums",
    "exceptions",
    "exit_status",
    "filesystem",
    "instance",
    "module",
    "patterns",
    "shell",
    "status",
    "string",
    "test",
    "time",
)

__all__ = sorted([*_MODULE_OF, *_MODULES])  # noqa: PLE0605 - the two tables above are the one list of names


def __getattr__(name: str) -> "Any":  # noqa: ANN401 - a module's attributes are of any type
    if name in _MODULES:
        return __import__(f"{__name__}.{name}", fromlist=[name])
    if name in _MODULE_OF:
        found = getattr(__import__(f"{__name__}.{_MODULE_OF[name]}", fromlist=[name]), name)
    else:
        from .fallback import from_canary_wm

        found = from_canary_wm(__name__, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if b"CANARY_WF_JOB" in _environ:  # a job: its last exception or exit message is the reason of its verdict
    from .exceptions import install as _install
    from .exceptions import replace_exit as _replace_exit

    _install()
    _replace_exit()
