"""Finders of other packages (plug-ins), and `drafts_from_entries`, which makes writing one easy."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from canary_wf.discovery.draft import Draft
from canary_wf.discovery.job_files.expand import expand_entries
from canary_wf.discovery.kinds import FINDERS, Finder
from canary_wf.discovery.options import DiscoveryOptions, Timeouts
from canary_wf.discovery.walk import FoundFile
from canary_wf.files.documents import Document
from canary_wf.plugins import load_plugins, plugin_error, plugin_errors

GROUP = "canary_wf.finders"


def drafts_from_entries(file: FoundFile, entries: Sequence[dict[str, Any]], options: DiscoveryOptions) -> list[Draft]:
    """Return the jobs of `file` that `entries` describe. Each entry has the keys of an entry of `jobs` in a job file.

    Raises InputError with the file and the key path, such as ``jobs[2].cpus``, for an invalid entry.
    """
    loaded = Document(file.file, "", {"jobs": list(entries)}, None)
    return expand_entries(file, loaded, options, Timeouts(options.timeouts))


@cache
def all_finders() -> tuple[Finder, ...]:
    """Return the finders of this package, then plug-ins by name. The first finder that claims a file reads it."""
    plugged = load_plugins(GROUP)
    return (*FINDERS, *(PluggedFinder(name, found) for name, found in plugged.items()))


class PluggedFinder:
    """A wrapper of a plug-in's finder, which checks what the finder returns."""

    def __init__(self, name: str, found: Any) -> None:  # noqa: ANN401 - what another package registered
        self.name = name
        with plugin_errors(GROUP, name):
            self._finder: Finder = found() if isinstance(found, type) else found

    def claims(self, name: str) -> bool:
        """Return whether the plug-in reads files of this name."""
        with plugin_errors(GROUP, self.name):
            return bool(self._finder.claims(name))

    def drafts(self, files: Sequence[FoundFile], options: DiscoveryOptions) -> Iterable[list[Draft]]:
        """Return the drafts of the plug-in. Raises an error about the plug-in if they are malformed."""
        with plugin_errors(GROUP, self.name):
            found = [list(drafts) for drafts in self._finder.drafts(files, options)]
            every: list[object] = [draft for drafts in found for draft in drafts]
        if len(found) != len(files):
            what = f"gave {len(found)} lists of jobs for {len(files)} files"
            raise plugin_error(GROUP, self.name, what, "drafts must give one list for each file")
        for each in every:
            if not isinstance(each, Draft):
                hint = "make drafts with canary_wf.discovery.plugged.drafts_from_entries"
                raise plugin_error(GROUP, self.name, f"gave a {type(each).__name__} instead of a Draft", hint)
        return found
