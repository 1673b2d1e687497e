"""The answer to "could this ever run here?": yes, or no with the reason."""


class Outcome:
    """Yes or no, and why.

    With `ok` not given, a reason means no and its absence yes. `Outcome(False)` is a no even without a reason.
    """

    __slots__ = ("ok", "reason")

    def __init__(self, ok: bool | None = None, reason: str | None = None) -> None:
        self.ok: bool = not reason if ok is None else bool(ok)
        self.reason: str | None = reason

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"Outcome(ok={self.ok!r}, reason={self.reason!r})"
