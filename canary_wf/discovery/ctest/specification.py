"""Finds the resource specification that a build tree names: the variable CTEST_RESOURCE_SPEC_FILE in its test files.

CMake writes the variable into the uppermost test file. ctest uses the value after reading all test files, and resolves
a relative path from the top of the tree. Its listing does not contain the variable. cmake therefore reads the files
here, and the commands that add tests are replaced by commands that do nothing.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from canary_wf.discovery.ctest.listing import ListedTest, cache_value, ctest_program
from canary_wf.discovery.ctest.query import ask

VARIABLE = "CTEST_RESOURCE_SPEC_FILE"
GENERATED = "GENERATED_RESOURCE_SPEC_FILE"

_MARK = b"canary-wf-specification:"
_SCRIPT = """\
macro(subdirs)
  foreach(canary_wf_folder ${ARGN})
    include("${CMAKE_CURRENT_LIST_DIR}/${canary_wf_folder}/CTestTestfile.cmake" OPTIONAL)
  endforeach()
endmacro()
macro(add_subdirectory)
  subdirs(${ARGV0})
endmacro()
function(add_test)
endfunction()
function(set_tests_properties)
endfunction()
include("${CANARY_WF_FILE}")
execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "canary-wf-specification:${CTEST_RESOURCE_SPEC_FILE}")
"""


def named_specification(file: Path, tests: Sequence[ListedTest], configuration: str | None) -> Path | None:
    """Return the file that the build tree of `file` names, or None if there is none or no test asks for resources.

    Raises InputError if cmake takes too long.
    """
    if not any("RESOURCE_GROUPS" in test.values() for test in tests):
        return None
    program = _cmake(file)
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "specification.cmake"
        script.write_text(_SCRIPT)
        values = [f"-DCANARY_WF_FILE={file}", f"-DCTEST_CONFIGURATION_TYPE={configuration or ''}"]
        answer = ask([program, *values, "-P", str(script)], file)
    named = answer.output.rpartition(_MARK)[2].strip().decode(errors="surrogateescape")
    return file.parent / named if named and _MARK in answer.output else None


def _cmake(file: Path) -> str | None:
    """Return the cmake beside the ctest in use, or else another cmake."""
    beside = Path(ctest_program(file)).with_name("cmake")
    candidates = (str(beside), cache_value(file, "CMAKE_COMMAND"), "cmake")
    return next((found for each in candidates if each and (found := shutil.which(each))), None)


def generated_specifications(file: Path, properties: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return for each test the file with the ids of its resource groups if another test of the tree generates it.

    Source: ctest(1), "Dynamically-Generated Resource Specification File": the test that has the property sets up one
    fixture, and the tests that ask for resources require it.
    """
    made = {
        fixture: str(file.parent / str(each[GENERATED]))
        for each in properties
        if each.get(GENERATED) and not each.get("DISABLED")
        for fixture in each.get("FIXTURES_SETUP", ())
    }
    return [
        next((made[name] for name in each.get("FIXTURES_REQUIRED", ()) if name in made), None)
        if each.get("RESOURCE_GROUPS")
        else None
        for each in properties
    ]
