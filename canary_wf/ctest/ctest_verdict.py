"""The verdict on a test of CTest that ended, by CTest's rules.

They are, in its order (cmCTestRunTest::EndTest, CMake 3.25): a crash fails, whatever else is said; an exit code or
output that means a skip skips; otherwise the test succeeds when its output has what PASS_REGULAR_EXPRESSION wants (the
exit code then does not matter) or else when it exits with 0, and when it has nothing of FAIL_REGULAR_EXPRESSION;
WILL_FAIL turns the result round. 64 and 80 are exit codes like others.
"""

import mmap
from collections.abc import Iterable
from pathlib import Path

from canary_wf.ctest.cmake_regex import TookTooLongError, compile_cmake, time_limited
from canary_wf.errors import CanaryWfError
from canary_wf.files.plain_files import open_plain
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.verdict.exit_code import describe_exit
from canary_wf.verdict.status import Outcome, Status

WHOLE_OUTPUT = 16 * 2**20
"""Bytes of output that are read at once, with line ends as CTest sees them; more is searched where it lies."""

LONGEST_SEARCH = 10.0
"""Seconds that the expressions of one test may search its output; the runner can do nothing else meanwhile."""

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
    wanted, refused, skipping = (
        rules.pass_regular_expression,
        rules.fail_regular_expression,
        rules.skip_regular_expression,
    )
    text = _read(output) if wanted or refused or skipping else b""
    if (found := first_match(skipping, text)) is not None:
        return Status(Outcome.SKIPPED, f"its output matches SKIP_REGULAR_EXPRESSION {found!r}", code)
    if rules.skip_return_code == code:
        return Status(Outcome.SKIPPED, f"exit code {code} is its SKIP_RETURN_CODE", code)
    failure = _failure(rules, code, text)
    if not rules.will_fail:
        return Status(Outcome.FAILED, failure, code) if failure else Status(Outcome.SUCCESS, None, code)
    if failure:
        return Status(Outcome.XFAIL, f"as expected (WILL_FAIL): {failure}", code)
    return Status(Outcome.FAILED, "it was expected to fail (WILL_FAIL), but did not", code)


def _failure(rules: CTestRules, code: int, text: Text) -> str | None:
    """Return why a test has failed, were it not for WILL_FAIL, or None when it has not."""
    if (found := first_match(rules.fail_regular_expression, text)) is not None:
        return f"its output matches FAIL_REGULAR_EXPRESSION {found!r}"
    if not rules.pass_regular_expression:
        return describe_exit(code) if code else None
    if first_match(rules.pass_regular_expression, text) is None:
        return (
            f"its output matches none of PASS_REGULAR_EXPRESSION {', '.join(map(repr, rules.pass_regular_expression))}"
        )
    return None


def first_match(patterns: Iterable[str], text: Text) -> str | None:
    """Return the first of `patterns` (CMake's) that matches somewhere in `text`; one that is not valid never does."""
    for pattern in patterns:
        try:
            if compile_cmake(pattern).search(text):
                return pattern
        except CanaryWfError:  # discovery has warned of it
            continue
    return None


def _read(output: Path) -> Text:
    """Return the output as CTest sees it: in lines, which end with a line feed and nothing before it.

    Output of more than `WHOLE_OUTPUT` bytes stays on the disk, as it is, so that memory stays bounded.
    """
    with open_plain(output) as file:
        content = file.read(WHOLE_OUTPUT + 1)
        if len(content) > WHOLE_OUTPUT:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if not content:
        return b""
    lines = content.replace(b"\0", b"\n").removesuffix(b"\n").split(b"\n")
    return b"".join(line.rstrip(b"\r") + b"\n" for line in lines)
