"""The end of a job in CTest's terms, which CDash knows: status, exit code and value, completion status.

Source: what CTest 3.25 writes for each kind of end.
"""

import re
import signal
from typing import NamedTuple

from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import Category, Outcome

DISABLED = "Disabled"
COMPLETED = "Completed"
_SIGNALS = {
    signal.SIGSEGV: "SEGFAULT",
    signal.SIGILL: "ILLEGAL",
    signal.SIGINT: "INTERRUPT",
    signal.SIGFPE: "NUMERICAL",
    signal.SIGABRT: "Subprocess aborted",
    signal.SIGKILL: "Subprocess killed",
    signal.SIGTERM: "Subprocess terminated",
    signal.SIGBUS: "Bus error",
    signal.SIGIO: "SIGPOLL",
}
_WORDS = {Outcome.TIMEOUT: "Timeout", Outcome.BROKEN: "BAD_COMMAND", Outcome.DIFFED: "Diffed"}
_NOT_STARTED = (
    (re.compile("not available in this configuration"), "Missing Configuration", None),
    (re.compile("required file"), "Required Files Missing", "Unable to find required file"),
    (re.compile("no folder|working directory"), "Failed to change working directory", None),
    (re.compile("not found|not find|executable"), "Unable to find executable", "Unable to find executable"),
)
"""Reasons why a job could not start, CTest's completion status for each, and its line before the file name.

CTest counts such a test as not run.
"""


class Ending(NamedTuple):
    """The end of one job.

    `code` and `value` are None where CTest does not write them, `reason` where the completion status says everything.
    `output` replaces the output of a test that did not start.
    """

    status: str
    completion: str
    code: str | None = None
    value: int | None = None
    reason: str | None = None
    output: str = ""


def ending_of(job: PlannedJob, record: JobRecord) -> Ending:
    """Return the end of `job`."""
    status = record.status
    if status.category is Category.NONE:
        return Ending("notrun", status.reason or "Not Run", output=status.reason or "Not Run")
    if status.category is Category.SKIP:
        return Ending("notrun", _skipped(job, record), output="" if record.pid else status.reason or "")
    if status.outcome is Outcome.BROKEN and not record.pid:
        for words, completion, line in _NOT_STARTED:
            if words.search(status.reason or ""):
                return Ending("notrun", completion, output=_with_name(line, status.reason or ""))
    value = _exit_value(record)
    if status.is_pass:
        code = COMPLETED if value else None
        return Ending("passed", COMPLETED, code, value or None, None if job.kind == "ctest" else status.reason)
    return Ending("failed", COMPLETED, _exit_word(record), value, _reason(job, record))


def _with_name(line: str | None, reason: str) -> str:
    """Return CTest's `line` with the file that `reason` names, or else the reason."""
    named = re.search(r"'([^']+)'", reason)
    return f"{line}: {named[1]}" if line is not None and named is not None else reason


def _exit_word(record: JobRecord) -> str:
    status = record.status
    if status.outcome is Outcome.FAILED and status.code < 0:
        number = -status.code
        names = {int(each): each.name for each in signal.Signals} | {int(each): _SIGNALS[each] for each in _SIGNALS}
        return names.get(number, "Failed")
    return _WORDS.get(status.outcome, status.outcome.name.capitalize())


def _exit_value(record: JobRecord) -> int:
    """Return the exit code of the process, 0 if it has none of its own because it was ended or never started."""
    ended = {Outcome.TIMEOUT, Outcome.BROKEN, Outcome.CANCELLED, Outcome.INTERRUPTED}
    return 0 if record.status.outcome in ended else max(0, record.status.code)


def _skipped(job: PlannedJob, record: JobRecord) -> str:
    reason = record.status.reason
    if job.kind != "ctest":
        return reason or "Skipped"
    if record.status.outcome is Outcome.BLOCKED:
        return "Fixture dependency failed"
    if "SKIP_REGULAR_EXPRESSION" in (reason or ""):
        return "SKIP_REGULAR_EXPRESSION_MATCHED"
    return f"SKIP_RETURN_CODE={record.status.code}"


def _reason(job: PlannedJob, record: JobRecord) -> str | None:
    """Return why a job failed, if its exit code does not say so."""
    reason = record.status.reason
    if job.ctest is None or record.status.category is Category.CANCEL:
        return reason
    if reason is not None and "matches none of PASS_REGULAR_EXPRESSION" in reason:
        patterns = "".join(f"{pattern}\n" for pattern in job.ctest.pass_regular_expression)
        return f"Required regular expression not found. Regex=[{patterns}]"
    for pattern in job.ctest.fail_regular_expression:
        if reason is not None and f"FAIL_REGULAR_EXPRESSION {pattern!r}" in reason:
            return f"Error regular expression found in output. Regex=[{pattern}]"
    return None
