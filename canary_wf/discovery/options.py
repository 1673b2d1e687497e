"""What discovery is told from outside: the options of one `find`, `plan` or `generate`."""

from pathlib import Path

import msgspec

from canary_wf.discovery.reading_cache import ReadingCache


class DiscoveryOptions(msgspec.Struct, frozen=True):
    """The choices of one discovery.

    `options` are the names turned on by ``-o``; `keyword_expression` (``-k``), `parameter_expression` (``-p``),
    `owners`, `regex`, and what ``-R``, ``-E``, ``-L`` and ``-LE`` say of names and labels select jobs; `exclude` are
    folders and files not to be looked at; `timeouts` maps the types of ``--timeout TYPE=T`` to seconds or durations;
    `resource_types` are the types of the resource pool, which a
    parameter of that name sets. `alone` says that jobs of other files are not looked for: a dependency that matches
    no job is told in the result instead of being an error. `ctest_config` is the configuration of CMake's build trees
    that have several. `readings` is where readings of unchanged test files come from and where new ones are kept; None
    reads every file. `path` is that of a file that is given alone, as seen from the top of its tree; None is its name.
    """

    options: frozenset[str] = frozenset()
    keyword_expression: str | None = None
    parameter_expression: str | None = None
    owners: tuple[str, ...] = ()
    regex: str | None = None
    names_matching: str | None = None
    names_not_matching: str | None = None
    labels_matching: tuple[str, ...] = ()
    labels_not_matching: tuple[str, ...] = ()
    exclude: tuple[Path, ...] = ()
    timeouts: dict[str, float | str] = {}
    resource_types: frozenset[str] = frozenset()
    ctest_config: str | None = None
    alone: bool = False
    path: str | None = None
    readings: ReadingCache | None = None
