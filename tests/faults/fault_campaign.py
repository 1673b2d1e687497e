"""Rounds of faults: each has a seed, a world, some faults, a last run without any, and the invariants.

    python tests/faults/fault_campaign.py --rounds 1000 --seed 1      (or: make faults ROUNDS=1000 SEED=1)

prints every round that went wrong with its seed; `--rounds 1 --seed N` runs that one again.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from fault_invariants import Finals, after_all, finals, lost
from fault_kinds import KINDS, Kind, Meeting
from fault_world import Tools, World, random_jobs, tools

from canary_wf.errors import CanaryWfError

MOST_FAULTS = 3
"""Faults in one round, one after the other."""


class Round(NamedTuple):
    """What became of one round; `missed` of its faults came after the runner's end."""

    seed: int
    injected: list[str]
    problems: list[str]
    log: str
    missed: int = 0

    def __str__(self) -> str:
        told = [f"seed {self.seed}", *self.injected, *(f"! {problem}" for problem in self.problems), self.log]
        return "\n  ".join(told)


def run_round(seed: int, folder: Path, programs: Tools, kinds: Sequence[Kind] = ()) -> Round:
    """Run the round of `seed` in `folder`, which must not be there yet; what went wrong is in its `problems`.

    Its faults are one each of `kinds`, or chosen by chance.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    world = World(folder, programs, random_jobs(chance, programs.tracer, folder / "beside"))
    meeting = Meeting(world, chance)
    injected: list[str] = []
    try:
        seen: Finals = {}
        for kind in kinds or _chosen(chance):
            seen = _inject(kind, meeting, injected, seen)
        code = world.run()
        injected.append(f"no fault: {code}")
        if code:
            meeting.problems.append(f"the run without faults ended with {code}")
        meeting.problems += lost(seen, finals(world))
        meeting.problems += after_all(world, meeting.allowed, hosts=meeting.hosts, derived=meeting.derived)
    except (CanaryWfError, subprocess.TimeoutExpired) as error:
        meeting.problems.append(str(error))
    finally:
        world.end_all()
    return Round(seed, injected, meeting.problems, world.log() if meeting.problems else "", meeting.missed)


def _chosen(chance: random.Random) -> list[Kind]:
    return chance.choices(list(KINDS), list(KINDS.values()), k=chance.randint(1, MOST_FAULTS))


def _inject(kind: Kind, meeting: Meeting, injected: list[str], seen: Finals) -> Finals:
    """Let one fault happen; return the final states that are there now, and note those that are not any more."""
    meeting.powerless = False
    injected.append(kind.__name__)
    injected[-1] = f"{kind.__name__}: {kind(meeting)}"
    now = finals(meeting.world)
    if not meeting.powerless:
        meeting.problems += lost(seen, now)
    return now


def run_rounds(seeds: range, folder: Path, workers: int) -> list[Round]:
    """Run the rounds of `seeds`, `workers` at a time; folders of rounds that went well are removed."""
    programs = tools()

    def one(seed: int) -> Round:
        place = folder / f"round-{seed}"
        done = run_round(seed, place, programs)
        if not done.problems:
            shutil.rmtree(place)
        return done

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, seeds))


def main() -> int:
    """Run the rounds that the command line asks for, and tell what went wrong."""
    parser = argparse.ArgumentParser(description="Inject faults into runners and check that nothing is lost.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="canary-wf-faults-"))
    rounds = run_rounds(range(options.seed, options.seed + options.rounds), folder, options.workers)
    bad = [done for done in rounds if done.problems]
    for done in bad:
        sys.stdout.write(f"{done}\n")
    kinds = Counter(text.partition(":")[0] for done in rounds for text in done.injected[:-1])
    sys.stdout.write(
        f"{len(rounds)} rounds from seed {options.seed}, {kinds.total()} faults: {dict(kinds)}; "
        f"{sum(done.missed for done in rounds)} of them came too late to strike; {len(bad)} went wrong\n"
    )
    if bad:
        sys.stdout.write(f"their folders are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
