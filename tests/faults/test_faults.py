"""Seeded faults on real runners: after any of them a run without faults completes the batch, and nothing is lost.

This is the bounded form, which runs everywhere; `make faults ROUNDS=…` goes on for as long as one likes.
"""

from pathlib import Path

import pytest
from fault_campaign import run_round, run_rounds
from fault_kinds import KINDS, Kind, Meeting, freeze_and_take_over
from fault_world import tools

ROUNDS = 5
"""Rounds of one test, each with one to three faults."""

ONE_OF_EACH = [
    pytest.param(kind, id=kind.__name__, marks=[] if number else pytest.mark.smoke) for number, kind in enumerate(KINDS)
]

pytestmark = pytest.mark.needs("gcc")


@pytest.mark.parametrize("first", range(0, 110, ROUNDS))
def test_nothing_is_lost_whatever_fails(tmp_path_factory: pytest.TempPathFactory, first: int) -> None:
    """Kills, full disks, freezes, power losses, jumping clocks, second runners: several in a row, at random points."""
    folder = tmp_path_factory.mktemp("faults")
    rounds = run_rounds(range(first, first + ROUNDS), folder, workers=2)  # most of a round is waiting
    bad = [str(done) for done in rounds if done.problems]
    assert not bad, "\n".join(bad)
    # Most strike; else the runner makes fewer calls than `fault_kinds` counts on.
    assert sum(done.missed for done in rounds) <= ROUNDS


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_each_kind_of_fault_is_survived(tmp_path: Path, kind: Kind) -> None:
    """No kind is left to chance."""
    done = run_round(1, tmp_path / "round", tools(), kinds=[kind, kind])
    assert not done.problems, str(done)


def test_a_runner_that_is_frozen_before_it_holds_anything_disturbs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen at its first call, it is not waited for: the batch is done without it, and it ends when it wakes."""
    monkeypatch.setattr(Meeting, "point", lambda _: "1")
    done = run_round(3, tmp_path / "round", tools(), kinds=[freeze_and_take_over])
    assert not done.problems, str(done)
    assert not done.missed
