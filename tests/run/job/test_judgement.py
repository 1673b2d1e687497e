"""Verdicts by CTest's rules."""

import signal
from pathlib import Path
from typing import Any

import pytest
from factories import spec

from canary_wf.ctest import ctest_verdict
from canary_wf.run.job.judgement import judge
from canary_wf.run.job.launcher import REPORT
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.spec.job_spec import Preparation


def judged(folder: Path, code: int, output: bytes = b"", **rules: Any) -> tuple[str, int]:  # noqa: ANN401 - any rule
    """Return outcome and code of a test of CTest with these rules that ended with `code` and wrote `output`."""
    file = folder / "canary-out.txt"
    file.write_bytes(output)
    status = judge(spec("a", kind="ctest", ctest=CTestRules(**rules)), code, file)
    assert status.outcome.name in {"SUCCESS", "XFAIL"} or status.reason
    return status.outcome.name, status.code


@pytest.mark.parametrize(("code", "outcome"), [(0, "SUCCESS"), (1, "FAILED"), (64, "FAILED"), (80, "FAILED")])
def test_only_zero_passes(tmp_path: Path, code: int, outcome: str) -> None:
    """The exit codes that mean something for other jobs mean nothing here."""
    assert judged(tmp_path, code) == (outcome, code)


@pytest.mark.parametrize(
    ("code", "output", "rules", "outcome"),
    [
        (3, b"all ok\n", {"pass_regular_expression": ("no", "ok")}, "SUCCESS"),
        (0, b"nothing\n", {"pass_regular_expression": ("ok",)}, "FAILED"),
        (0, b"error\n", {"fail_regular_expression": ("err",)}, "FAILED"),
        (0, b"ok error\n", {"pass_regular_expression": ("ok",), "fail_regular_expression": ("err",)}, "FAILED"),
        (1, b"skip\n", {"skip_regular_expression": ("skip",)}, "SKIPPED"),
        (0, b"skip error\n", {"skip_regular_expression": ("skip",), "fail_regular_expression": ("err",)}, "SKIPPED"),
        (7, b"", {"skip_return_code": 7, "will_fail": True}, "SKIPPED"),
        (0, b"", {"skip_return_code": 0}, "SKIPPED"),
        (1, b"", {"will_fail": True}, "XFAIL"),
        (0, b"", {"will_fail": True}, "FAILED"),
        (0, b"error\n", {"will_fail": True, "fail_regular_expression": ("err",)}, "XFAIL"),
        (-11, b"ok\n", {"will_fail": True}, "FAILED"),
        (-11, b"ok\n", {"pass_regular_expression": ("ok",)}, "FAILED"),
        (-11, b"ok\n", {"skip_regular_expression": ("ok",)}, "FAILED"),
        (0, b"a[\n", {"pass_regular_expression": ("a[",)}, "FAILED"),
    ],
)
def test_the_rules_in_ctests_order(
    tmp_path: Path, code: int, output: bytes, rules: dict[str, Any], outcome: str
) -> None:
    """Crashes first, then skips, then the output and the exit code, and WILL_FAIL last."""
    assert judged(tmp_path, code, output, **rules) == (outcome, code)


@pytest.mark.parametrize("output", [b"a\nb\n", b"a\nb", b"a\r\nb\r\n", b"a\0b"])
def test_output_is_searched_in_lines(tmp_path: Path, output: bytes) -> None:
    """Carriage returns, NULs and a last line without an end look as they look to CTest."""
    assert judged(tmp_path, 1, output, pass_regular_expression=("^a\nb\n$",)) == ("SUCCESS", 1)


def test_large_output_is_searched_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large to be read at once is found as well, with bounded memory."""
    monkeypatch.setattr(ctest_verdict, "WHOLE_OUTPUT", 100)
    output = b"x" * 10_000 + b"\nthe end\n"
    assert judged(tmp_path, 1, output, pass_regular_expression=("the (end|start)",)) == ("SUCCESS", 1)


@pytest.mark.parametrize(
    ("code", "output", "rules", "reason"),
    [
        (
            0,
            b"a\nerror: too hot\nb\n",
            {"fail_regular_expression": ("err",)},
            "its output matches FAIL_REGULAR_EXPRESSION 'err': error: too hot",
        ),
        (
            1,
            b"no gpu\nbye\n",
            {"skip_regular_expression": ("no g",)},
            "its output matches SKIP_REGULAR_EXPRESSION 'no g': no gpu",
        ),
        (
            0,
            b"3 wrong\n---\n",
            {"pass_regular_expression": ("all ok",)},
            "its output matches none of PASS_REGULAR_EXPRESSION 'all ok': 3 wrong",
        ),
        (0, b"", {"pass_regular_expression": ("ok",)}, "its output matches none of PASS_REGULAR_EXPRESSION 'ok'"),
        (7, b"no mesh\n", {"skip_return_code": 7}, "exit code 7 is its SKIP_RETURN_CODE: no mesh"),
        (2, b"too cold\n", {}, "exit code 2: too cold"),
        (0, b"fine\n", {"will_fail": True}, "it was expected to fail (WILL_FAIL), but did not"),
    ],
)
def test_the_reason_quotes_the_line_that_decided(
    tmp_path: Path, code: int, output: bytes, rules: dict[str, Any], reason: str
) -> None:
    """The line that an expression matched, or else the last one."""
    file = tmp_path / "canary-out.txt"
    file.write_bytes(output)
    assert judge(spec("a", kind="ctest", ctest=CTestRules(**rules)), code, file).reason == reason


def test_the_matching_line_of_a_large_output_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the output is not read at once."""
    monkeypatch.setattr(ctest_verdict, "WHOLE_OUTPUT", 100)
    file = tmp_path / "canary-out.txt"
    file.write_bytes(b"fine\n" * 9_000 + b"bad: 3\n" + b"fine\n" * 9_000)
    rules = CTestRules(fail_regular_expression=("ad:",))
    assert str(judge(spec("a", kind="ctest", ctest=rules), 0, file).reason).endswith("'ad:': bad: 3")


def test_output_that_is_gone_is_not_a_pass(tmp_path: Path) -> None:
    """A test that removed its own output cannot be judged by it."""
    rules = CTestRules(fail_regular_expression=("x",))
    status = judge(spec("a", kind="ctest", ctest=rules), 0, tmp_path / "none")
    assert status.outcome.name == "BROKEN"


def test_an_expression_that_backtracks_for_ever_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner goes on with its other jobs, and the reason says what took so long."""
    monkeypatch.setattr(ctest_verdict, "LONGEST_SEARCH", 0.2)
    file = tmp_path / "canary-out.txt"
    file.write_bytes(b"a" * 200 + b"\n")
    rules = CTestRules(pass_regular_expression=("(a+)+b",))
    status = judge(spec("a", kind="ctest", ctest=rules), 0, file)
    assert status.outcome.name == "BROKEN"
    assert "regular expressions took longer than 0.2 s" in str(status.reason)


@pytest.mark.parametrize(("code", "outcome"), [(0, "SUCCESS"), (1, "FAILED"), (67, "BROKEN")])
def test_a_job_that_writes_the_file_of_a_failed_preparation_keeps_its_verdict(
    tmp_path: Path, code: int, outcome: str
) -> None:
    """It counts only with the exit code of a preparation that gave up."""
    (tmp_path / REPORT).write_text("the setup failed")
    job = spec("a", preparation=Preparation(script="s.py"))
    assert judge(job, code, tmp_path / "canary-out.txt").outcome.name == outcome


def test_no_alarm_is_left_behind(tmp_path: Path) -> None:
    """Whoever else uses the alarm of the process finds it as it was."""
    before = signal.getsignal(signal.SIGALRM)
    judged(tmp_path, 0, b"ok\n", pass_regular_expression=("ok",))
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
