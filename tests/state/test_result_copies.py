"""Copies of results for larger workflows: a reset removes them, and nothing else whatever the register says."""

import json
from pathlib import Path

import pytest

from canary_wf.errors import WorkspaceError
from canary_wf.state.result_copies import note_copy, remove_copies
from canary_wf.state.session_paths import BatchPaths, SessionPaths

PATHS = "20260101T000000.000000"
CONTENT = json.dumps({"session": PATHS, "batch": "0123abcd", "counts": {}})


@pytest.fixture
def files(tmp_path: Path) -> BatchPaths:
    """Return the files of a batch, with its result."""
    found = SessionPaths(tmp_path / "out", PATHS).batch("0123abcd")
    found.folder.mkdir(parents=True)
    found.result.write_text(CONTENT)
    return found


def _below(prefix: Path, files: BatchPaths, out: Path) -> Path:
    return prefix / files.result.relative_to(out)


def test_a_reset_removes_every_copy_and_nothing_else(files: BatchPaths, tmp_path: Path) -> None:
    """Under a prefix and by any other name, with line ends, noted twice, gone already; the file of OUT is no copy."""
    under_prefix = _below(tmp_path / "results", files, tmp_path / "out")
    under_prefix.parent.mkdir(parents=True)
    copies = [under_prefix, tmp_path / "odd\n\"name'.json", tmp_path / "gone.json"]
    for path in copies[:2]:
        path.write_text(CONTENT)
    for path in (files.result, *copies, *copies):
        note_copy(files.copies, files.result, path)
    assert files.copies.read_text().count("\n") == 3
    remove_copies(files.copies, files.result)
    assert [path.exists() for path in copies] == [False, False, False]
    assert [path.name for path in files.folder.iterdir()] == ["result.json"]
    remove_copies(files.copies, files.result)


def test_what_is_no_result_of_that_batch_stays(
    files: BatchPaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other files, folders, links, results of others, and a true copy at a place that nobody noted."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "thesis.tex").write_text("precious")
    (victim / "other.json").write_text(CONTENT)  # right in every respect, but where nobody put it
    (victim / "link.json").symlink_to(files.result)
    for name in ("thesis.tex", "other.json", "link.json"):
        with files.copies.open("a") as file:
            file.write(json.dumps(f"{victim}/{name}") + "\n")
            file.write(json.dumps([f"{victim}/{name}", "0" * 64]) + "\n")
    linked = _below(victim / "linked", files, tmp_path / "out")
    linked.parent.mkdir(parents=True)
    linked.symlink_to(victim / "thesis.tex")
    another = _below(victim / "another", files, tmp_path / "out")
    another.parent.mkdir(parents=True)
    another.write_text(CONTENT.replace("0123abcd", "ffffffff"))
    for path in (linked, another):
        note_copy(files.copies, files.result, path)
    before = sorted(victim.rglob("*"))
    remove_copies(files.copies, files.result)
    assert sorted(victim.rglob("*")) == before
    assert capsys.readouterr().err.count("which is not a copy of a result; it stays") == 5
    assert not files.copies.exists()


def test_a_signature_counts_for_its_own_path_and_batch(files: BatchPaths, tmp_path: Path) -> None:
    """A signed line that is put into another register, or given another path, signs nothing."""
    note_copy(files.copies, files.result, tmp_path / "mine.json")
    path, by = json.loads(files.copies.read_text())
    other = SessionPaths(tmp_path / "out", PATHS).batch("ffffffff")
    other.folder.mkdir()
    for file, line in ((files, [str(tmp_path / "theirs.json"), by]), (other, [path, by])):
        (tmp_path / "mine.json").write_text(json.dumps({"session": PATHS, "batch": file.folder.name}))
        (tmp_path / "theirs.json").write_text(CONTENT)
        file.copies.write_text(json.dumps(line) + "\n")
        remove_copies(file.copies, file.result)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.json", "out", "theirs.json"]


def test_a_line_that_is_damaged_is_passed_over(files: BatchPaths, tmp_path: Path) -> None:
    """What was not noted whole was not copied yet; what is no path at all names nothing."""
    copies = [tmp_path / "copy.json", tmp_path / "later.json"]
    note_copy(files.copies, files.result, copies[0])
    files.copies.write_text(files.copies.read_text() + '"\\u12ZZ"\n"\\u0000"\n7\n[]\n[1, 2]\n"relative"\n"/some/whe')
    for path in (copies[1], copies[1]):
        note_copy(files.copies, files.result, path)
    for path in copies:
        path.write_text(CONTENT)
    assert files.copies.read_text().count("later") == 1
    remove_copies(files.copies, files.result)
    assert [path.exists() for path in copies] == [False, False]


def test_a_register_that_is_a_link_is_not_followed(files: BatchPaths, tmp_path: Path) -> None:
    """Neither read nor written."""
    (tmp_path / "elsewhere").write_text("mine\n")
    files.copies.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match=r"copies\.txt: cannot be read"):
        note_copy(files.copies, files.result, tmp_path / "copy.json")
    with pytest.raises(WorkspaceError, match=r"copies\.txt: cannot be read .*remove it"):
        remove_copies(files.copies, files.result)
    assert (tmp_path / "elsewhere").read_text() == "mine\n"


def test_copies_of_the_report_and_of_the_gate_go_too(tmp_path: Path) -> None:
    """They are the session's, and have one register."""
    paths = SessionPaths(tmp_path / "out", PATHS)
    own = (paths.report / "report.json", paths.gate)
    paths.report.mkdir(parents=True)
    for file in own:
        copy = tmp_path / "results" / file.relative_to(tmp_path / "out")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps({"session": PATHS, "counts": {}}))
        note_copy(paths.copies, file, copy)
    remove_copies(paths.copies, *own)
    assert [path for path in (tmp_path / "results").rglob("*") if path.is_file()] == []
