"""Seeded damage to workspaces: every command says so in a line, calls nothing passed, and does no harm.

This is the bounded form, which runs everywhere; `make damage ROUNDS=…` goes on for as long as one likes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).with_name("damage_campaign.py")
ROUNDS = 30
"""Rounds of one test, each of about a dozen commands."""


@pytest.mark.parametrize("first", [pytest.param(0, marks=pytest.mark.smoke), *range(ROUNDS, 4 * ROUNDS, ROUNDS)])
def test_no_damage_raises_hangs_turns_green_or_reaches_outside(first: int) -> None:
    """Each file and folder of a finished and of an interrupted workspace may be anything."""
    # A process of its own, as it forks for each command, which a process with threads had better not.
    command = [sys.executable, str(CAMPAIGN), "--rounds", str(ROUNDS), "--seed", str(first)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{ROUNDS} rounds from seed {first}, ")


def test_snakemake_runs_damaged_workspaces_and_larger_workflows() -> None:
    """Reading and running the workflow raise only errors in one line, and no run passes in which a job failed."""
    command = [sys.executable, str(CAMPAIGN), "--snakemake", "--rounds", "8", "--seed", "20014"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("8 rounds from seed 20014, ")
