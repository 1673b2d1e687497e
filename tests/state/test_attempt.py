import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from canary_wf.errors import UsageError
from canary_wf.process.process_identity import host_id, start_ticks
from canary_wf.state.attempt import Attempt, AttemptFile, claim_batch, heartbeat, is_alive, living, read_attempt

HOLD = """
import sys, time
from pathlib import Path
from canary_wf.state.attempt import claim_batch
attempt = claim_batch(Path(sys.argv[1]))
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
    attempt = claim_batch(path)
    written = read_attempt(path)
    assert written is not None
    assert (written.pid, written.host_id, written.ended) == (os.getpid(), host_id(), False)
    assert is_alive(path, written)
    attempt.end()
    assert json.loads(path.read_text())["ended"] is True


def test_a_newcomer_ends_the_runner_that_still_lives(tmp_path: Path) -> None:
    """On one machine the newcomer waits until the old runner is gone, so no job runs twice at once."""
    path = tmp_path / "attempt.json"
    with _holder(path) as old:
        attempt = claim_batch(path)
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
    content = AttemptFile(host_id(), os.getpid(), start_ticks(os.getpid()) - 1, token="t")
    assert not is_alive(path, content)


def test_a_process_that_only_the_file_names_does_not_count_as_the_runner(
    tmp_path: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    """Otherwise whoever writes the file could keep `generate` and `rerun` out for as long as some process lives."""
    path = tmp_path / "attempt.json"
    content = AttemptFile(host_id(), bystander.pid, start_ticks(bystander.pid), token="t" * 16)
    path.write_bytes(msgspec.json.encode(content))
    assert not is_alive(path, content)
    assert not living([(path, content)])


def test_a_runner_elsewhere_lives_as_long_as_its_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another machine only the heartbeat tells; a newcomer waits one of them."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.2")
    path = tmp_path / "attempt.json"
    content = AttemptFile("elsewhere", 1, 1, token="t")
    Attempt(path, content)
    path.write_bytes(b'{"token":"t","place":"elsewhere","pid":1,"started_ticks":1}')
    assert is_alive(path, content)
    before = time.monotonic()
    claim_batch(path)
    assert time.monotonic() - before >= 0.2
    old = time.time() - 3600
    os.utime(path, (old, old))
    assert not is_alive(path, content)


def test_who_lost_the_batch_notices_at_the_next_heartbeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A superseded runner learns it, and does not end the newcomer's attempt."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.1")
    path = tmp_path / "attempt.json"
    old = claim_batch(path)
    time.sleep(0.1)
    assert old.beat()
    new = claim_batch(path)
    time.sleep(0.1)
    assert not old.beat()
    old.end()
    assert new.is_current()
    assert json.loads(path.read_text())["ended"] is False


def test_a_runner_for_another_result_is_waited_for(tmp_path: Path) -> None:
    """Two modules of one larger workflow both want the batch: the second neither ends nor replaces the first."""
    path = tmp_path / "attempt.json"
    first = claim_batch(path, "/one/result.json")
    code = "import sys; from pathlib import Path; from canary_wf.state.attempt import claim_batch; claim_batch(*ARGS)"
    code = code.replace("*ARGS", "Path(sys.argv[1]), sys.argv[2]")
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
    attempt = claim_batch(path)
    assert time.monotonic() - before >= 0.4
    assert [runner.token for runner in attempt.content.after] == ["t"]
    attempt.end()
    assert read_attempt(path) == AttemptFile(
        host_id(), os.getpid(), start_ticks(os.getpid()), token=attempt.token, ended=True
    )


@pytest.fixture
def bystander() -> "Iterator[subprocess.Popen[bytes]]":
    """Give a process of this user's that has nothing to do with any batch."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        assert process.poll() is None, "it was ended"
        process.kill()


def test_a_process_that_only_the_file_names_is_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bystander: "subprocess.Popen[bytes]"
) -> None:
    """Its pid, start and place are no secret: it must bear the mark of that attempt at that batch.

    As it may be a runner all the same, who runs the batch waits as for a runner elsewhere.
    """
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.2")
    path = tmp_path / "one" / "attempt.json"
    path.parent.mkdir()
    written = AttemptFile(host_id(), bystander.pid, start_ticks(bystander.pid), token="t" * 16)
    path.write_bytes(msgspec.json.encode(written))
    before = time.monotonic()
    claim_batch(path).end()
    assert time.monotonic() - before >= 0.4


@pytest.mark.parametrize("other", ["batch", "token"])
def test_the_mark_of_another_batch_or_attempt_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """A runner of one workspace is not ended for what stands in another."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.1")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    mine, theirs = tmp_path / "one" / "attempt.json", tmp_path / "two" / "attempt.json"
    with _holder(mine) as runner:
        content = read_attempt(mine)
        assert content is not None
        if other == "batch":
            theirs.write_bytes(msgspec.json.encode(content))
            claim_batch(theirs).end()
        else:
            mine.write_bytes(msgspec.json.encode(msgspec.structs.replace(content, token="0" * 16)))
            claim_batch(mine, to_run=False, only_from=read_attempt(mine)).end()
            assert runner.wait(10) == 0  # by itself: it lost its batch
            return
        assert runner.poll() is None
        runner.kill()


def test_who_sits_on_the_lock_is_found_by_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bystander: "subprocess.Popen[bytes]"
) -> None:
    """The holder is ended, and not the process that the lock's file names."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.1")
    path = tmp_path / "attempt.json"
    lock = tmp_path / "attempt.lock"
    named = {"place": host_id(), "pid": bystander.pid, "started_ticks": start_ticks(bystander.pid)}
    lock.write_text(json.dumps(named))
    code = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        claim_batch(path).end()
        assert holder.wait(10) == -signal.SIGTERM


def test_a_heartbeat_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero would keep a runner busy with nothing else, and an hour leave the dead alive for hours."""
    for text in ("0", "0.05", "1e-9", "-1", "2h", "1e9", "soon", "nan"):
        monkeypatch.setenv("CANARY_WF_HEARTBEAT", text)
        with pytest.raises(UsageError, match="CANARY_WF_HEARTBEAT"):
            heartbeat()
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.5")
    assert heartbeat() == 0.5


def _elsewhere(path: Path, age: float) -> AttemptFile:
    """Write an attempt of a runner on another machine whose last sign of life is `age` seconds old."""
    content = AttemptFile("elsewhere", 1, 1, token="t" * 16)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(content))
    os.utime(path, (time.time() - age,) * 2)
    return content


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_the_clock_of_the_file_system_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
    """This machine's clock may be wrong, or jump: what was touched just now is fresh."""
    path = tmp_path / "b" / "attempt.json"
    content = _elsewhere(path, 0)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + ahead)
    assert is_alive(path, content)
    assert [each.name for each in path.parent.iterdir()] == ["attempt.json"]


def test_a_runner_elsewhere_that_looks_dead_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who would replace or remove what it runs waits whether its heart beats, whatever times it writes."""
    monkeypatch.setenv("CANARY_WF_HEARTBEAT", "0.2")
    paths = {name: tmp_path / name / "attempt.json" for name in ("behind", "ahead", "dead", "dead_ahead", "long_dead")}
    ages = {"behind": 7200.0, "ahead": -7200.0, "dead": 7200.0, "dead_ahead": -7200.0, "long_dead": 1e6}
    attempts = {name: _elsewhere(path, ages[name]) for name, path in paths.items()}
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.05):
            for name in ("behind", "ahead"):
                os.utime(paths[name], (time.time() - ages[name],) * 2)

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        assert not any(is_alive(paths[name], attempt) for name, attempt in attempts.items())
        before = time.monotonic()
        alive = living((paths[name], attempt) for name, attempt in attempts.items())
        assert time.monotonic() - before < 0.4 * 3
        before = time.monotonic()
        assert living([(paths["dead"], attempts["dead"])]) == frozenset()
        assert time.monotonic() - before < 0.3  # it was watched before, and has not moved since
    finally:
        over.set()
        beating.join()
    assert alive == {paths["behind"], paths["ahead"]}


def test_nobody_is_watched_without_need(tmp_path: Path) -> None:
    """What is ended, fresh, here, or silent for days is known at once."""
    fresh, old, ended = (tmp_path / name / "attempt.json" for name in ("fresh", "old", "ended"))
    attempts = [(fresh, _elsewhere(fresh, 1.0)), (old, _elsewhere(old, 1e6))]
    attempts.append((ended, msgspec.structs.replace(_elsewhere(ended, 60.0), ended=True)))
    before = time.monotonic()
    assert living([*attempts, (tmp_path / "none" / "attempt.json", None)]) == {fresh}
    assert time.monotonic() - before < 5
