"""The failures as text: short, or with the end of their outputs."""

import io
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.report.failures import LONGEST_LINE, MOST_FAILURES, print_failures
from canary_wf.report.session import SessionState, load_session
from canary_wf.spec.identity import job_id
from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.verdict.status import Outcome


def _told(state: SessionState, lines: int = 0) -> str:
    file = io.StringIO()
    print_failures(state, file, lines=lines)
    return file.getvalue()


@pytest.fixture
def state(tmp_path: Path) -> SessionState:
    """Return a session with three failures of several kinds."""
    outcomes = {"good": Outcome.SUCCESS, "bad": Outcome.FAILED, "slow": Outcome.TIMEOUT, "cut": Outcome.CANCELLED}
    return load_session(recorded(tmp_path, plan_of([spec(name) for name in outcomes]), outcomes, reason="why\nnot"))


FAILURES = (("FAIL", "bad"), ("FAIL TIMEOUT", "slow"), ("CANCEL", "cut"))


def test_a_failure_takes_two_lines(state: SessionState, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed, after which time, and why; and where its output is, seen from the current folder."""
    monkeypatch.chdir(state.paths.out)
    assert (
        _told(state)
        == "".join(
            f"{word} {name} after 2.0s: why\\nnot\n"
            f"  log: .canary-wf/sessions/{state.plan.session}/jobs/{name}/canary-out.txt\n"
            for word, name in FAILURES
        )
        + "\n"
    )


def test_the_link_of_the_workspace_makes_paths_short(state: SessionState, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it leads to this session, and also from a folder below the workspace."""
    link = state.paths.out / "TestResults"
    link.symlink_to(state.paths.jobs)
    (state.paths.out / "below").mkdir()
    monkeypatch.chdir(state.paths.out)
    assert "  log: TestResults/bad/canary-out.txt\n" in _told(state)
    monkeypatch.chdir("below")
    assert "  log: ../TestResults/bad/canary-out.txt\n" in _told(state)
    link.unlink()
    link.symlink_to(state.paths.out)
    assert f"jobs/bad/{OUTPUT_FILE}\n" in _told(state)


def test_failures_come_with_reason_last_lines_and_the_place_of_the_rest(
    state: SessionState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else has to be typed to see why; the path is short from the folder that one is in."""
    monkeypatch.chdir(state.paths.out)
    assert _told(state, lines=1) == "".join(
        f"{word} {name} after 2.0s ({job_id('t.jobs.yaml', name, {})[:8]}, t.jobs.yaml)\n"
        "  why\\nnot\n"
        "  | output\n"
        f"  log: .canary-wf/sessions/{state.plan.session}/jobs/{name}/canary-out.txt\n"
        "\n"
        for word, name in FAILURES
    )


@pytest.mark.parametrize("lines", [0, 5])
def test_hostile_output_cannot_steer_the_terminal(tmp_path: Path, lines: int) -> None:
    """Escapes, carriage returns, bells and marks that turn text around are shown, colours taken out."""
    hostile = "\x1b]0;title\x07\x1b[31mred\x1b[0m\rover\x00\u202egnp\udcff\n"
    paths = recorded(tmp_path, plan_of([spec("a")]), {"a": Outcome.FAILED}, reason="\x1b[2Jgone", output=hostile)
    text = _told(load_session(paths), lines)
    assert " \\x1b[2Jgone\n" in text
    assert "\x1b" not in text
    assert ("  | over\\x00\\u202egnp\ufffd\n" in text) is bool(lines)
    assert ("  | \\x1b]0;title\\x07red\n" in text) is bool(lines)


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    """What shows where the failure is must not fill the terminal; the log, which is named, has it all."""
    output = "\0" * 100_000 + "\nshort\n"
    paths = recorded(tmp_path, plan_of([spec("a")]), {"a": Outcome.FAILED}, output=output)
    shown = [line for line in _told(load_session(paths), 5).splitlines() if line.startswith("  | ")]
    assert [len(line) for line in shown] == [4 + LONGEST_LINE + 2, 9]
    assert shown[0].endswith("\\x00 …")


def test_many_failures_are_counted_rather_than_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum stays in sight, and the command that is named finds the session."""
    monkeypatch.chdir(tmp_path)
    names = [f"j{number}" for number in range(MOST_FAILURES + 2)]
    paths = recorded(tmp_path / "out", plan_of([spec(name) for name in names]), dict.fromkeys(names, Outcome.FAILED))
    text = _told(load_session(paths))
    assert text.count("FAIL ") == MOST_FAILURES
    assert text.endswith("\nand 2 more failures, which canary-wf status -r failed -d out lists\n\n")


def test_an_output_that_cannot_be_read_is_told_and_the_other_failures_are_shown(tmp_path: Path) -> None:
    """A job may have made anything of its folder."""
    names = ("folder", "pipe", "gone", "last")
    paths = recorded(tmp_path, plan_of([spec(name) for name in names]), dict.fromkeys(names, Outcome.FAILED))
    for name in names[:-1]:
        (paths.job(name) / OUTPUT_FILE).unlink()
    shutil.rmtree(paths.job("folder"))
    paths.job("folder").write_text("")
    os.mkfifo(paths.job("pipe") / OUTPUT_FILE)
    text = _told(load_session(paths))
    assert f"folder/{OUTPUT_FILE} cannot be read (Not a directory)" in text
    assert f"pipe/{OUTPUT_FILE} cannot be read (it is not a regular file)" in text
    assert f"gone/{OUTPUT_FILE}" not in text
    assert text.endswith(f"last/{OUTPUT_FILE}\n\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_folder_without_permission_does_not_stop_the_status() -> None:
    """It is told as such, and what comes after it is shown."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        paths = recorded(folder, plan_of([spec("shut"), spec("last")]), dict.fromkeys(("shut", "last"), Outcome.FAILED))
        paths.job("shut").chmod(0)
        os.seteuid(65534)
        try:
            text = _told(load_session(paths))
        finally:
            os.seteuid(0)
    assert f"shut/{OUTPUT_FILE} cannot be read (Permission denied)" in text
    assert text.endswith(f"last/{OUTPUT_FILE}\n\n")
