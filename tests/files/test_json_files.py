import errno
import os
import pwd
from pathlib import Path

import msgspec
import pytest

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import not_writable, read_json, write_atomic, write_for_user, write_json, written_by


class Point(msgspec.Struct):
    """A little data."""

    x: int


def test_a_written_value_reads_back(tmp_path: Path) -> None:
    """What is written is what is read, and nothing else is left in the folder."""
    write_json(tmp_path / "p.json", Point(3))
    point: Point = read_json(tmp_path / "p.json", Point)
    assert point == Point(3)
    assert os.listdir(tmp_path) == ["p.json"]  # noqa: PTH208 - hidden files count too


def test_a_signal_in_the_middle_of_a_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner's own, which comes as a KeyboardInterrupt wherever the program is."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    write_atomic(tmp_path / "a", b"old")
    monkeypatch.setattr("canary_wf.files.json_files.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


@pytest.mark.parametrize("sync", [False, True])
def test_a_synced_write_is_on_the_disk_before_its_name_and_the_name_when_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    """First the bytes, then the rename, then the folder; without `sync` nobody waits for the disk."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "bytes")  # noqa: PTH112
        fsync(descriptor)

    def note_rename(source: str, target: str) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr("canary_wf.files.json_files.os.fsync", note_sync)
    monkeypatch.setattr("canary_wf.files.json_files.os.replace", note_rename)
    write_atomic(tmp_path / "a", b"x", sync=sync)
    assert done == (["bytes", "name", "folder"] if sync else ["name"])


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    """A target that cannot be replaced is told, and the file beside is removed."""
    target = tmp_path / "folder"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_atomic(target, b"x")
    assert os.listdir(tmp_path) == ["folder"]  # noqa: PTH208


@pytest.mark.parametrize("content", [b"", b"{", b'{"x": "no"}', b"\xff\xfe", b"[]"])
def test_damaged_files_are_told_by_name(tmp_path: Path, content: bytes) -> None:
    """Whatever is wrong with the content, the error names the file."""
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"p\.json: is damaged"):
        read_json(path, Point)


def test_a_file_that_is_nested_without_end_is_damaged(tmp_path: Path) -> None:
    """A job may have put it in the place of its state file; it is told like any other."""
    path = tmp_path / "p.json"
    path.write_bytes(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    with pytest.raises(WorkspaceError, match=r"p\.json: is damaged"):
        read_json(path, dict[str, object])


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    """Reading what is not there is a WorkspaceError."""
    with pytest.raises(WorkspaceError, match=r"gone\.json: cannot be read"):
        read_json(tmp_path / "gone.json", Point)


def test_what_a_user_names_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    """A report that a web server may read can be read after the next one as well, wherever a link puts it."""
    (tmp_path / "page").write_bytes(b"old")
    (tmp_path / "page").chmod(0o604)
    (tmp_path / "link").symlink_to("page")
    write_for_user(tmp_path / "link", b"new", "hint")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "page").read_bytes() == b"new"
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o604


def test_who_wrote_a_file_of_another_format() -> None:
    """A later number of the same format means a newer version; all else means nothing."""
    assert written_by("canary-wf/plan/10", "canary-wf/plan/9") == ", written by a newer canary-wf"
    for schema in ("canary-wf/plan/8", "canary-wf/plan/9", "canary-wf/plan/x", "other/10", ""):
        assert written_by(schema, "canary-wf/plan/9") == ""


def test_what_belongs_to_somebody_else_says_whom_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other folder helps where one wants to cancel another user's run; a full disk is not their fault."""
    me = os.geteuid()
    name = pwd.getpwuid(me).pw_name
    refused, full = PermissionError(errno.EACCES, "Permission denied"), OSError(errno.ENOSPC, "No space left")
    assert str(not_writable(tmp_path / "a/b", refused)).endswith("; choose another folder with -d")
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    said = f"; it belongs to {name}: ask them, or work in a folder of your own with -d"
    assert str(not_writable(tmp_path / "a/b", refused)).endswith(said)
    assert str(not_writable(tmp_path / "a/b", full)).endswith("; free some space")
