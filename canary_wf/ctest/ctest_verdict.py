"""The verdict on a CTest test that ended, by CTest's rules.

These are the rules in CTest's order (cmCTestRunTest::EndTest, CMake 3.25). A crash is a failure in any case. An exit
code or output that means a skip is a skip. Otherwise the test fails if its output matches FAIL_REGULAR_EXPRESSION. With
PASS_REGULAR_EXPRESSION it succeeds if its output matches, whatever the exit code; without it, if it exits with 0.
WILL_FAIL inverts the result. 64 and 80 are exit codes like others.
"""

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from canary_wf.ctest.cmake_regex import TookTooLongError, compile_cmake, time_limited
from canary_wf.errors import CanaryWfError
from canary_wf.files.plain_files import open_plain
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.verdict.exit_code import describe_exit
from canary_wf.verdict.last_message import MOST_READ, last_line, line_said
from canary_wf.verdict.status import Outcome, Status

WHOLE_OUTPUT = 16 * 2**20
"""Output of up to this number of bytes is read with line ends as CTest sees them. Larger output is memory-mapped."""

OF_OUTPUT = "its output "
"""Beginning of the reasons that come from the output, and quote it."""

LONGEST_SEARCH = 10.0
"""Time limit in seconds for searching the output of one test. The runner is blocked meanwhile."""

Text = bytes | mmap.mmap


def judge_ctest(rules: CTestRules, code: int, output: Path) -> Status:
    """Return the verdict on a test with `rules` that ended with `code` (signal N: -N) and printed `output`."""
    try:
        with time_limited(LONGEST_SEARCH):
            return _judge(rules, code, output)
    except TookTooLongError:
        reason = f"its regular expressions took longer than {LONGEST_SEARCH:g} s to search its output"
        return Status(Outcome.BROKEN, reason, code)
    except OSError as error:
        return Status(Outcome.BROKEN, f"its output cannot be judged ({error.strerror})", code)


def _judge(rules: CTestRules, code: int, output: Path) -> Status:
    if code < 0:
        return Status(Outcome.FAILED, describe_exit(code), code)
    required, forbidden, skipping = (
        rules.pass_regular_expression,
        rules.fail_regular_expression,
        rules.skip_regular_expression,
    )
    text = _read(output) if required or forbidden or skipping else b""
    if (found := first_match(skipping, text)) is not None:
        reason = _quoting(f"{OF_OUTPUT}matches SKIP_REGULAR_EXPRESSION {found.pattern!r}", found.line)
        return Status(Outcome.SKIPPED, reason, code)
    if rules.skip_return_code == code:
        return Status(Outcome.SKIPPED, f"exit code {code} is its SKIP_RETURN_CODE", code)
    failure = _failure(rules, code, text)
    if not rules.will_fail:
        return Status(Outcome.FAILED, failure, code) if failure else Status(Outcome.SUCCESS, None, code)
    if failure:
        return Status(Outcome.XFAIL, f"as expected (WILL_FAIL): {failure}", code)
    return Status(Outcome.FAILED, "it was expected to fail (WILL_FAIL), but did not", code)


def _failure(rules: CTestRules, code: int, text: Text) -> str | None:
    """Return why a test has failed, ignoring WILL_FAIL, or None if it has not."""
    if (found := first_match(rules.fail_regular_expression, text)) is not None:
        return _quoting(f"{OF_OUTPUT}matches FAIL_REGULAR_EXPRESSION {found.pattern!r}", found.line)
    if not rules.pass_regular_expression:
        return describe_exit(code) if code else None
    if first_match(rules.pass_regular_expression, text) is None:
        required = ", ".join(map(repr, rules.pass_regular_expression))
        return _quoting(f"{OF_OUTPUT}matches none of PASS_REGULAR_EXPRESSION {required}", last_line(text[-MOST_READ:]))
    return None


def _quoting(reason: str, line: str | None) -> str:
    return reason if line is None else f"{reason}: {line}"


class Match(NamedTuple):
    """A regular expression that matches an output, and the line where the match begins, in printable form."""

    pattern: str
    line: str | None


def first_match(patterns: Iterable[str], text: Text) -> Match | None:
    """Return the match of the first of `patterns` (CMake's) that matches in `text`, or None.

    An invalid pattern never matches.
    """
    for pattern in patterns:
        try:
            if found := compile_cmake(pattern).search(text):
                return Match(pattern, _line_at(text, found.start()))
        except CanaryWfError:  # discovery has warned of it
            continue
    return None


def _line_at(text: Text, position: int) -> str | None:
    """Return the line of `text` at `position`, from at most `MOST_READ` bytes on each side of it."""
    start = max(text.rfind(b"\n", 0, position) + 1, position - MOST_READ)
    end = text.find(b"\n", position, position + MOST_READ)
    return line_said(text[start : position + MOST_READ if end < 0 else end])


def _read(output: Path) -> Text:
    """Return the output as CTest sees it, in lines that end with a line feed only.

    Output of more than `WHOLE_OUTPUT` bytes is memory-mapped unchanged, so that memory stays bounded.
    """
    with open_plain(output) as file:
        content = file.read(WHOLE_OUTPUT + 1)
        if len(content) > WHOLE_OUTPUT:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if not content:
        return b""
    lines = content.replace(b"\0", b"\n").removesuffix(b"\n").split(b"\n")
    return b"".join(line.rstrip(b"\r") + b"\n" for line in lines)
