"""Snakemake's lock: freed when its owner is known to be dead, and never otherwise."""

import errno
import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import write_json
from canary_wf.process.process_identity import ProcessIdentity, host_id
from canary_wf.snakemake import lock as locking
from canary_wf.snakemake.lock import (
    is_locked,
    is_run_elsewhere,
    record_owner,
    release_stale_lock,
    run_lock,
    workspace_lock,
)


def _lock(out: Path, *, age: float = 0.0) -> Path:
    path = out / ".snakemake" / "locks" / "0.input.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("result.json\n")
    note = out / ".canary-wf" / "workflow.json"
    if note.exists():
        now = note.stat().st_mtime
        os.utime(path, (now - age, now - age))
    return path


def _owner(out: Path, *, place: str | None = None, pid: int = 0, ticks: int = 1) -> None:
    (out / ".canary-wf").mkdir(parents=True, exist_ok=True)
    write_json(out / ".canary-wf" / "workflow.json", ProcessIdentity(place or host_id(), pid or _dead_pid(), ticks))


def _dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_without_a_lock_nothing_is_locked(tmp_path: Path) -> None:
    """A folder that Snakemake never saw, and one that it left in order."""
    assert not is_locked(tmp_path)
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    assert not is_locked(tmp_path)
    release_stale_lock(tmp_path)


def test_the_lock_of_a_dead_owner_is_stale_and_freed(tmp_path: Path) -> None:
    """After a crash the next run needs no --unlock."""
    _owner(tmp_path)
    lock = _lock(tmp_path, age=1.0)
    assert not is_locked(tmp_path)
    release_stale_lock(tmp_path)
    assert not lock.exists()


def test_the_lock_of_a_living_owner_is_never_touched(tmp_path: Path) -> None:
    """This process is alive."""
    (tmp_path / ".canary-wf").mkdir()
    record_owner(tmp_path)
    lock = _lock(tmp_path, age=1.0)
    assert is_locked(tmp_path)
    release_stale_lock(tmp_path)
    assert lock.exists()


def test_a_pid_that_was_given_out_again_is_not_the_owner(tmp_path: Path) -> None:
    """The start time tells this process from an older one with its number."""
    _owner(tmp_path, pid=os.getpid(), ticks=1)
    lock = _lock(tmp_path, age=1.0)
    release_stale_lock(tmp_path)
    assert not lock.exists()


@pytest.mark.parametrize("case", ["no note", "other machine", "younger lock"])
def test_a_lock_whose_owner_nobody_knows_is_never_touched(tmp_path: Path, case: str) -> None:
    """A foreign workflow, another machine, and a Snakemake that has not come to write its note."""
    if case != "no note":
        _owner(tmp_path, place="elsewhere/boot/pid" if case == "other machine" else None)
    lock = _lock(tmp_path, age=-1.0 if case == "younger lock" else 1.0)
    assert is_locked(tmp_path)
    release_stale_lock(tmp_path)
    assert lock.exists()


def test_a_damaged_note_frees_no_lock_and_is_no_dead_end(tmp_path: Path) -> None:
    """What cannot be read is no licence to remove a lock, and no reason to fail where the workflow is read."""
    _owner(tmp_path)
    (tmp_path / ".canary-wf" / "workflow.json").write_text("{")
    lock = _lock(tmp_path, age=1.0)
    release_stale_lock(tmp_path)
    assert lock.exists()
    assert is_locked(tmp_path)


def test_a_lock_that_is_taken_away_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Snakemake ends while `status` looks: that is no error, and nothing is locked any more."""
    _owner(tmp_path)
    lock = _lock(tmp_path, age=1.0)
    note = locking._owner_file(tmp_path)

    def gone(_: Path) -> Path:
        lock.unlink(missing_ok=True)
        return note

    monkeypatch.setattr(locking, "_owner_file", gone)
    assert not is_locked(tmp_path)


def test_a_file_system_without_locks_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems refuse to lock; the error names the file."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("canary_wf.files.locks.fcntl.flock", refused)
    with (
        pytest.raises(WorkspaceError, match=r"lock: cannot be locked \(No locks available\); choose"),
        workspace_lock(tmp_path),
    ):
        pass


def test_a_run_elsewhere_leaves_no_note_about_this_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `snakemake -d elsewhere` the lock lies there, so the note would speak of somebody else's."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    record_owner(tmp_path)
    assert not (tmp_path / ".canary-wf" / "workflow.json").exists()


def test_locks_that_cannot_be_looked_at_stay(tmp_path: Path) -> None:
    """Reading the workflow goes on; Snakemake says itself what is wrong with its locks."""
    _owner(tmp_path)
    locks = tmp_path / ".snakemake" / "locks"
    locks.parent.mkdir()
    locks.symlink_to("locks")
    release_stale_lock(tmp_path)
    assert locks.is_symlink()


def test_many_may_look_at_once_whether_a_run_is_in_progress(tmp_path: Path) -> None:
    """Readers do not take each other for a run, and they create nothing; a run is seen by all of them."""
    assert not is_run_elsewhere(tmp_path)
    assert not list(tmp_path.iterdir())
    with run_lock(tmp_path):
        assert not is_run_elsewhere(tmp_path)  # it is this very process
    file = tmp_path / ".canary-wf" / "run.lock"
    file.chmod(0o444)
    with ThreadPoolExecutor(8) as pool, file.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # a reader who takes long
        assert not any(pool.map(lambda _: is_run_elsewhere(tmp_path), range(400)))
        fcntl.flock(other, fcntl.LOCK_EX)
        assert all(pool.map(lambda _: is_run_elsewhere(tmp_path), range(400)))
