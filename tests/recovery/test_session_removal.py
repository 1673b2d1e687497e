"""Old sessions: which may go, and that what is said to be freed is freed."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import WorkspaceError
from canary_wf.plan.store import write_session
from canary_wf.recovery.session_removal import (
    created_at,
    old_artifacts,
    old_sessions,
    remove_sessions,
    total_freed,
)
from canary_wf.state.session_paths import SessionPaths, session_names
from canary_wf.verdict.status import Outcome

NAMES = [f"2026010{day}T120000.000000" for day in range(1, 6)]


def _session(out: Path, name: str, *, running: bool = False) -> SessionPaths:
    plan = msgspec.structs.replace(plan_of([spec("a")]), session=name)
    outcomes = {} if running else {"a": Outcome.SUCCESS}
    return recorded(out, plan, outcomes, running=["a"] if running else [], alive=running)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a workspace with a session on each of five days, of which the second still runs."""
    for number, name in enumerate(NAMES):
        _session(tmp_path, name, running=number == 1)
    return tmp_path


@pytest.mark.parametrize(
    ("keep", "days", "gone"),
    [
        (1, None, [0, 2, 3]),
        (3, None, [0]),
        (5, None, []),
        (9, None, []),
        (None, 100, [0, 2, 3]),
        (None, 2, [0]),
        (3, 2, [0]),
        (4, 3, [0]),
        (None, 0, []),
    ],
)
def test_number_and_age_decide_and_the_newest_and_a_running_one_stay(
    out: Path, keep: int | None, days: int | None, gone: list[int]
) -> None:
    """With both conditions a session must meet both."""
    before = None if days is None else datetime(2026, 1, 1 + min(days, 30), tzinfo=UTC).timestamp()
    chosen = old_sessions(out, keep=keep, before=before)
    assert [one.paths.session for one in chosen] == [NAMES[number] for number in gone]


def test_removed_sessions_are_gone_whole(out: Path) -> None:
    """Nothing of them is left, and the others are untouched."""
    chosen = old_sessions(out, keep=1, before=None)
    remove_sessions(chosen)
    assert session_names(out) == [NAMES[1], NAMES[4]]
    assert sorted(path.name for path in (out / ".canary-wf" / "sessions").iterdir()) == [NAMES[1], NAMES[4]]
    assert old_sessions(out, keep=1, before=None) == []


def test_files_that_sessions_share_are_freed_with_the_last_one(tmp_path: Path) -> None:
    """Links of `generate --update` are counted once, and not while a session that stays has one."""
    folders = [_session(tmp_path, name).jobs / "a" for name in NAMES[:3]]
    big, shared = folders[0] / "big", folders[0] / "shared"
    for path in (big, shared):
        path.write_bytes(os.urandom(1 << 20))
    os.link(big, folders[1] / "big")
    os.link(shared, folders[1] / "shared")
    os.link(shared, folders[2] / "shared")
    chosen = old_sessions(tmp_path, keep=1, before=None)
    assert [one.freed // (1 << 20) for one in chosen] == [0, 1]
    assert total_freed(chosen) == chosen[0].freed + chosen[1].freed


def test_when_a_session_was_made_is_read_from_its_name_or_its_folder(tmp_path: Path) -> None:
    """Names are times in UTC; a folder that somebody renamed has its own."""
    assert created_at(SessionPaths(tmp_path, NAMES[0])) == datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
    other = _session(tmp_path, "mine")
    os.utime(other.folder, (50, 50))
    assert created_at(other) == 50


def test_folders_that_jobs_made_read_only_are_removed(tmp_path: Path) -> None:
    """For those who own them; what their links lead to stays."""
    (tmp_path / "out" / "a" / "b").mkdir(parents=True)
    (tmp_path / "out" / "a" / "b" / "file").touch()
    (tmp_path / "out" / "a" / "link").symlink_to(tmp_path)
    (tmp_path / "out" / "a" / "b").chmod(0o555)
    (tmp_path / "out" / "a").chmod(0)
    capabilities = "-dac_override,-dac_read_search"
    drop = ["setpriv", f"--bounding-set={capabilities}", f"--inh-caps={capabilities}"] if os.geteuid() == 0 else []
    code = "import sys; from canary_wf.files.folder_removal import remove_folder; remove_folder(sys.argv[1])"
    subprocess.run([*drop, sys.executable, "-c", code, str(tmp_path / "out")], check=True)
    assert not (tmp_path / "out").exists()
    assert tmp_path.exists()


def test_a_session_that_cannot_be_removed_is_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folder's name."""

    def refuse(self: Path, _target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(self))

    chosen = old_sessions(out, keep=1, before=None)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(WorkspaceError, match=r"20260101T120000\.000000: cannot be written"):
        remove_sessions(chosen)


def test_artifacts_survive_a_killed_gc(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it is killed: the next `gc` moves the rest, and the next `generate` removes none of them."""
    paths = SessionPaths(out, NAMES[0])
    for name in ("canary-artifacts", "canary-artifacts.1"):
        (paths.job("a") / name).mkdir()
        (paths.job("a") / name / "core").touch()
    rename, calls = Path.rename, [0]

    def killed(self: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        for number in range(3):
            calls[0] = 0
            with pytest.raises(KeyboardInterrupt):
                remove_sessions(old_sessions(out, keep=1, before=None)[:1])
            calls[0] = 2
            write_session(msgspec.structs.replace(plan_of([spec("a")]), session=f"2026020{number + 1}T120000"), out)
    remove_sessions(old_sessions(out, keep=1, before=None)[:1])
    assert not paths.folder.exists()
    assert sorted(str(path.relative_to(paths.kept_artifacts)) for path in paths.kept_artifacts.rglob("*")) == [
        *("a", "a/canary-artifacts", "a/canary-artifacts.1", "a/canary-artifacts.1/core", "a/canary-artifacts/core"),
        "a/job.json",
    ]


def test_artifacts_move_out_of_a_folder_that_a_job_made_read_only(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise this session could never be removed."""
    paths = SessionPaths(out, NAMES[0])
    folder = paths.job("a")
    (folder / "canary-artifacts").mkdir()
    for path in (folder / "canary-artifacts", folder):
        path.chmod(0o555)
    rename = Path.rename

    def as_a_user(self: Path, target: Path) -> Path:
        if not all(path.stat().st_mode & 0o200 for path in (self, self.parent)):
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", as_a_user)
    remove_sessions(old_sessions(out, keep=1, before=None)[:1])
    assert (paths.kept_artifacts / "a" / "canary-artifacts").is_dir()
    assert not paths.folder.exists()


def test_artifacts_are_not_moved_over_a_link(out: Path, tmp_path: Path) -> None:
    """Neither by their folder nor by that of a session; nothing is removed then."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / NAMES[0]).mkdir(parents=True)
    place = SessionPaths(out, NAMES[0]).kept_artifacts
    place.parent.mkdir()
    place.symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match="is a link, which is not followed"):
        remove_sessions(old_sessions(out, keep=1, before=None))
    assert session_names(out) == NAMES
    place.unlink()
    place.parent.rmdir()
    place.parent.symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match="is a link, which is not followed"):
        old_artifacts(out, before=None)


def test_what_is_not_a_session_stays(out: Path, tmp_path: Path) -> None:
    """Notes of the user's, links, folders called like a session but without its plan; they do not count as newest."""
    sessions = out / ".canary-wf" / "sessions"
    elsewhere = tmp_path / "elsewhere"
    others = ["0my-own-notes", "20250101T000000", "99990101T000000.000000", "20250102T000000.000000"]
    for name in others:
        (sessions / name).mkdir()
        (sessions / name / "notes").touch()
    (sessions / "20250102T000000.000000" / "plan.json").symlink_to(SessionPaths(out, NAMES[0]).plan)
    (sessions / NAMES[0]).rename(elsewhere)
    (sessions / NAMES[0]).symlink_to(elsewhere)
    remove_sessions(old_sessions(out, keep=1, before=None))
    assert sorted(path.name for path in sessions.iterdir()) == sorted([*others, NAMES[0], NAMES[1], NAMES[4]])
    assert (elsewhere / "plan.json").is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a session to another user")
def test_a_session_of_another_users_stays(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the workspace is said to be trusted."""
    os.chown(SessionPaths(out, NAMES[0]).folder, 60321, 60321)
    assert [one.paths.session for one in old_sessions(out, keep=1, before=None)] == NAMES[2:4]
    monkeypatch.setenv("CANARY_WF_TRUST", str(out))
    assert [one.paths.session for one in old_sessions(out, keep=1, before=None)] == [NAMES[0], *NAMES[2:4]]
