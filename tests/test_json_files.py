import os
from pathlib import Path

import msgspec
import pytest

from canary_wf.errors import WorkspaceError
from canary_wf.json_files import read_json, write_atomic, write_json


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
    monkeypatch.setattr("canary_wf.json_files.os.replace", interrupted)
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

    monkeypatch.setattr("canary_wf.json_files.os.fsync", note_sync)
    monkeypatch.setattr("canary_wf.json_files.os.replace", note_rename)
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
