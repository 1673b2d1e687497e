"""Output that nobody reads any more is dropped, and other errors are not."""

import errno
import os

import pytest

from canary_wf.cli.output import mute_if_gone


def test_a_closed_reader_mutes_standard_output() -> None:
    """What follows goes nowhere, in the process as a whole."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        mute_if_gone(OSError(errno.EPIPE, "gone"))
        os.write(1, b"more")
        os._exit(0)
    os.close(write)
    assert os.waitpid(pid, 0)[1] == 0
    with os.fdopen(read, "rb") as file:
        assert file.read() == b""


def test_a_full_disk_is_still_an_error() -> None:
    """Only a reader that has gone is no mistake."""
    with pytest.raises(OSError, match="full"):
        mute_if_gone(OSError(errno.ENOSPC, "full"))
