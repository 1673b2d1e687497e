"""What was measured of a run, by name: seconds, MiB, counts, or whatever a job adds of its own."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Measurements:
    """Named values; those of canary-wf itself are ``duration``, ``cpu_user``, ``cpu_system`` (s), ``max_rss`` (MiB)."""

    data: dict[str, Any] = field(default_factory=dict)

    def add_measurement(self, name: str, value: Any) -> None:  # noqa: ANN401 - any value that JSON can hold
        """Note `value` under `name`, replacing what was there."""
        self.data[name] = value

    def update(self, m: "dict[str, Any] | Measurements") -> None:
        """Take over all values of `m`."""
        self.data.update(m.data if isinstance(m, Measurements) else m)

    def reset(self) -> None:
        """Forget everything."""
        self.data.clear()

    def items(self) -> Generator[tuple[str, Any], None, None]:
        """Yield each name with its value."""
        yield from self.data.items()
