"""The mark of a generated file tells ours from edited and foreign ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import WorkspaceError
from canary_wf.workflow.ownership import Ownership, marked, ownership


@given(text=st.text(), edit=st.text(min_size=1))
def test_a_marked_text_is_ours_until_it_is_edited(
    tmp_path_factory: pytest.TempPathFactory, text: str, edit: str
) -> None:
    """Whatever the text, also one that holds a mark itself."""
    path = tmp_path_factory.mktemp("mark") / "file"
    ours = marked(text.replace("\r", ""))
    path.write_text(ours, encoding="utf-8", errors="replace", newline="")
    found = ownership(path)
    assert found is Ownership.OURS or "\ufffd" in text or any("\ud800" <= one <= "\udfff" for one in text)
    path.write_text(edit.replace("\r", "x") + ours, encoding="utf-8", errors="replace", newline="")
    assert ownership(path) is Ownership.EDITED


def test_a_file_without_a_mark_is_foreign(tmp_path: Path) -> None:
    """Empty ones, bytes that are no text, and links that lead nowhere too."""
    for name, content in {"empty": b"", "text": b"rule all:\n", "bytes": b"\xff\xfe\x00"}.items():
        (tmp_path / name).write_bytes(content)
        assert ownership(tmp_path / name) is Ownership.FOREIGN
    (tmp_path / "link").symlink_to("nowhere")
    assert ownership(tmp_path / "link") is Ownership.FOREIGN


def test_a_file_that_is_not_there_is_absent(tmp_path: Path) -> None:
    """Its folder need not be there either."""
    assert ownership(tmp_path / "no" / "such") is Ownership.ABSENT


def test_a_mark_that_was_cut_off_or_changed_is_an_edit(tmp_path: Path) -> None:
    """Line ends that an editor added behind the mark do not count."""
    path = tmp_path / "file"
    path.write_text(marked("a: 1\n") + "\n\n")
    assert ownership(path) is Ownership.OURS
    path.write_text(marked("a: 1\n")[:-5])
    assert ownership(path) is Ownership.EDITED
    path.write_text(marked("a: 1\n").replace("a: 1", "a: 2"))
    assert ownership(path) is Ownership.EDITED


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder in the place of a file, or a file in the place of its folder."""
    with pytest.raises(WorkspaceError, match=r"cannot be read.*-d"):
        ownership(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        ownership(tmp_path / "file" / "inside")
