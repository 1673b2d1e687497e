"""The interface of a finder, which reads one type of test file, and the finders of this package."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from canary_wf.discovery.draft import Draft
from canary_wf.discovery.options import DiscoveryOptions
from canary_wf.discovery.walk import FoundFile
from canary_wf.errors import InputError, MistakeList


class Finder(Protocol):
    """Reads test files of one type."""

    def claims(self, name: str) -> bool:
        """Return whether this finder reads files of this name."""

    def drafts(self, files: Sequence[FoundFile], options: DiscoveryOptions) -> Iterable[list[Draft]]:
        """Return the jobs of each of `files`, in the same order. Raises InputError or MistakesError."""


class PytFinder:
    """Finder of test files in Python."""

    def claims(self, name: str) -> bool:
        """Return whether this is a ``*.pyt`` file."""
        return name.endswith(".pyt")

    def drafts(self, files: Sequence[FoundFile], options: DiscoveryOptions) -> Iterable[list[Draft]]:
        """Execute the files in worker processes and expand their directives."""
        from canary_wf.discovery.options import Timeouts
        from canary_wf.discovery.pyt.collect import read_files
        from canary_wf.discovery.pyt.expand import expand

        timeouts = Timeouts(options.timeouts)
        readings = read_files([file.file for file in files], cache=options.readings)
        found, mistakes = [], MistakeList()
        for file, reading in zip(files, readings, strict=True):
            with mistakes.collecting():
                if isinstance(reading, InputError):
                    raise reading
                if reading is not None:  # else others are the reason, and are reported
                    found.append(expand(file, reading, options, timeouts))
        mistakes.raise_any()
        return found


class JobFileFinder:
    """Finder of job files: ``*.jobs.yaml``, ``*.jobs.yml`` and ``*.jobs.json``."""

    def claims(self, name: str) -> bool:
        """Return whether this is a job file."""
        return name.endswith((".jobs.yaml", ".jobs.yml", ".jobs.json"))

    def drafts(self, files: Sequence[FoundFile], options: DiscoveryOptions) -> Iterable[list[Draft]]:
        """Check the files against their schema and expand their parameters."""
        from canary_wf.discovery.job_files.expand import expand_job_file
        from canary_wf.discovery.options import Timeouts

        timeouts = Timeouts(options.timeouts)
        found, mistakes = [], MistakeList()
        for file in files:
            with mistakes.collecting():
                found.append(expand_job_file(file, options, timeouts))
        mistakes.raise_any()
        return found


class CTestFinder:
    """Finder of CMake build trees, by their ``CTestTestfile.cmake``."""

    def claims(self, name: str) -> bool:
        """Return whether this is a CTest test file."""
        return name == "CTestTestfile.cmake" or name.endswith("/CTestTestfile.cmake")

    def drafts(self, files: Sequence[FoundFile], options: DiscoveryOptions) -> Iterable[list[Draft]]:
        """Call ctest once for each build tree and return its tests."""
        from canary_wf.discovery.ctest.expand import expand_trees
        from canary_wf.discovery.options import Timeouts

        return expand_trees(files, options, Timeouts(options.timeouts))


FINDERS: tuple[Finder, ...] = (PytFinder(), JobFileFinder(), CTestFinder())
