"""Who holds a lock, by the kernel's word."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from canary_wf.files.locks import Holder, lock_holders

HOLD = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


def test_the_holder_is_the_process_that_locked_the_file(tmp_path: Path) -> None:
    """Whatever is written in it, and not one that waits for it; nobody once it is free."""
    path = tmp_path / "lock"
    path.write_text("process 1 of root")
    with path.open() as file:
        with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=-1, stdout=-1, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            assert lock_holders(file.fileno()) == [Holder(process.pid, os.geteuid())]
            process.stdin.close()
            process.wait(20)
        assert lock_holders(file.fileno()) == []
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lock_holders(file.fileno()) == [Holder(os.getpid(), os.geteuid())]


def test_where_the_kernel_shows_another_device_the_open_file_tells(tmp_path: Path) -> None:
    """As with btrfs and overlayfs; lines of those who wait, of other inodes and of odd forms are passed over."""
    path, locks = tmp_path / "lock", tmp_path / "locks"
    with path.open("w") as file:
        inode = os.fstat(file.fileno()).st_ino
        own = os.getpid()
        lines = [
            f"1: FLOCK  ADVISORY  WRITE {own} 00:ff:{inode} 0 EOF",
            f"1: -> FLOCK  ADVISORY  WRITE 1 00:ff:{inode} 0 EOF",
            f"2: FLOCK  ADVISORY  WRITE 1 00:ff:{inode} 0 EOF",
            f"3: FLOCK  ADVISORY  WRITE {own} 00:ff:{inode + 1} 0 EOF",
            "4: odd",
        ]
        locks.write_text("\n".join(lines))
        assert lock_holders(file.fileno(), locks) == [Holder(own, os.geteuid())]
        assert lock_holders(file.fileno(), tmp_path / "none") == []
