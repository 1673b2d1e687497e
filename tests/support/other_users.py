"""Other users of this machine, for tests that root runs: they may read everything, and write what is theirs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ONE, TWO = 60311, 60312
"""User ids that nobody has."""

needs_root = pytest.mark.needs("root", "setpriv")
"""For tests that act as two other users."""


class OtherUser:
    """A user of this machine with a home of its own below `folder`, which all can enter."""

    def __init__(self, uid: int, folder: Path) -> None:
        self.uid = uid
        self.home = folder / str(uid)
        self.home.mkdir()
        os.chown(self.home, uid, uid)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        self.environment |= {"HOME": str(self.home), "USER": str(uid), "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, arguments: Sequence[str | Path]) -> list[str]:
        """Return the command line that runs `arguments` as this user; this Python may lie where only root can read."""
        ids = ["--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        reading = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
        return ["setpriv", *ids, *reading, *map(str, arguments)]

    def start(self, arguments: Sequence[str | Path]) -> "subprocess.Popen[str]":
        """Start a process of this user's, whose output is read."""
        return subprocess.Popen(
            self.command(arguments), env=self.environment, stdout=subprocess.PIPE, text=True, cwd=self.home
        )

    def canary_wf(self, *arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run `canary-wf` as this user, with a umask for groups that work together."""
        return subprocess.run(
            self.command([sys.executable, "-m", "canary_wf", *arguments]),
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            timeout=120,
            umask=0o002,
        )


@contextmanager
def two_users() -> Iterator[tuple[OtherUser, OtherUser]]:
    """Give two users, whose homes go in the end; a folder of pytest's own lets nobody else in."""
    folder = Path(tempfile.mkdtemp(prefix="canary-wf-users-"))
    folder.chmod(0o755)
    (folder / "leases").mkdir()
    (folder / "leases").chmod(0o1777)
    try:
        found = OtherUser(ONE, folder), OtherUser(TWO, folder)
        for user in found:
            user.environment["CANARY_WF_LEASE_DIR"] = str(folder / "leases")
        yield found
    finally:
        shutil.rmtree(folder)
