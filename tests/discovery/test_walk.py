"""Which files are found below a PATH, in which order, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from canary_wf.discovery.walk import FoundFile, find_files, with_distinct_paths
from canary_wf.errors import InputError


def _find(*paths: Path, exclude: tuple[Path, ...] = ()) -> list[FoundFile]:
    return with_distinct_paths(find_files(paths, lambda name: name.endswith(".pyt"), exclude))


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_order_is_by_name_and_paths_are_relative(tmp_path: Path) -> None:
    """Files come sorted by folder and name, whatever the file system's order is."""
    _touch(tmp_path, "b/z.pyt", "b/a.pyt", "a.pyt", "b.pyt", "ä/x.pyt", "note.txt", "old.vvt")
    assert [file.path for file in _find(tmp_path)] == ["a.pyt", "b/a.pyt", "b/z.pyt", "b.pyt", "ä/x.pyt"]
    assert _find(tmp_path)[0].file == str(tmp_path / "a.pyt")


def test_hidden_folders_and_virtual_environments_are_skipped(tmp_path: Path) -> None:
    """What lies in hidden folders, virtual environments and excluded folders is no test."""
    _touch(tmp_path, ".git/a.pyt", "env/pyvenv.cfg", "env/lib/a.pyt", "out/a.pyt", "real/a.pyt", ".hidden.pyt")
    assert [file.path for file in _find(tmp_path, exclude=(tmp_path / "out",))] == ["real/a.pyt"]


def test_an_excluded_file_leaves_its_folder(tmp_path: Path) -> None:
    """What lies beside it, and files of its name elsewhere, are tests."""
    _touch(tmp_path, "sub/a.pyt", "sub/b.pyt", "a.pyt")
    assert [file.path for file in _find(tmp_path, exclude=(tmp_path / "sub" / "a.pyt",))] == ["a.pyt", "sub/b.pyt"]


def test_a_file_as_path_is_relative_to_its_folder(tmp_path: Path) -> None:
    """A PATH that is a file is called by its name."""
    _touch(tmp_path, "deep/a.pyt")
    assert [file.path for file in _find(tmp_path / "deep" / "a.pyt")] == ["a.pyt"]


def test_symlink_loops_end(tmp_path: Path) -> None:
    """A link to a folder above is not followed for ever, and nothing is found twice."""
    _touch(tmp_path, "sub/a.pyt")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    assert [file.path for file in _find(tmp_path)] == ["sub/a.pyt"]


def test_a_linked_folder_is_searched_once(tmp_path: Path) -> None:
    """A link to a folder elsewhere is followed; a folder with a plain path keeps it."""
    _touch(tmp_path, "tree/b/x.pyt", "elsewhere/y.pyt")
    (tmp_path / "tree" / "a").symlink_to(tmp_path / "tree" / "b")
    (tmp_path / "tree" / "c").symlink_to(tmp_path / "elsewhere")
    assert [file.path for file in _find(tmp_path / "tree")] == ["b/x.pyt", "c/y.pyt"]


def test_links_into_hidden_folders_are_results_not_tests(tmp_path: Path) -> None:
    """The link to the results of an earlier run is not searched."""
    _touch(tmp_path, ".state/jobs/a.pyt", "b.pyt")
    (tmp_path / "TestResults").symlink_to(tmp_path / ".state" / "jobs")
    assert [file.path for file in _find(tmp_path)] == ["b.pyt"]


def test_missing_path_is_named(tmp_path: Path) -> None:
    """A PATH that is not there is an error that names it."""
    with pytest.raises(InputError, match=r"nowhere: there is no such file or folder"):
        _find(tmp_path / "nowhere")


def test_unknown_kind_as_path_is_refused(tmp_path: Path) -> None:
    """A file given on the command line that is no test file is an error, not silence."""
    _touch(tmp_path, "a.txt")
    with pytest.raises(InputError, match="is not a test file"):
        _find(tmp_path / "a.txt")


def test_broken_link_is_named(tmp_path: Path) -> None:
    """A test file that is a link to nothing is named."""
    (tmp_path / "a.pyt").symlink_to("gone")
    with pytest.raises(InputError, match=r"a\.pyt: this link leads nowhere"):
        _find(tmp_path)


def test_a_link_to_a_device_is_named(tmp_path: Path) -> None:
    """It leads somewhere, but to nothing that can be read to its end."""
    (tmp_path / "a.pyt").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"a\.pyt: this link leads to something that is not a file"):
        _find(tmp_path)


def test_a_file_below_two_paths_is_refused(tmp_path: Path) -> None:
    """Overlapping PATHs would make two jobs of one file."""
    _touch(tmp_path, "sub/a.pyt")
    with pytest.raises(InputError, match="below two of the given paths"):
        _find(tmp_path, tmp_path / "sub")


def test_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """A file name that cannot be written into JSON is told with its bytes escaped."""
    with open(os.fsencode(tmp_path) + b"/\xff.pyt", "wb"):  # noqa: PTH123 - a name of bytes
        pass
    with pytest.raises(InputError, match="not UTF-8"):
        _find(tmp_path)


def test_unreadable_folder_is_named(tmp_path: Path) -> None:
    """A folder without read permission is an error that names it, in a process without root's privileges."""
    (tmp_path / "closed").mkdir(mode=0)
    code = (
        "import sys; from pathlib import Path\n"
        "from canary_wf.discovery.walk import find_files\n"
        "try: find_files([Path(sys.argv[1])], lambda name: True)\n"
        "except Exception as error: print(error)\n"
    )
    capabilities = "-dac_override,-dac_read_search"
    drop = ["setpriv", f"--bounding-set={capabilities}", f"--inh-caps={capabilities}"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert "closed: this folder cannot be read (Permission denied)" in done.stdout
