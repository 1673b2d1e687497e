"""What discovery is told from outside: the options of one `find`, `plan` or `generate`."""

from pathlib import Path

import msgspec


class DiscoveryOptions(msgspec.Struct, frozen=True):
    """The choices of one discovery.

    `options` are the names turned on by ``-o``; `keyword_expression` (``-k``), `parameter_expression` (``-p``),
    `owners` and `regex` select jobs; `exclude` are folders not to be searched; `timeouts` maps the types of
    ``--timeout TYPE=T`` to seconds or durations; `resource_types` are the types of the resource pool, which a
    parameter of that name sets.
    """

    options: frozenset[str] = frozenset()
    keyword_expression: str | None = None
    parameter_expression: str | None = None
    owners: tuple[str, ...] = ()
    regex: str | None = None
    exclude: tuple[Path, ...] = ()
    timeouts: dict[str, float | str] = {}
    resource_types: frozenset[str] = frozenset()
