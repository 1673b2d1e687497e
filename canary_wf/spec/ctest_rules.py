"""What only tests of CTest have: how their environment is changed, what must be there, and how they are judged.

Facts: CMake's manual, "Properties on Tests". Field names follow the properties.
"""

import msgspec

DISABLED = "disabled (the property DISABLED)"
"""Why a test is masked that CTest itself would not run."""


NOT_BUILT = "_NOT_BUILT"
"""How the test ends that CMake puts in the place of those that a program lists which is not built."""

OTHERWISE = "or choose its configuration with --ctest-config"


class ResourceItem(msgspec.Struct, frozen=True):
    """So many `slots` of one id of the resource `type`."""

    type: str
    slots: int


class CTestRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The properties of one test that take effect when it runs.

    `environment_modification` are ``NAME=op:value`` entries in order, `required_files` paths relative to where the
    test runs. The regular expressions are CMake's. `skip_return_code` is None when no exit code means a skip.
    `allocates` says whether there is a specification of resources, of which tests without groups are told, too.
    """

    environment_modification: tuple[str, ...] = ()
    required_files: tuple[str, ...] = ()
    processor_affinity: bool = False
    allocates: bool = False
    specification: str | None = None
    """The file that another test generates and the ids of the groups are from (absolute)."""

    will_fail: bool = False
    pass_regular_expression: tuple[str, ...] = ()
    fail_regular_expression: tuple[str, ...] = ()
    skip_regular_expression: tuple[str, ...] = ()
    skip_return_code: int | None = None
    unavailable: str | None = None
    """Why the test has no command."""

    missing: str | None = None
    """The program that was not there when the jobs were generated, as ctest names it."""

    configuration: str | None = None
    """What the build tree is asked for when the program is looked for again."""
