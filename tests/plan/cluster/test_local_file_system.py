"""Which folders lie on a disk of this machine alone."""

from pathlib import Path

import pytest

from canary_wf.plan.cluster.advice import local_file_system

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /tmp rw shared:2 - tmpfs tmpfs rw
24 22 0:45 / /home rw shared:3 - nfs4 server:/home rw
25 24 0:46 / /home/my\\040scratch rw shared:4 - lustre ost:/fs rw
26 22 0:47 / /gpfs rw shared:5 - gpfs gpfs rw
27 22 0:48 / /data rw shared:6 - xfs /dev/sdb rw
28 27 0:49 / /data rw shared:7 - beegfs beegfs rw
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/srv/out", "ext4 on /"),
        ("/tmp", "tmpfs on /tmp"),
        ("/tmp/x/not/there", "tmpfs on /tmp"),
        ("/tmpx", "ext4 on /"),
        ("/home/me/out", None),
        ("/home/my scratch/out", None),
        ("/gpfs/out", None),
        ("/data/out", None),
    ],
)
def test_the_innermost_mount_counts(tmp_path: Path, folder: str, expected: str | None) -> None:
    """Names are whole and unescaped, and what is mounted last on a point is what one sees there."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert local_file_system(Path(folder), mounts) == expected


def test_without_a_list_of_mounts_nothing_is_said(tmp_path: Path) -> None:
    """Other systems have none."""
    assert local_file_system(tmp_path, tmp_path / "none") is None
