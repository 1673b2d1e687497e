"""What a machine that loses power leaves of the state files, from the calls that were made until then.

The model is the weakest that file systems are bound to: bytes are safe once their file was synced, a name once its
folder was. Of all else any part may be there: a file may be cut anywhere behind its last sync (or end in NULs), or be
empty, and a new name may be missing.
"""

import json
import random
from pathlib import Path

from fault_world import World

from canary_wf.state.journal import read_journal


class Disk:
    """What is known to be on the disk: by path the length that was synced, and the names whose folder was synced."""

    def __init__(self) -> None:
        self.synced: dict[str, int] = {}
        self.named: set[str] = set()
        self.unsynced_names: dict[str, set[str]] = {}

    def replay(self, log: Path) -> None:
        """Take the calls of `log` into account."""
        for line in log.read_text().splitlines() if log.exists() else []:
            _, call, size, path, other = line.split("\t")
            self._apply(call, int(size), path, other)

    def _apply(self, call: str, size: int, path: str, other: str) -> None:
        match call:
            case "open" | "mkdir" | "mkdirat":
                if other == "truncated":
                    self.synced.pop(path, None)
                if path not in self.named:
                    self._name(path)
            case "fsync":
                self.synced[path] = size
                self.named |= self.unsynced_names.pop(path, set())
            case "survived":
                self.synced[path] = size
                self.named.add(path)
            case "rename":
                self.synced[path] = self.synced.pop(other, 0)
                self.named.discard(path)
                self._name(path)
            case "ftruncate64":
                self.synced[path] = min(size, self.synced.get(path, 0))

    def _name(self, path: str) -> None:
        self.unsynced_names.setdefault(str(Path(path).parent), set()).add(path)


def lose_power(world: World, chance: random.Random) -> tuple[str, list[str]]:
    """Take away what was not synced, as `chance` has it; return what was done, and promises that were broken."""
    disk = Disk()
    disk.replay(world.calls)
    told = [_journal(world, disk, chance)]
    for path in [world.files.attempt, *world.paths.jobs.rglob("job.json")]:
        told += _derived(path, disk, chance)
    told += _derived(world.files.result, disk, chance)
    left = [path for path in world.out.rglob("*") if path.is_file()]
    world.calls.write_text("".join(f"0\tsurvived\t{path.stat().st_size}\t{path}\t\n" for path in left))
    return " ".join(filter(None, told)), _promise(world)


def _journal(world: World, disk: Disk, chance: random.Random) -> str:
    path = world.files.journal
    if not path.exists():
        return ""
    kept = disk.synced.get(str(path), 0)
    size = path.stat().st_size
    cut = chance.randint(min(kept, size), size)
    nulls = chance.choice([0, 0, chance.randint(0, size - cut)])
    path.write_bytes(path.read_bytes()[:cut] + bytes(nulls))
    return f"journal cut from {size} to {cut}+{nulls} (synced {kept})"


def _touched(disk: Disk) -> set[str]:
    names = set().union(*disk.unsynced_names.values()) if disk.unsynced_names else set()
    return names | disk.named | set(disk.synced)


def _derived(path: Path, disk: Disk, chance: random.Random) -> list[str]:
    """Empty a file whose bytes were not synced, remove a name that was not; sometimes."""
    if not path.exists() or str(path) not in _touched(disk):
        return []
    if str(path) not in disk.named and chance.random() < 0.4:
        path.unlink()
        return [f"{path.name} gone"]
    if disk.synced.get(str(path), 0) < path.stat().st_size and chance.random() < 0.5:
        path.write_bytes(b"")
        return [f"{path.name} empty"]
    return []


def _promise(world: World) -> list[str]:
    """Check that a result that survived speaks of verdicts that did."""
    try:
        counts = json.loads(world.files.result.read_bytes())["counts"]
    except FileNotFoundError:
        return []
    except ValueError:
        return ["result.json survived without its content"]
    done = sum(record.status.is_final for record in read_journal(world.files.journal).jobs.values())
    return (
        []
        if done == sum(counts.values())
        else [f"result.json survived with {counts}, the journal with {done} verdicts"]
    )
