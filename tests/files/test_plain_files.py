"""Reading what may have been replaced by something that is no file."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import canary_wf
import snakemake_logger_plugin_canary
from canary_wf.files.plain_files import open_below, open_own, open_plain, read_plain

PACKAGE = Path(canary_wf.__file__).parent

OPENS = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
"""Names of the calls that open files; those of `plain_files` have others."""

ELSEWHERE = {
    "__main__.py": "/dev/null in place of a closed stream",
    "cli/output.py": "/dev/null in place of a closed pipe",
    "cli/planning/init.py": "a new file of the user's, which must not be there yet",
    "cli/results/report.py": "where the user wants the report: a pipe or a device too",
    "configuration/keys.py": "a schema of the package",
    "discovery/ctest/specification.py": "a new file in a folder of its own",
    "discovery/job_files/check.py": "a schema of the package",
    "discovery/pyt/supervisor.py": "files of the kernel",
    "discovery/pyt/reader_process.py": "test files and a pipe, in a process that is given limited time",
    "files/file_clock.py": "a new file, which must not be there yet",
    "files/json_files.py": "a name that nobody knows before, and folders",
    "files/locks.py": "files of the kernel",
    "files/plain_files.py": "the one place",
    "files/users.py": "a folder, and a new file in it, which must not be there yet",
    "files/user_key.py": "a new file, which must not be there yet",
    "history/import_sources.py": "what the user names to import: a pipe will do, and it is read to a limit",
    "plan/cluster/advice.py": "files of the kernel",
    "plan/schema.py": "descriptions of the package",
    "process/orphans.py": "files of the kernel",
    "process/out_of_memory.py": "files of the kernel",
    "process/output.py": "the output of a job, which its flags keep from being a link",
    "process/spawn.py": "/dev/null, and a job's output, made anew with flags that refuse what is there",
    "process/process_identity.py": "files of the kernel",
    "process/watchdog.py": "/dev/null",
    "report/formats/attachments.py": "an archive in memory",
    "resources/cgroup.py": "files of the kernel",
    "resources/leases/lease_files.py": "lease files of all users, which it checks itself",
    "run/job/disk.py": "a probe that must be new, to see whether the disk takes it",
    "run/progress.py": "/dev/null in place of a closed pipe",
    "run/retained_resources.py": "the null device",
    "runtime/canary/executable.py": "a job's own files, opened by the job",
    "runtime/canary/filesystem.py": "a job's own files, opened by the job",
    "runtime/canary/instance.py": "a job's own files, opened by the job",
    "runtime/canary/lifecycle.py": "a job's own files, opened by the job",
    "runtime/canary/notes.py": "loads nothing of canary-wf; it checks the file in the same way",
    "workflow/writer.py": "a new file, which must not be there yet",
    "run/job/artifacts.py": "a copy in a folder of its own, which must not be there yet",
    "snakemake/warm_start.py": "/dev/null, and a text that its parent has made, through no link",
}
"""Modules that open files in their own way, and why they may."""


def _opening(path: Path) -> Iterator[int]:
    """Yield the lines of the module at `path` that open a file by themselves."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            is_method = isinstance(node.func, ast.Attribute) and node.func.attr in OPENS
            if is_method or (isinstance(node.func, ast.Name) and node.func.id == "open"):
                yield node.lineno


def test_a_file_is_opened(tmp_path: Path) -> None:
    """With its content, like any other."""
    (tmp_path / "a").write_text("x")
    with open_plain(tmp_path / "a") as file:
        assert file.read() == b"x"


def test_links_are_followed_only_when_asked_to(tmp_path: Path) -> None:
    """A job could point anywhere."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(OSError, match="not a regular file"):
        open_plain(tmp_path / "link")
    with open_plain(tmp_path / "link", follow=True) as file:
        assert file.read() == b"x"


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    """Pipes without a writer, folders and devices are refused at once, by way of links too."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match="not a regular file"):
            open_plain(path)
    with pytest.raises(OSError, match="not a regular file"):
        open_plain(tmp_path / "link", follow=True)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is the system's own error."""
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "none")


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    """A huge file, which may take no room at all on the disk, does not fill the memory."""
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 1024 MiB"):
        read_plain(tmp_path / "a")
    (tmp_path / "b").write_text("four")
    assert read_plain(tmp_path / "b", most=4) == b"four"
    with pytest.raises(OSError, match="larger than"):
        read_plain(tmp_path / "b", most=3)


def test_own_files_are_never_written_through_a_link_or_into_a_pipe(tmp_path: Path) -> None:
    """What somebody put in the place of a file of ours keeps its content."""
    (tmp_path / "theirs").write_text("x")
    (tmp_path / "link").symlink_to("theirs")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        for flags in (os.O_RDWR, os.O_WRONLY | os.O_APPEND):
            with pytest.raises(OSError, match="not a regular file"):
                open_own(tmp_path / name, flags)
    os.close(open_own(tmp_path / "new", os.O_RDWR))
    assert (tmp_path / "theirs").read_text() == "x"


def test_no_module_opens_files_by_itself() -> None:
    """All that read or write files of a workspace do so in the one way, but for those that have a reason."""
    modules = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    found = {f"{name}:{line}": name for name, path in modules.items() for line in _opening(path)}
    assert [where for where, name in found.items() if name not in ELSEWHERE] == []
    assert set(ELSEWHERE) == set(found.values())  # no reason outlives its module
    plugin = Path(snakemake_logger_plugin_canary.__file__).parent
    assert [path for path in plugin.rglob("*.py") if list(_opening(path))] == []


def test_a_file_below_a_folder_is_opened_without_links_on_the_way(tmp_path: Path) -> None:
    """Whatever level it is at; the folder itself is no link either, and nothing leads out of it."""
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("x")
    (tmp_path / "file").write_text("secret")
    with open_below(root, root / "a" / "b" / "file") as file:
        assert file.read() == b"x"
    (root / "out").symlink_to(tmp_path)
    (root / "a" / "back").symlink_to("b")
    (root / "a" / "file").symlink_to("b/file")
    (tmp_path / "link").symlink_to("root")
    outside = [root / "out" / "file", root / "a" / "back" / "file", root / "a" / "file", root / ".." / "file"]
    for path in (*outside, tmp_path / "file"):
        with pytest.raises(OSError, match=r"over a link|not a regular file|out of its folder"):
            open_below(root, path)
    with pytest.raises(OSError, match="Not a directory"):
        open_below(tmp_path / "link", tmp_path / "link" / "a" / "b" / "file")
    with pytest.raises(FileNotFoundError):
        open_below(root, root / "none" / "file")
