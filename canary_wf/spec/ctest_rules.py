"""The rules of CTest tests: changes of the environment, required files, and how the output is judged.

Source: CMake's manual, "Properties on Tests". Field names follow the properties.
"""

import msgspec

DISABLED = "disabled (the property DISABLED)"
"""The mask of a test that CTest itself would not run."""


NOT_BUILT = "_NOT_BUILT"
"""Ending of the name of the test that CMake puts in place of the tests of a program that is not built."""

OTHERWISE = "or choose its configuration with --ctest-config"


class ResourceItem(msgspec.Struct, frozen=True):
    """A number of `slots` of one id of the resource `type`."""

    type: str
    slots: int


class CTestRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The properties of one test that take effect when it runs.

    `environment_modification` are ``NAME=op:value`` entries in order. `required_files` are paths relative to the
    directory where the test runs. The regular expressions are CMake's. `skip_return_code` is None if no exit code means
    a skip. `allocates` says whether a resource specification exists; tests without groups are informed of that, too.
    """

    environment_modification: tuple[str, ...] = ()
    required_files: tuple[str, ...] = ()
    processor_affinity: bool = False
    allocates: bool = False
    specification: str | None = None
    """The file with the ids of the groups that another test generates (absolute)."""

    will_fail: bool = False
    pass_regular_expression: tuple[str, ...] = ()
    fail_regular_expression: tuple[str, ...] = ()
    skip_regular_expression: tuple[str, ...] = ()
    skip_return_code: int | None = None
    unavailable: str | None = None
    """Why the test has no command."""

    missing: str | None = None
    """The program that was missing when the jobs were generated, as ctest names it."""

    configuration: str | None = None
    """The configuration of the build tree with which the program is looked for again."""
