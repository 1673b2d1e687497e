"""What `ctest --show-only=json-v1` says of a build tree, asked for and checked (format: ctest(1), "Show as JSON").

The listing leaves out tests that the chosen configuration does not have; where the tree has such ones, `ctest -N` is
asked for their names. It does not say either which program a test would run that is not there: `ctest -N -VV` does.
"""

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
    """One test as ctest lists it; without a command when ctest found no program, which `missing` names then.

    `place` is the file and the line that added the test, where ctest knows them: `backtrace` is its number for that.
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
    """Where tests were added: places in files."""

    files: tuple[str, ...] = ()
    nodes: tuple[_Node, ...] = ()

    def place(self, number: int | None) -> str | None:
        """Return file and line of the place with this number."""
        if number is None or not 0 <= number < len(self.nodes):
            return None
        node = self.nodes[number]
        known = node.line is not None and 0 <= node.file < len(self.files)
        return f"{self.files[node.file]}:{node.line}" if known else None


class _Listing(msgspec.Struct, frozen=True, rename={"graph": "backtraceGraph"}):
    tests: tuple[ListedTest, ...]
    graph: _Graph = _Graph()


def list_tests(file: Path, nested: Sequence[str], configuration: str | None) -> list[ListedTest]:
    """Return the tests of the build tree of `file`, in CTest's order; `nested` are all test files in the tree.

    Raises InputError when there is no ctest, when it fails, takes too long or answers something else than it should,
    and for a tree of several configurations of which none was chosen.
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
            raise InputError(f"is of a build tree for several configurations ({known})", where=file, hint=hint)
        names = Counter(_NAME_LINE.findall(_listed([program, "-N", *choice], file).decode(errors="replace")))
        missing = names - Counter(test.name for test in tests) - Counter(f"{test.name} (Disabled)" for test in tests)
        tests += [ListedTest(name, unavailable=True) for name in missing.elements()]
    return tests


def list_commands(file: Path, configuration: str | None) -> dict[str, list[tuple[str, ...]]]:
    """Return the commands of the tests of the build tree of `file` by name, those whose programs are there now.

    Raises InputError as `list_tests` does.
    """
    choice = [] if configuration is None else ["-C", configuration]
    answer = _listed([ctest_program(file), "--show-only=json-v1", *choice], file)
    found: dict[str, list[tuple[str, ...]]] = {}
    for test in _parse(answer, file):
        found.setdefault(test.name, []).append(test.command)
    return found


def missing_programs(answer: bytes) -> dict[str, list[str]]:
    """Return by test the programs that ctest, asked with ``-N -VV``, did not find; tests may have the same name."""
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
    """Return what the cache of the build tree of `file` says of `name`, empty when it says nothing."""
    try:
        text = _content(file.with_name("CMakeCache.txt")).decode(errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{re.escape(name)}:\w+=(.*)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def ctest_program(file: Path) -> str:
    """Return the ctest of PATH, or else the one that belongs to the cmake that made the build tree."""
    found = shutil.which("ctest") or shutil.which(cache_value(file, "CMAKE_CTEST_COMMAND") or "ctest")
    if found is None:
        hint = "install CMake, which brings it (apt install cmake, or pip install cmake)"
        raise InputError("a build tree of CMake needs ctest, which is not installed", where=file, hint=hint)
    version = version_of(found, file)
    if version and tuple(map(int, version.split(".")[:2])) < _OLDEST:
        # An older one would run the tests instead of listing them.
        raise InputError(f"needs ctest 3.14 or later, {found} is {version}", where=file, hint="install a newer CMake")
    return found


def version_of(program: str, file: Path) -> str:
    """Return the version of ctest that `program` says it is, empty when it says none. Raises InputError as `ask`."""
    if program not in _versions:
        found = re.search(rb"version (\d+\.\d+\S*)", ask([program, "--version"], file).output)
        _versions[program] = found.group(1).decode() if found else ""
    return _versions[program]


def _listed(command: Sequence[str], file: Path) -> bytes:
    answer = ask(command, file)
    if answer.code:
        said = answer.said or ask([command[0], "-N", *command[2:]], file).said  # a listing in JSON may keep silent
        what = f"ctest could not list the tests (exit code {answer.code}): {said[:300]}"
        raise InputError(what, where=file)
    return answer.output


def _parse(answer: bytes, file: Path) -> tuple[ListedTest, ...]:
    # What a CTestTestfile.cmake prints comes first.
    text = answer.decode(errors="replace")
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    try:
        found = msgspec.json.decode(text[start:], type=_Listing)
    except msgspec.DecodeError as error:
        hint = "is it ctest 3.14 or later?"
        raise InputError(f"ctest did not answer with a list of tests ({error})", where=file, hint=hint) from None
    return tuple(msgspec.structs.replace(test, place=found.graph.place(test.backtrace)) for test in found.tests)
