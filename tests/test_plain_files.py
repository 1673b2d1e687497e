"""Reading what may have been replaced by something that is no file."""

import os
from pathlib import Path

import pytest

from canary_wf.plain_files import open_plain


def test_a_file_is_opened(tmp_path: Path) -> None:
    """With its content, like any other."""
    (tmp_path / "a").write_text("x")
    with open_plain(tmp_path / "a") as file:
        assert file.read() == b"x"


def test_links_are_followed_only_when_asked_to(tmp_path: Path) -> None:
    """A job could point anywhere."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(OSError, match="no regular file"):
        open_plain(tmp_path / "link")
    with open_plain(tmp_path / "link", follow=True) as file:
        assert file.read() == b"x"


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    """Pipes without a writer, folders and devices are refused at once, by way of links too."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match="no regular file"):
            open_plain(path)
    with pytest.raises(OSError, match="no regular file"):
        open_plain(tmp_path / "link", follow=True)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is the system's own error."""
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / "none")
