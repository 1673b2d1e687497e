"""What a running batch says of itself: in its log, on a terminal, and through `status`."""

import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from factories import plan_of, shell, spec

from canary_wf.live_line import LiveLine
from canary_wf.plan.model import Plan
from canary_wf.plan.store import write_session
from canary_wf.report.live.progress import progress_of
from canary_wf.report.session import load_session
from canary_wf.state.session_paths import SessionPaths

PROGRESS = r"progress: \d of \d done \(\d failed\), \d running, \d waiting, about [0-9ms.]+ left"


def _line(paths: SessionPaths, plan: Plan) -> list[str]:
    return [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]


def test_the_log_says_how_far_the_batch_is(tmp_path: Path) -> None:
    """With retries and failures; the interval is for the user to choose."""
    jobs = [shell("a", "exit 1"), shell("b", "sleep 0.5"), spec("c", "a"), shell("d", "sleep 0.5")]
    plan = plan_of(jobs, retry={"failed": 1})
    paths = write_session(plan, tmp_path)
    environment = {**os.environ, "CANARY_WF_PROGRESS": "0"}
    done = subprocess.run(_line(paths, plan), env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert re.search(PROGRESS, done.stdout)
    assert "] to be run again: FAIL a in " in done.stdout
    assert re.search(r"[123] of 4 done \(1 failed\)", done.stdout)
    environment["CANARY_WF_PROGRESS"] = "1000"
    again = subprocess.run(_line(paths, plan), env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "progress:" not in again.stdout


def test_a_terminal_has_the_line_at_the_bottom(tmp_path: Path) -> None:
    """It is taken away before a line that stays, and in the end."""
    plan = plan_of([shell(name, "sleep 0.3") for name in "abc"])
    paths = write_session(plan, tmp_path)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(_line(paths, plan), stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        shown += part
        if not part:
            break
    os.close(ours)
    assert process.wait(60) == 0
    lines = shown.decode().split("\r\x1b[2K")
    assert any(re.match(PROGRESS, line) for line in lines)
    assert "progress:" not in lines[-1]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_the_line_is_not_written_more_often_than_anyone_can_read() -> None:
    """Five times a second, cut to the width of the terminal; nothing at all on what is no terminal."""
    now = [0.0]
    terminal = _Terminal()
    line = LiveLine(terminal, lambda: now[0])
    for moment in (0.0, 0.1, 0.19, 0.25):
        now[0] = moment
        line.show(lambda: f"at {now[0]} " + "x" * 500)
    written = terminal.getvalue().split("\r\x1b[2K")
    assert [text[:7].strip() for text in written] == ["", "at 0.0", "at 0.25"]
    assert max(map(len, written)) < 500
    file = io.StringIO()
    plain = LiveLine(file)
    plain.show(lambda: pytest.fail("nothing is to be shown"))
    plain.clear()
    assert file.getvalue() == ""


def test_status_tells_how_far_running_batches_are(tmp_path: Path) -> None:
    """From the state files alone, while the runner lives; nothing once it is over."""
    go = tmp_path / "go"
    plan = plan_of([spec("a"), shell("b", f"until [ -e {go} ]; do sleep 0.05; done", "a"), spec("c", "b")])
    paths = write_session(plan, tmp_path / "out")
    process = subprocess.Popen(_line(paths, plan), stdout=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not any(
        "1 of 3 done (0 failed), 1 running" in line for line in progress_of(load_session(paths), time.time())
    ):
        assert time.monotonic() < end
        time.sleep(0.05)
    (line,) = progress_of(load_session(paths), time.time())
    counts = re.escape(f"batch {plan.batches[0].id}: 1 of 3 done (0 failed), 1 running")
    assert re.fullmatch(rf"{counts}, about .* left; last heartbeat \d+ s ago", line)
    go.touch()
    assert process.wait(60) == 0
    assert list(progress_of(load_session(paths), time.time())) == []
