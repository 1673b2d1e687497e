"""Leases: exclusive between processes, freed by the kernel, all or nothing, and not to be fooled by hostile files."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import WorkspaceError
from canary_wf.resources.leases import lease as leases
from canary_wf.resources.leases import lease_files
from canary_wf.resources.leases.lease import HostLeases, LeaseGivenUpError, lease_folder
from canary_wf.resources.leases.lease_files import encode_name
from canary_wf.resources.request import ResourceUnavailable

GPUS = {"gpus": ["0", "1", "2"]}

HOLDER = """
import subprocess, sys
from pathlib import Path
from canary_wf.resources.leases.lease import HostLeases
lease = HostLeases(Path(sys.argv[1])).acquire({"gpus": 2}, {"gpus": ["0", "1", "2"]}, on_wait=print)
child = subprocess.Popen(["sleep", "60"])
print(child.pid, *lease.ids["gpus"], flush=True)
sys.stdin.read()
"""

RACER = """
import os, random, sys, time
from pathlib import Path
from canary_wf.resources.leases.lease import HostLeases
folder, marks, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
chance, held = random.Random(seed), HostLeases(folder)
names = {"cpus": list("abcd"), "gpus": list("xy")}
for _ in range(40):
    wanted = {"cpus": chance.randint(0, 4), "gpus": chance.randint(0, 2)}
    order = {rtype: chance.sample(ids, len(ids)) for rtype, ids in names.items()}
    with held.acquire(wanted, order, on_wait=lambda _: None) as lease:
        mine = [f"{rtype}-{name}" for rtype, ids in lease.ids.items() for name in ids]
        assert [len(ids) for ids in lease.ids.values()] == list(wanted.values())
        for name in mine:
            os.close(os.open(marks / name, os.O_CREAT | os.O_EXCL))
        time.sleep(chance.random() / 200)
        for name in mine:
            (marks / name).unlink()
"""


def unexpected(message: str) -> None:
    """Fail, where nothing has to be waited for."""
    pytest.fail(message)


def after(number: int) -> Callable[[], bool]:
    """Return what gives up when it is asked for the `number`-th time."""
    left = iter(range(number - 1, -1, -1))
    return lambda: next(left) == 0


def test_ids_are_leased_in_order_and_given_back(tmp_path: Path) -> None:
    """The first free ids are taken; `release`, also twice, and the end of the block free them."""
    held = HostLeases(tmp_path / "leases")
    first = held.acquire({"gpus": 1, "cpus": 2}, {**GPUS, "cpus": ["7", "3", "7"]}, on_wait=unexpected)
    assert first.ids == {"gpus": ["0"], "cpus": ["7", "3"]}
    with held.acquire({"gpus": 2, "fpgas": 0}, GPUS, on_wait=unexpected) as second:
        assert second.ids == {"gpus": ["1", "2"], "fpgas": []}
    first.release()
    first.release()
    with held.acquire({"gpus": 3}, GPUS, on_wait=unexpected) as third:
        assert third.ids == GPUS


def test_asking_for_more_than_there_is_fails_at_once(tmp_path: Path) -> None:
    """What can never be had is an error, not a wait."""
    with pytest.raises(ResourceUnavailable, match="gpus: asked for a lease of 4, available on this host are 3"):
        HostLeases(tmp_path).acquire({"gpus": 4}, GPUS, on_wait=unexpected)
    with pytest.raises(ResourceUnavailable, match="cpus"):
        HostLeases(tmp_path).acquire({"cpus": 1}, GPUS, on_wait=unexpected)


def test_a_wait_is_told_once_and_can_be_given_up(tmp_path: Path) -> None:
    """The message says what is waited for and who has it; giving up leaves the ids of others alone."""
    held, messages = HostLeases(tmp_path), list[str]()
    with held.acquire({"gpus": 2}, GPUS, on_wait=unexpected):
        with pytest.raises(LeaseGivenUpError, match="gave up waiting for 2 of 3 gpus"):
            held.acquire({"gpus": 2}, GPUS, on_wait=messages.append, give_up=after(5))
        with held.acquire({"gpus": 1}, GPUS, on_wait=unexpected) as rest:
            assert rest.ids == {"gpus": ["2"]}
    assert len(messages) == 1
    assert messages[0].startswith(f"waiting for 2 of 3 gpus, held by process {os.getpid()} of ")


def test_messages_repeat_after_their_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long wait is told again, no more often than the pause says."""
    monkeypatch.setattr(leases, "MESSAGE_SECONDS", 0.0)
    held, messages = HostLeases(tmp_path), list[str]()
    with held.acquire(dict.fromkeys(GPUS, 3), GPUS, on_wait=unexpected), pytest.raises(LeaseGivenUpError):
        held.acquire({"gpus": 1}, GPUS, on_wait=messages.append, give_up=after(3))
    assert len(messages) == 3


def test_a_waiting_request_gets_what_is_released(tmp_path: Path) -> None:
    """The wait ends by itself when enough ids are free."""
    held = HostLeases(tmp_path)
    first = held.acquire({"gpus": 2}, GPUS, on_wait=unexpected)
    with held.acquire({"gpus": 3}, GPUS, on_wait=lambda _: first.release()) as second:
        assert second.ids == GPUS


def test_a_large_request_is_not_overtaken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a request for all ids waits, a small one queues behind it although an id is free for it."""
    monkeypatch.setattr(leases, "_QUEUE_SECONDS", 0.0)
    held, waiting, messages = HostLeases(tmp_path), threading.Event(), list[str]()
    order: list[str] = []
    first = held.acquire({"gpus": 1}, GPUS, on_wait=unexpected)

    def large() -> None:
        with held.acquire({"gpus": 3}, GPUS, on_wait=lambda _: waiting.set()):
            order.append("large")

    thread = threading.Thread(target=large)
    thread.start()
    assert waiting.wait(10)
    with pytest.raises(LeaseGivenUpError):
        held.acquire({"gpus": 1}, GPUS, on_wait=messages.append, give_up=after(3))
    assert messages == [f"waiting for gpus behind {lease_holder()}"]
    held.acquire({"cpus": 1}, {"cpus": ["0"]}, on_wait=unexpected).release()
    first.release()
    thread.join(10)
    held.acquire({"gpus": 1}, GPUS, on_wait=unexpected).release()
    assert order == ["large"]


def lease_holder() -> str:
    """Return how this process signs."""
    return leases._signature()


def test_a_killed_holder_frees_its_ids_at_once(tmp_path: Path) -> None:
    """After SIGKILL the ids are free although a child of the holder lives on, and no message names the dead."""
    held = HostLeases(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        child, *ids = holder.stdout.readline().split()
        try:
            assert ids == ["0", "1"]
            told: list[str] = []
            with pytest.raises(LeaseGivenUpError):
                held.acquire({"gpus": 3}, GPUS, on_wait=told.append, give_up=after(1))
            assert f"process {holder.pid} of" in told[0]
            holder.kill()
            holder.wait(10)
            os.kill(int(child), 0)
            with held.acquire({"gpus": 1}, GPUS, on_wait=unexpected):
                with pytest.raises(LeaseGivenUpError):
                    held.acquire({"gpus": 3}, GPUS, on_wait=told.append, give_up=after(1))
                assert f"process {holder.pid} of" not in told[1]
            held.acquire({"gpus": 3}, GPUS, on_wait=unexpected).release()
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_racing_processes_never_share_an_id(tmp_path: Path) -> None:
    """Several processes take and return random sets in random orders: no id is held twice, and all of them end."""
    marks = tmp_path / "marks"
    marks.mkdir()
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, str(tmp_path / "leases"), str(marks), str(seed)])
        for seed in range(5)
    ]
    try:
        assert [racer.wait(100) for racer in racers] == [0] * 5
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    assert not list(marks.iterdir())


def test_files_are_for_all_users(tmp_path: Path) -> None:
    """Whatever the umask, the folder is sticky and open to all, and so are its files; no temporary ones stay."""
    before = os.umask(0o077)
    try:
        HostLeases(tmp_path / "a" / "leases").acquire({"gpus": 1}, GPUS, on_wait=unexpected).release()
    finally:
        os.umask(before)
    folder = tmp_path / "a" / "leases"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "id.gpus.0.lock": 0o666,
        "queue.gpus.lock": 0o666,
    }


def test_descriptors_are_closed_on_exec_and_after_use(tmp_path: Path) -> None:
    """Nothing is inherited by started programs, and neither release nor giving up leaves a descriptor open."""
    held = HostLeases(tmp_path)
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths
    with held.acquire({"gpus": 2}, GPUS, on_wait=unexpected) as lease:
        assert len(lease._descriptors) == 2
        assert not any(os.get_inheritable(descriptor) for descriptor in lease._descriptors)
        with pytest.raises(LeaseGivenUpError):
            held.acquire({"gpus": 2}, GPUS, on_wait=lambda _: None, give_up=after(2))
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - names, not paths


def test_links_and_other_files_are_refused(tmp_path: Path) -> None:
    """A symbolic link, a pipe or a folder in the place of a lock file is an error; what a link points to is safe."""
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="ascii")
    folder = tmp_path / "leases"
    HostLeases(folder).acquire({"cpus": 1}, {"cpus": ["0"]}, on_wait=unexpected).release()
    (folder / "id.gpus.0.lock").symlink_to(victim)
    os.mkfifo(folder / "id.gpus.1.lock")
    (folder / "id.gpus.2.lock").mkdir()
    for name in GPUS["gpus"]:
        with pytest.raises(WorkspaceError, match=rf"id\.gpus\.{name}\.lock"):
            HostLeases(folder).acquire({"gpus": 1}, {"gpus": [name]}, on_wait=unexpected)
    (folder / "id.cpus.9.lock").hardlink_to(victim)
    HostLeases(folder).acquire({"cpus": 1}, {"cpus": ["9"]}, on_wait=unexpected).release()
    assert victim.read_text(encoding="ascii") == "precious"
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(WorkspaceError, match="CANARY_WF_LEASE_DIR"):
        HostLeases(tmp_path / "link").acquire({"gpus": 1}, GPUS, on_wait=unexpected)


def test_an_unusable_folder_is_told(tmp_path: Path) -> None:
    """A file in the place of the folder is an error that says how to choose another folder."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "leases"):
        with pytest.raises(WorkspaceError, match="point CANARY_WF_LEASE_DIR to a folder"):
            HostLeases(path).acquire({"gpus": 1}, GPUS, on_wait=unexpected)


def test_too_many_open_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running out of descriptors says so, and gives back what was taken until then."""
    held = HostLeases(tmp_path)
    held.acquire({"gpus": 3}, GPUS, on_wait=unexpected).release()
    opened, calls = os.open, list[str]()

    def limited(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        calls.append(str(path))
        if str(path) == "id.gpus.2.lock":
            raise OSError(24, "Too many open files")
        return opened(path, flags, mode, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr("os.open", limited)
        with pytest.raises(WorkspaceError, match="ulimit -n"):
            held.acquire({"gpus": 3}, GPUS, on_wait=unexpected)
    assert "id.gpus.1.lock" in calls
    held.acquire({"gpus": 3}, GPUS, on_wait=unexpected).release()


def test_another_user_may_be_making_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission that is missing for a moment is waited for; one that stays missing is an error."""
    opened, refusals = os.open, [3]

    def settling(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None and refusals[0] > 0:
            refusals[0] -= 1
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr("os.open", settling)
    HostLeases(tmp_path).acquire({"gpus": 1}, GPUS, on_wait=unexpected).release()
    monkeypatch.setattr(lease_files, "_SETTLING_SECONDS", 0.05)
    refusals[0] = 10_000
    with pytest.raises(WorkspaceError, match="Permission denied"):
        HostLeases(tmp_path).acquire({"gpus": 1}, GPUS, on_wait=unexpected)


def test_a_full_disk_is_not_the_fault_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What helps is space, not another mode."""
    opened = os.open

    def full(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None and flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr("os.open", full)
    with pytest.raises(WorkspaceError, match=r"No space left on device\); free some space, or point "):
        HostLeases(tmp_path).acquire({"gpus": 1}, GPUS, on_wait=unexpected)


def test_the_folder_is_the_same_for_all_users(tmp_path: Path) -> None:
    """It depends on the environment and on the host's folders only, never on who asks."""
    assert lease_folder({"CANARY_WF_LEASE_DIR": "/x"}) == Path("/x")
    shared, fallback = tmp_path / "lock", tmp_path / "tmp"
    assert lease_folder({}, shared, fallback) == fallback / "canary-wf-leases"
    shared.mkdir(mode=0o755)
    assert lease_folder({}, shared, fallback) == fallback / "canary-wf-leases"
    shared.chmod(0o1777)
    assert lease_folder({"CANARY_WF_LEASE_DIR": ""}, shared, fallback) == shared / "canary-wf"


def test_hostile_names_become_plain_files(tmp_path: Path) -> None:
    """Slashes, dots, line ends and long names neither leave the folder nor meet each other."""
    names = ["../../x", "a/b", "a\nb", "", ".", "\udcff", "x" * 5000, "x" * 5001, "é"]
    with HostLeases(tmp_path / "leases").acquire({"a/b": 9}, {"a/b": names}, on_wait=unexpected) as lease:
        assert lease.ids["a/b"] == names
    assert [path.name for path in tmp_path.iterdir()] == ["leases"]
    assert len(list((tmp_path / "leases").iterdir())) == 10


@given(st.text(), st.text())
def test_encoded_names_are_safe_and_distinct(one: str, two: str) -> None:
    """Two names share a file name only if they are the same, and a file name has none but plain characters."""
    assert (encode_name(one) == encode_name(two)) == (one == two)
    assert all(character.isascii() and (character.isalnum() or character in "_-%") for character in encode_name(one))
    assert len(encode_name(one)) <= 100


def test_stale_messages_do_not_block(tmp_path: Path) -> None:
    """A lock file with anything in it, of whatever length, is only a lock file."""
    (tmp_path / "id.gpus.0.lock").write_bytes(b"\xff\n\x1b[31m" * 1000)
    with HostLeases(tmp_path).acquire({"gpus": 1}, GPUS, on_wait=unexpected) as lease:
        assert lease.ids == {"gpus": ["0"]}
        content = (tmp_path / "id.gpus.0.lock").read_text(encoding="utf-8")
        assert content == lease_holder()
