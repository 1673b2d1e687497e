import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from canary_wf.job.attempt import Attempt, AttemptFile, is_alive, read_attempt, take_batch
from canary_wf.job.processes import start_ticks, this_place

HOLD = """
import sys, time
from pathlib import Path
from canary_wf.job.attempt import take_batch
attempt = take_batch(Path(sys.argv[1]))
print(attempt.token, flush=True)
while attempt.is_current():
    time.sleep(0.01)
"""


def _holder(path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_batch_is_taken_and_ended(tmp_path: Path) -> None:
    """The file says who, and in the end that it is over."""
    path = tmp_path / "b" / "attempt.json"
    attempt = take_batch(path)
    written = read_attempt(path)
    assert written is not None
    assert (written.pid, written.place, written.ended) == (os.getpid(), this_place(), False)
    assert is_alive(path, written)
    attempt.end()
    assert json.loads(path.read_text())["ended"] is True


def test_a_newcomer_ends_the_runner_that_still_lives(tmp_path: Path) -> None:
    """On one machine the newcomer waits until the old runner is gone, so no job runs twice at once."""
    path = tmp_path / "attempt.json"
    with _holder(path) as old:
        attempt = take_batch(path)
        assert old.wait(10) in {0, -signal.SIGTERM}
        assert attempt.is_current()


def test_a_killed_runner_is_known_to_be_dead(tmp_path: Path) -> None:
    """After SIGKILL nobody has to wait for a heartbeat to be missed."""
    path = tmp_path / "attempt.json"
    with _holder(path) as old:
        content = read_attempt(path)
        assert content is not None
        assert is_alive(path, content)
        old.kill()
        old.wait()
        assert not is_alive(path, content)


def test_a_reused_pid_is_not_taken_for_the_runner(tmp_path: Path) -> None:
    """The start time tells a process from a later one with its number."""
    path = tmp_path / "attempt.json"
    path.write_text("{}")
    content = AttemptFile("t", this_place(), os.getpid(), start_ticks(os.getpid()) - 1)
    assert not is_alive(path, content)


def test_a_runner_elsewhere_lives_as_long_as_its_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another machine only the heartbeat tells; a newcomer waits one of them."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.2")
    path = tmp_path / "attempt.json"
    content = AttemptFile("t", "elsewhere", 1, 1)
    Attempt(path, content)
    path.write_bytes(b'{"token":"t","place":"elsewhere","pid":1,"started_ticks":1}')
    assert is_alive(path, content)
    before = time.monotonic()
    take_batch(path)
    assert time.monotonic() - before >= 0.2
    old = time.time() - 3600
    os.utime(path, (old, old))
    assert not is_alive(path, content)


def test_who_lost_the_batch_notices_at_the_next_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A superseded runner learns it, and does not end the newcomer's attempt."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "1e-9")
    path = tmp_path / "attempt.json"
    old = take_batch(path)
    assert old.beat()
    new = take_batch(path)
    assert not old.beat()
    old.end()
    assert new.is_current()
    assert json.loads(path.read_text())["ended"] is False


def test_a_runner_for_another_result_is_waited_for(tmp_path: Path) -> None:
    """Two modules of one larger workflow both want the batch: the second neither ends nor replaces the first."""
    path = tmp_path / "attempt.json"
    first = take_batch(path, "/one/result.json")
    code = (
        "import sys; from pathlib import Path; from canary_wf.job.attempt import take_batch; take_batch(*sys.argv[1:])"
    )
    code = code.replace("*sys.argv[1:]", "Path(sys.argv[1]), sys.argv[2]")
    with subprocess.Popen([sys.executable, "-c", code, str(path), "/two/result.json"]) as second:
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1)
        assert first.is_current()
        first.end()
        assert second.wait(30) == 0
    taken = read_attempt(path)
    assert taken is not None
    assert taken.result == "/two/result.json"


def test_a_runner_elsewhere_with_our_pid_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In containers pids are often the same; only place, pid and start together tell who it is."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.2")
    path = tmp_path / "attempt.json"
    path.write_text(json.dumps({"token": "t", "place": "elsewhere", "pid": os.getpid(), "started_ticks": 1}))
    before = time.monotonic()
    attempt = take_batch(path)
    assert time.monotonic() - before >= 0.4
    assert [runner.token for runner in attempt.content.after] == ["t"]
    attempt.end()
    assert read_attempt(path) == AttemptFile(
        attempt.token, this_place(), os.getpid(), start_ticks(os.getpid()), ended=True
    )
