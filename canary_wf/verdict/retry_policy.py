"""Running jobs again that did not pass: how often after which class of failure, as ``-b retry=`` says it.

A policy maps classes to numbers of further runs, such as ``{"timeout": 1, "any": 2}``. Each run that did not pass
counts for its own class where the policy names that, else for ``any``; the job is run again while there are no more
of these than the policy's number. What ended by a person or by the machine, or was never started because of another
job, is not a matter of a policy.
"""

import re
from collections.abc import Iterable, Mapping

from canary_wf.errors import UsageError
from canary_wf.verdict.failure_class import FailureClass

ANY = "any"
RETRIED = (
    FailureClass.TIMEOUT,
    FailureClass.OOM,
    FailureClass.KILLED,
    FailureClass.FAILED,
    FailureClass.DIFFED,
    FailureClass.BROKEN,
)
"""The classes that a policy may name."""

MOST = 99
"""The largest number of further runs."""

RetryPolicy = Mapping[str, int]

_OPTION = "-b retry"


def parse_retry(text: str) -> dict[str, int]:
    """Return the policy that ``CLASS:N[,CLASS:N...]`` states, classes in any case. Raises UsageError."""
    known = (*RETRIED, ANY)
    policy: dict[str, int] = {}
    for part in text.split(","):
        name, colon, number = part.strip().partition(":")
        name = name.strip().lower()
        if not colon or name not in known:
            hint = f"write CLASS:N with one of {', '.join(known)}"
            raise UsageError(f"{part.strip()[:40]!r} is not understood", where=_OPTION, hint=hint)
        if name in policy:
            raise UsageError(f"{name} is given twice", where=_OPTION)
        policy[name] = _number(number.strip())
    return policy


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,2}", text):
        raise UsageError(f"{text[:20]!r} is not a whole number from 0 to {MOST}", where=_OPTION)
    return int(text)


def allows_another(policy: RetryPolicy, ended: Iterable[str], now: str) -> bool:
    """Return whether a job runs again whose earlier runs were of the classes `ended` and whose last is of `now`."""
    if now not in RETRIED:
        return False
    key = now if now in policy else ANY
    used = sum((name if name in policy else ANY) == key for name in ended)
    return used < policy.get(key, 0)


def timeouts(policy: RetryPolicy) -> int:
    """Return how often a job is run again after it ran into its time limit."""
    return policy.get(FailureClass.TIMEOUT, policy.get(ANY, 0))


def others(policy: RetryPolicy) -> int:
    """Return how often a job may be run again, at most, after runs that ended by themselves."""
    named = [policy[name] for name in RETRIED if name in policy and name is not FailureClass.TIMEOUT]
    unnamed = len(named) < len(RETRIED) - 1
    return sum(named) + (policy.get(ANY, 0) if unnamed else 0)
