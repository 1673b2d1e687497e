"""Suggests commands for a word that is none: one with nearly the same letters, or one that does what the word means."""

from collections.abc import Collection

MEANINGS = {
    "archive": ("report",),
    "artifacts": ("show",),
    "build": ("generate",),
    "cat": ("log",),
    "check": ("find", "plan"),
    "clean": ("gc",),
    "collect": ("find",),
    "compare": ("diff",),
    "delete": ("gc",),
    "discover": ("find",),
    "durations": ("history",),
    "execute": ("run",),
    "explain": ("plan",),
    "export": ("report", "history"),
    "follow": ("log", "status"),
    "html": ("report",),
    "info": ("show", "status"),
    "job": ("show",),
    "jobs": ("find", "status"),
    "junit": ("report",),
    "kill": ("cancel",),
    "list": ("find", "status"),
    "ls": ("find", "status"),
    "output": ("log",),
    "path": ("location",),
    "prune": ("gc",),
    "ps": ("status",),
    "query": ("show",),
    "queue": ("status",),
    "remove": ("gc",),
    "resources": ("pool",),
    "restart": ("rerun",),
    "results": ("status", "report"),
    "resume": ("run",),
    "retry": ("rerun",),
    "select": ("find",),
    "start": ("run",),
    "stop": ("cancel",),
    "submit": ("run", "generate"),
    "summary": ("status",),
    "tail": ("log",),
    "test": ("run",),
    "times": ("history",),
    "top": ("status",),
    "tree": ("describe", "find"),
    "watch": ("status",),
    "where": ("location",),
}
"""What other programs call what a command here does."""

_NEAR = 0.6


def suggested(word: str, commands: Collection[str]) -> list[str]:
    """Return those of `commands` that the user may have meant by `word`, the likeliest first, three at most."""
    from difflib import get_close_matches

    meant = [name for name in MEANINGS.get(word.lower(), ()) if name in commands]
    return meant or get_close_matches(word.lower(), commands, cutoff=_NEAR)
