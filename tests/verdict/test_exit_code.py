import pytest

from canary_wf.verdict.exit_code import status_of_exit


@pytest.mark.parametrize(
    ("code", "xstatus", "expected"),
    [
        (0, 0, ("PASS", "SUCCESS", 0)),
        (1, 0, ("FAIL", "FAILED", 1)),
        (2, 0, ("FAIL", "FAILED", 2)),
        (64, 0, ("FAIL", "DIFFED", 64)),
        (65, 0, ("FAIL", "FAILED", 65)),
        (66, 0, ("FAIL", "FAILED", 66)),
        (68, 0, ("FAIL", "FAILED", 68)),
        (80, 0, ("SKIP", "SKIPPED", 80)),
        (81, 0, ("FAIL", "FAILED", 81)),
        (255, 0, ("FAIL", "FAILED", 255)),
        (-11, 0, ("FAIL", "FAILED", -11)),
        (0, -1, ("FAIL", "FAILED", 0)),
        (1, -1, ("PASS", "XFAIL", 11)),
        (80, -1, ("PASS", "XFAIL", 11)),
        (7, 7, ("PASS", "XFAIL", 11)),
        (8, 7, ("FAIL", "FAILED", 8)),
        (0, 7, ("FAIL", "FAILED", 0)),
        (64, 64, ("PASS", "XDIFF", 10)),
        (0, 64, ("FAIL", "FAILED", 0)),
        (1, 64, ("FAIL", "FAILED", 1)),
        (-11, -11, ("PASS", "XFAIL", 11)),
        (-9, -11, ("FAIL", "FAILED", -9)),
    ],
)
def test_exit_codes_map_to_the_documented_status(code: int, xstatus: int, expected: tuple[str, str, int]) -> None:
    """Exit code and declared expectation decide category, outcome and code."""
    status = status_of_exit(code, xstatus)
    assert (status.category.value, status.outcome.name, status.code) == expected


def test_the_reason_names_the_code_that_was_expected() -> None:
    """The peer prints the actual code where the expected one belongs."""
    assert status_of_exit(8, 7).reason == "expected exit code 7, but it ended with exit code 8"


def test_a_signal_is_told_as_a_signal() -> None:
    """Nobody has to know what -11 means."""
    assert status_of_exit(-11).reason == "killed by signal 11 (SIGSEGV)"
