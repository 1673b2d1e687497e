"""Valid and different job names for the tests of one build tree, which may be called anything.

A job's family, which its id is made of, is the test's own name, so that no other test can change the id.
"""

import re
from collections.abc import Sequence

_UNFIT = re.compile(r"[^\w.=+@,/-]")


def families(names: Sequence[str]) -> list[str]:
    """Return `names` made different: of tests that are called the same the later ones get ``@2``, ``@3``….

    CTest has such tests where folders of a project do not know of each other.
    """
    taken = set(names)
    seen: set[str] = set()
    found = []
    for name in names:
        chosen, count = name, 1
        while chosen in seen or (count > 1 and chosen in taken):
            count += 1
            chosen = f"{name}@{count}"
        seen.add(chosen)
        found.append(chosen)
    return found


def job_names(names: Sequence[str]) -> list[str]:
    """Return for each test name a job name; no two are equal.

    A character that a job name cannot have becomes ``_``. Where two would be the same, the one that says it as it is
    keeps it, and the others get ``@2``, ``@3``… in their order.
    """
    wanted = [_valid(name) for name in names]
    taken: dict[str, int] = {}
    for number, (name, valid) in enumerate(zip(names, wanted, strict=True)):
        if name == valid:
            taken.setdefault(valid, number)
    found = []
    for number, valid in enumerate(wanted):
        chosen, count = valid, 1
        while taken.setdefault(chosen, number) != number:
            count += 1
            chosen = f"{valid}@{count}"
        found.append(chosen)
    return found


def _valid(name: str) -> str:
    parts = _UNFIT.sub("_", name).split("/")
    return "/".join(part if part not in {"", ".", ".."} else "_" * max(1, len(part)) for part in parts)
