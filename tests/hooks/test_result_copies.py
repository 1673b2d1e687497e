from pathlib import Path

from canary_wf.hooks.result_copies import note_copy, remove_copies


def test_a_reset_removes_every_copy_and_nothing_else(tmp_path: Path) -> None:
    """Names with line ends, copies noted twice, and one that is gone already; the file of OUT itself is no copy."""
    register, own = tmp_path / "copies.txt", tmp_path / "result.json"
    copies = [tmp_path / "one.json", tmp_path / "odd\n\"name'.json", tmp_path / "gone.json"]
    for path in (own, *copies[:2]):
        path.touch()
    for path in (own, *copies, *copies):
        note_copy(register, own, path)
    assert register.read_text().count("\n") == 3
    remove_copies(register)
    assert sorted(tmp_path.iterdir()) == [own]
    remove_copies(register)


def test_a_line_that_a_full_disk_cut_short_is_passed_over(tmp_path: Path) -> None:
    """What was not noted whole was not copied yet."""
    register = tmp_path / "copies.txt"
    note_copy(register, tmp_path / "own", tmp_path / "copy")
    (tmp_path / "copy").touch()
    register.write_text(register.read_text() + '"/some/whe')
    note_copy(register, tmp_path / "own", tmp_path / "later")
    (tmp_path / "later").touch()
    note_copy(register, tmp_path / "own", tmp_path / "later")
    assert register.read_text().count("later") == 1
    remove_copies(register)
    assert list(tmp_path.iterdir()) == []
