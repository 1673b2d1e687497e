"""Makes valid and distinct job names for the tests of one build tree, which may have any name.

The id of a job is made from its family. The family is the test's own name, so other tests cannot change the id.
"""

import re
from collections.abc import Sequence

_UNFIT = re.compile(r"[^\w.=+@,/-]")


def families(names: Sequence[str]) -> list[str]:
    """Return `names` made distinct: later tests of the same name get ``@2``, ``@3``….

    CTest has such tests if folders of a project are independent of each other.
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
    """Return a distinct job name for each test name.

    A character that is not allowed in a job name becomes ``_``. If two names are then equal, an unchanged one keeps the
    name, and the others get ``@2``, ``@3``… in their order.
    """
    valid_names = [_valid(name) for name in names]
    taken: dict[str, int] = {}
    for number, (name, valid) in enumerate(zip(names, valid_names, strict=True)):
        if name == valid:
            taken.setdefault(valid, number)
    found = []
    for number, valid in enumerate(valid_names):
        chosen, count = valid, 1
        while taken.setdefault(chosen, number) != number:
            count += 1
            chosen = f"{valid}@{count}"
        found.append(chosen)
    return found


def _valid(name: str) -> str:
    parts = _UNFIT.sub("_", name).split("/")
    return "/".join(part if part not in {"", ".", ".."} else "_" * max(1, len(part)) for part in parts)
