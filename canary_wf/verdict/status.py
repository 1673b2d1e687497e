"""The phase of a job and the verdict on it: category, outcome, code and reason, and which verdicts are final.

Values and groups: docs/reference/contract.md, "States", and docs/reference/peers.md, "Verdicts".
"""

from enum import Enum, IntEnum, StrEnum
from typing import Self, TypeVar

import msgspec

from canary_wf.errors import InputError

E = TypeVar("E", bound=Enum)


class Category(StrEnum):
    """The groups of outcomes that counts and the gate use."""

    PASS = "PASS"
    FAIL = "FAIL"
    CANCEL = "CANCEL"
    SKIP = "SKIP"
    NONE = "NONE"


FAILED = frozenset({Category.FAIL, Category.CANCEL})
"""The categories that the gate, `status` and `report` count as failed."""


class Outcome(IntEnum):
    """How a job ended. The value is the outcome's own code."""

    NONE = -1
    SUCCESS = 0
    XDIFF = 10
    XFAIL = 11
    DIFFED = 64
    FAILED = 65
    ERROR = 66
    BROKEN = 67
    TIMEOUT = 68
    INVALID = 69
    CANCELLED = 70
    INTERRUPTED = 71
    SKIPPED = 80
    BLOCKED = 81

    @property
    def category(self) -> Category:
        """The group this outcome belongs to."""
        return _CATEGORY[self]


_CATEGORY = {
    Outcome.NONE: Category.NONE,
    **dict.fromkeys((Outcome.SUCCESS, Outcome.XDIFF, Outcome.XFAIL), Category.PASS),
    **dict.fromkeys(
        (Outcome.DIFFED, Outcome.FAILED, Outcome.ERROR, Outcome.BROKEN, Outcome.TIMEOUT, Outcome.INVALID), Category.FAIL
    ),
    **dict.fromkeys((Outcome.CANCELLED, Outcome.INTERRUPTED), Category.CANCEL),
    **dict.fromkeys((Outcome.SKIPPED, Outcome.BLOCKED), Category.SKIP),
}

_DEFAULT_OUTCOME = {
    Category.PASS: Outcome.SUCCESS,
    Category.FAIL: Outcome.FAILED,
    Category.CANCEL: Outcome.CANCELLED,
    Category.SKIP: Outcome.SKIPPED,
    Category.NONE: Outcome.NONE,
}


class Status(msgspec.Struct, frozen=True):
    """One verdict. `code` is the process's exit code if there was one, else the outcome's own code."""

    outcome: Outcome = Outcome.NONE
    reason: str | None = None
    code: int = Outcome.NONE

    @property
    def category(self) -> Category:
        """The group of the outcome."""
        return _CATEGORY[self.outcome]

    @property
    def label(self) -> str:
        """The verdict in one or two words for tables: the category, and the outcome where it says more than that."""
        category = self.category
        return category.value if self.outcome is _DEFAULT_OUTCOME[category] else f"{category.value} {self.outcome.name}"

    @classmethod
    def of(cls, outcome: Outcome, reason: str | None = None, code: int | None = None) -> Self:
        """Return the status of `outcome`, with the outcome's own code unless `code` is given."""
        return cls(outcome, reason, int(outcome) if code is None else code)

    @classmethod
    def named(
        cls, category: str | None = None, outcome: str | None = None, reason: str | None = None, code: int = -1
    ) -> Self:
        """Return the status from names. A category alone means its default outcome, a code of -1 the outcome's own.

        Raises InputError for an unknown name, and if outcome and category contradict each other.
        """
        group = None if category is None else _member(Category, category)
        if outcome is None:
            found = Outcome.NONE if group is None else _DEFAULT_OUTCOME[group]
        else:
            found = _member(Outcome, outcome)
            if group is not None and found.category is not group:
                raise InputError(f"outcome {found.name} implies category {found.category.value}, not {group.value}")
        return cls.of(found, reason, None if code == -1 else code)

    def changed(self, category: str | None, outcome: str | None, reason: str | None, code: int) -> "Status":
        """Return the status of these names (see `named`). Without names, return this one with `reason` or `code`."""
        if category is not None or outcome is not None:
            return Status.named(category, outcome, reason, code)
        return Status(self.outcome, self.reason if reason is None else reason, self.code if code == -1 else code)

    @property
    def is_pass(self) -> bool:
        """Whether the job did what was expected of it."""
        return self.category is Category.PASS

    @property
    def counts_as_failed(self) -> bool:
        """Whether the gate, `status` and `report` count this as failed."""
        return self.category in FAILED

    @property
    def is_final(self) -> bool:
        """Whether the next run does not run this job again. BLOCKED is final only behind a final upstream."""
        return self.category in {Category.PASS, Category.FAIL, Category.SKIP} or self.outcome is Outcome.CANCELLED


def _member(enum_type: type[E], name: str) -> E:
    try:
        return enum_type[name.upper()]
    except KeyError:
        raise InputError(
            f"{name!r} is not one of {', '.join(enum_type.__members__)}", where=enum_type.__name__.lower()
        ) from None


UNKNOWN = Status()


class JobPhase(str, Enum):  # noqa: UP042 - canary's API has these bases
    """The phases of a job, in the order in which a job goes through them."""

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    DONE = "DONE"
