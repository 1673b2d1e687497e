"""The page about Slurm holds: its commands run on a cluster."""

from pathlib import Path

import pytest
from page_script import ROOT, page_sandbox, run_page
from slurm_workspace import SlurmWorkspace

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]


def test_the_commands_of_the_page_run(slurm: SlurmWorkspace, tmp_path: Path) -> None:
    """From top to bottom, with the cluster's own account and partition, and shorter pauses."""
    variables = {name: slurm.environment[name] for name in ("SLURM_CONF", "PATH")}
    done = run_page(ROOT / "docs" / "slurm.md", page_sandbox(tmp_path / "page"), variables)
    assert done.returncode == 0, done.stderr[-3000:]
