"""Lists the tests of a build tree by `ctest --show-only=json-v1` (format: ctest(1), "Show as JSON").

The listing omits tests that are not available in the chosen configuration; `ctest -N` lists their names. The listing
does not name missing programs of tests either; `ctest -N -VV` does. `configurations_of` finds the configurations that a
build tree has: generators for several configurations store them in CMakeCache.txt and compare with ``^([Dd][Ee]…)$`` in
the test files, and modules that list tests by a program include a file with the configuration in its name.
"""

import glob
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.discovery.ctest.query import ask
from canary_wf.errors import InputError
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain

_OLDEST = (3, 14)
_NAME_LINE = re.compile(r"^ *Test *#\d+: (.*)$", re.MULTILINE)
_HIDDEN = b"NOT_AVAILABLE"
_NOT_FOUND = "Could not find executable "

_versions: dict[str, str] = {}


class ListedProperty(msgspec.Struct, frozen=True):
    """One property of a test, as ctest lists it."""

    name: str
    value: Any = None


class ListedTest(msgspec.Struct, frozen=True):
    """One test as ctest lists it. If ctest did not find its program, there is no command and `missing` names it.

    `place` is the file and line that added the test, if ctest knows them. `backtrace` is ctest's index of that place.
    """

    name: str
    command: tuple[str, ...] = ()
    missing: str = ""
    properties: tuple[ListedProperty, ...] = ()
    unavailable: bool = False
    backtrace: int | None = None
    place: str | None = None

    def values(self) -> dict[str, Any]:
        """Return the properties by name."""
        return {each.name: each.value for each in self.properties}


class _Node(msgspec.Struct, frozen=True):
    file: int
    line: int | None = None


class _Graph(msgspec.Struct, frozen=True):
    """The locations in files where tests were added."""

    files: tuple[str, ...] = ()
    nodes: tuple[_Node, ...] = ()

    def place(self, number: int | None) -> str | None:
        """Return file and line of the location with this index."""
        if number is None or not 0 <= number < len(self.nodes):
            return None
        node = self.nodes[number]
        known = node.line is not None and 0 <= node.file < len(self.files)
        return f"{self.files[node.file]}:{node.line}" if known else None


class _Listing(msgspec.Struct, frozen=True, rename={"graph": "backtraceGraph"}):
    tests: tuple[ListedTest, ...]
    graph: _Graph = _Graph()


def list_tests(file: Path, nested: Sequence[str], configuration: str | None) -> list[ListedTest]:
    """Return the tests of the build tree of `file`, in CTest's order. `nested` are all test files in the tree.

    Raises InputError if ctest is missing, fails, takes too long or gives a malformed answer, and if the tree has
    several configurations and none was chosen.
    """
    choice = [] if configuration is None else ["-C", configuration]
    program = ctest_program(file)
    tests = list(_parse(_listed([program, "--show-only=json-v1", *choice], file), file))
    if not all(test.command for test in tests):
        programs = missing_programs(_listed([program, "-N", "-VV", *choice], file))
        tests = [test if test.command else _without_program(test, programs) for test in tests]
    if any(_HIDDEN in _content(each) for each in nested):
        if configuration is None and (known := cache_value(file, "CMAKE_CONFIGURATION_TYPES")):
            hint = "choose one with --ctest-config"
            raise InputError(f"belongs to a build tree with several configurations ({known})", where=file, hint=hint)
        names = Counter(_NAME_LINE.findall(_listed([program, "-N", *choice], file).decode(errors="replace")))
        missing = names - Counter(test.name for test in tests) - Counter(f"{test.name} (Disabled)" for test in tests)
        tests += [ListedTest(name, unavailable=True) for name in missing.elements()]
    return tests


def list_commands(file: Path, configuration: str | None) -> dict[str, list[tuple[str, ...]]]:
    """Return the commands of the tests of the build tree of `file` by name. Tests with missing programs have none.

    Raises InputError as `list_tests` does.
    """
    choice = [] if configuration is None else ["-C", configuration]
    answer = _listed([ctest_program(file), "--show-only=json-v1", *choice], file)
    found: dict[str, list[tuple[str, ...]]] = {}
    for test in _parse(answer, file):
        found.setdefault(test.name, []).append(test.command)
    return found


def missing_programs(answer: bytes) -> dict[str, list[str]]:
    """Return by test name the programs that ``ctest -N -VV`` did not find. Several tests may have the same name."""
    found: dict[str, list[str]] = {}
    program = ""
    for line in answer.decode(errors="replace").splitlines():
        if line.startswith(_NOT_FOUND):
            program = line.removeprefix(_NOT_FOUND).strip()
        elif (test := _NAME_LINE.match(line)) is not None:
            if program:
                found.setdefault(test.group(1), []).append(program)
            program = ""
    return found


def _without_program(test: ListedTest, programs: Mapping[str, list[str]]) -> ListedTest:
    disabled = f"{test.name} (Disabled)"
    named = programs.get(test.name) or programs.get(disabled)
    return msgspec.structs.replace(test, missing=named.pop(0) if named else test.name)


def _content(file: Path | str) -> bytes:
    return read_plain(file, follow=True, most=LARGEST_INPUT)


def cache_value(file: Path, name: str) -> str:
    """Return the value of `name` in the CMake cache of the build tree of `file`, or an empty text."""
    try:
        text = _content(file.with_name("CMakeCache.txt")).decode(errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{re.escape(name)}:\w+=(.*)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def ctest_program(file: Path) -> str:
    """Return the ctest on PATH, or else the one of the cmake that made the build tree."""
    found = shutil.which("ctest") or shutil.which(cache_value(file, "CMAKE_CTEST_COMMAND") or "ctest")
    if found is None:
        hint = "install CMake, which brings it (apt install cmake, or pip install cmake)"
        raise InputError("a build tree of CMake needs ctest, which is not installed", where=file, hint=hint)
    version = version_of(found, file)
    if version and tuple(map(int, version.split(".")[:2])) < _OLDEST:
        # An older version would run the tests instead of listing them.
        raise InputError(f"needs ctest 3.14 or later, {found} is {version}", where=file, hint="install a newer CMake")
    return found


def version_of(program: str, file: Path) -> str:
    """Return the version that `program` reports, or an empty text. Raises InputError as `ask` does."""
    if program not in _versions:
        found = re.search(rb"version (\d+\.\d+\S*)", ask([program, "--version"], file).output)
        _versions[program] = found.group(1).decode() if found else ""
    return _versions[program]


def _listed(command: Sequence[str], file: Path) -> bytes:
    answer = ask(command, file)
    if answer.code:
        stderr = (
            answer.stderr or ask([command[0], "-N", *command[2:]], file).stderr
        )  # a listing in JSON may keep silent
        what = f"ctest could not list the tests (exit code {answer.code}): {stderr[:300]}"
        raise InputError(what, where=file)
    return answer.output


def _parse(answer: bytes, file: Path) -> tuple[ListedTest, ...]:
    # Output of a CTestTestfile.cmake comes before the JSON.
    text = answer.decode(errors="replace")
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    try:
        found = msgspec.json.decode(text[start:], type=_Listing)
    except msgspec.DecodeError as error:
        hint = "is it ctest 3.14 or later?"
        raise InputError(f"ctest did not answer with a list of tests ({error})", where=file, hint=hint) from None
    return tuple(msgspec.structs.replace(test, place=found.graph.place(test.backtrace)) for test in found.tests)


_USUAL = {name.casefold(): name for name in ("Debug", "Release", "RelWithDebInfo", "MinSizeRel")}
_COMPARED = re.compile(r"\^\(((?:\[\w\w\])+)\)\$")
_NAMED = re.compile(r'"([^"\n]*\$\{CTEST_CONFIGURATION_TYPE\}[^"\n]*)"')


def configurations_of(file: Path, nested: Sequence[str]) -> list[str]:
    """Return the configurations that the build tree of `file` with the test files `nested` seems to have."""
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
    """Return the configurations in the names of existing files that match `pattern`."""
    before, after = pattern.replace("${CMAKE_CURRENT_LIST_DIR}", str(folder)).split("${CTEST_CONFIGURATION_TYPE}")[:2]
    if "${" in before or "${" in after or "/" in after:
        return []
    start = str(folder / before)
    files = glob.glob(f"{glob.escape(start)}*{glob.escape(after)}")  # noqa: PTH207 - a pattern with a whole path
    return sorted(name for each in files if (name := each[len(start) : len(each) - len(after)]))


def advice(file: Path, nested: Sequence[str], chosen: str | None) -> str | None:
    """Return a hint which configuration to use instead of `chosen`, or None if the tree has no other."""
    known = [name for name in configurations_of(file, nested) if name != chosen]
    if not known:
        return None
    alike = [name for name in known if chosen is not None and name.casefold() == chosen.casefold()]
    if alike:
        return f"did you mean --ctest-config {alike[0]}?"
    return f"choose a configuration with --ctest-config ({', '.join(known)})"
