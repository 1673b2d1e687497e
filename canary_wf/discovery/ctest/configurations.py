"""Which configurations a build tree has tests for, to say what `--ctest-config` may be.

Facts: generators of several configurations keep them in CMakeCache.txt and compare with ``^([Dd][Ee]…)$`` in the test
files; modules that list tests by a program include a file with the configuration in its name.
"""

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from canary_wf.discovery.ctest.listing import cache_value
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain

_USUAL = {name.casefold(): name for name in ("Debug", "Release", "RelWithDebInfo", "MinSizeRel")}
_COMPARED = re.compile(r"\^\(((?:\[\w\w\])+)\)\$")
_NAMED = re.compile(r'"([^"\n]*\$\{CTEST_CONFIGURATION_TYPE\}[^"\n]*)"')


def configurations_of(file: Path, nested: Sequence[str]) -> list[str]:
    """Return the configurations that the build tree of `file`, with the test files `nested`, seems to have."""
    found = dict.fromkeys(filter(None, cache_value(file, "CMAKE_CONFIGURATION_TYPES").split(";")))
    for each in nested:
        text = read_plain(each, follow=True, most=LARGEST_INPUT).decode(errors="replace")
        for letters in _COMPARED.findall(text):
            name = letters[1::4]
            found.setdefault(_USUAL.get(name.casefold(), name))
        for pattern in dict.fromkeys(_NAMED.findall(text)):
            found.update(dict.fromkeys(_in_files(pattern, Path(each).parent)))
    return list(found)


def _in_files(pattern: str, folder: Path) -> list[str]:
    """Return what stands for the configuration in the names of files that are there."""
    before, after = pattern.replace("${CMAKE_CURRENT_LIST_DIR}", str(folder)).split("${CTEST_CONFIGURATION_TYPE}")[:2]
    if "${" in before or "${" in after or "/" in after:
        return []
    start = str(folder / before)
    files = glob.glob(f"{glob.escape(start)}*{glob.escape(after)}")  # noqa: PTH207 - a pattern with a whole path
    return sorted(name for each in files if (name := each[len(start) : len(each) - len(after)]))


def advice(file: Path, nested: Sequence[str], chosen: str | None) -> str | None:
    """Return what to write instead of the configuration `chosen`, None when the tree knows of no other."""
    known = [name for name in configurations_of(file, nested) if name != chosen]
    if not known:
        return None
    alike = [name for name in known if chosen is not None and name.casefold() == chosen.casefold()]
    if alike:
        return f"did you mean --ctest-config {alike[0]}?"
    return f"choose a configuration with --ctest-config ({', '.join(known)})"
