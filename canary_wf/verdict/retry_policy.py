"""Retry policies: how often a job is retried after which class of failure (``-b retry=``).

A policy maps classes to numbers of retries, such as ``{"timeout": 1, "any": 2}``. A run that did not pass counts for
its class if the policy names it, else for ``any``. The job is retried while this count does not exceed the policy's
number. A job that a person or the machine ended, or that was never started because of another job, is not retried.
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
"""The largest number of retries."""

RetryPolicy = Mapping[str, int]

_OPTION = "-b retry"


def parse_retry(text: str) -> dict[str, int]:
    """Parse a policy ``CLASS:N[,CLASS:N...]`` with classes in any case. Raises UsageError."""
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
    """Return whether a job is retried after earlier runs of the classes `ended` and a last run of the class `now`."""
    if now not in RETRIED:
        return False
    key = now if now in policy else ANY
    used = sum((name if name in policy else ANY) == key for name in ended)
    return used < policy.get(key, 0)


def timeouts(policy: RetryPolicy) -> int:
    """Return how often a job is retried after it reached its time limit."""
    return policy.get(FailureClass.TIMEOUT, policy.get(ANY, 0))


def others(policy: RetryPolicy) -> int:
    """Return the largest number of retries of a job after runs that ended by themselves."""
    named = [policy[name] for name in RETRIED if name in policy and name is not FailureClass.TIMEOUT]
    unnamed = len(named) < len(RETRIED) - 1
    return sum(named) + (policy.get(ANY, 0) if unnamed else 0)
