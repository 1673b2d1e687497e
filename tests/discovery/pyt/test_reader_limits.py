"""What reading test files may take, and that nothing of it outlives the reading: real files, real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from canary_wf.discovery.pyt.collect import read_files
from canary_wf.errors import InputError, UsageError

DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({mark!r}, "w").write(str(os.getpid()))
        os.execvp("sleep", ["sleep", "77"])
    os._exit(0)
while not (os.path.exists({mark!r}) and open({mark!r}).read()):
    time.sleep(0.01)
"""
FORKS = "import os, time\nfor _ in range(2000):\n    os.fork() or time.sleep(60)\ntime.sleep(60)\n"
THREADS = """
import threading
threading.stack_size(65536)
stop = threading.Event()
for _ in range(20000): threading.Thread(target=stop.wait, daemon=True).start()
stop.wait()
"""


def _read(folder: Path, *texts: str) -> None:
    files = [folder / f"t{number}.pyt" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    for each in read_files([str(file) for file in files], limit=20.0, workers=1):
        if isinstance(each, InputError):
            raise each


def _error(folder: Path, *texts: str) -> str:
    with pytest.raises(InputError) as caught:
        _read(folder, *texts)
    return str(caught.value).removeprefix(f"{folder}/")


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    "text",
    [
        "held = []\nwhile True: held.append(b'x' * 1_000_000)",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    held = b'x' * 300_000_000\ntime.sleep(60)",
        "import os, time\n[os.fork() for _ in range(2)]\nheld = b'x' * 80_000_000\ntime.sleep(60)",
    ],
    ids=["list", "recursion", "child", "children"],
)
def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the reader and all it started take together is what counts; file, limit and way out are named."""
    monkeypatch.setenv("CANARY_WF_READING_MEMORY", "200MiB")
    assert _error(tmp_path, "", text) == (
        "t1.pyt: took more than 200 MiB of memory, so reading was stopped; CANARY_WF_READING_MEMORY sets the limit"
    )


def test_shared_memory_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that only look at what their parent has do not multiply it."""
    monkeypatch.setenv("CANARY_WF_READING_MEMORY", "200MiB")
    _read(
        tmp_path,
        "import os, time\nheld = b'x' * 100_000_000\npids = [os.fork() for _ in range(3)]\ntime.sleep(0.3)\n"
        "if 0 in pids: os._exit(0)\n",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [(FORKS, "started more than 500 processes"), (THREADS, "started more than 5000 threads")],
    ids=["processes", "threads"],
)
def test_processes_and_threads_are_bounded(tmp_path: Path, text: str, reason: str) -> None:
    """A file that makes ever more of them is stopped, and none of them stays."""
    assert _error(tmp_path, text) == f"t0.pyt: {reason}, so reading was stopped"


def test_a_file_that_is_written_is_bounded(tmp_path: Path) -> None:
    """A disk is not filled by reading."""
    with (tmp_path / "big").open("w") as file:
        file.truncate(1 << 30)  # sparse: the limit is on the place, not on the amount
    assert "OSError: [Errno 27]" in _error(tmp_path, "with open('big', 'ab') as file: file.write(b'x')")


@pytest.mark.parametrize(
    "then", ["", "raise ValueError", "os._exit(3)", "os.kill(os.getppid(), 9)", "os.kill(os.getppid(), 19)"]
)
def test_nothing_outlives_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """A daemon in a session of its own ends with the reader, also where the file killed or stopped its watcher."""
    monkeypatch.setattr("canary_wf.discovery.pyt.worker._PATIENCE", 0.5)
    mark = tmp_path / "pid"
    try:
        _read(tmp_path, DAEMON.format(mark=str(mark)) + then)
    except InputError:
        assert then
    assert _is_gone(int(mark.read_text()))


def test_nothing_outlives_the_command(tmp_path: Path) -> None:
    """When the command itself is killed, its readers and what they started end too."""
    mark = tmp_path / "pid"
    (tmp_path / "t.pyt").write_text(DAEMON.format(mark=str(mark)) + "time.sleep(60)\n")
    command = [sys.executable, "-m", "canary_wf", "find", str(tmp_path / "t.pyt")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not (mark.exists() and mark.read_text()):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not _is_gone(int(mark.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_limit_that_is_no_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("CANARY_WF_READING_MEMORY", "much")
    with pytest.raises(UsageError, match="CANARY_WF_READING_MEMORY: memory 'much'"):
        _read(tmp_path, "")
