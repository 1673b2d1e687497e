"""Turns a test's listed properties into the rules by which it runs and is judged, and warns of unsupported ones."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary_wf.ctest.cmake_regex import compile_cmake
from canary_wf.ctest.environment_changes import parse_change
from canary_wf.discovery.ctest.listing import ListedTest
from canary_wf.errors import CanaryWfError
from canary_wf.spec.ctest_rules import NOT_BUILT, OTHERWISE, CTestRules, ResourceItem

_PATTERNS = ("PASS_REGULAR_EXPRESSION", "FAIL_REGULAR_EXPRESSION", "SKIP_REGULAR_EXPRESSION")

HONOURED = frozenset(
    {
        *_PATTERNS,
        "COST",
        "DEPENDS",
        "DISABLED",
        "ENVIRONMENT",
        "ENVIRONMENT_MODIFICATION",
        "FIXTURES_CLEANUP",
        "FIXTURES_REQUIRED",
        "FIXTURES_SETUP",
        "GENERATED_RESOURCE_SPEC_FILE",
        "LABELS",
        "PROCESSORS",
        "PROCESSOR_AFFINITY",
        "REQUIRED_FILES",
        "RESOURCE_GROUPS",
        "RESOURCE_LOCK",
        "RUN_SERIAL",
        "SKIP_RETURN_CODE",
        "TIMEOUT",
        "WILL_FAIL",
        "WORKING_DIRECTORY",
    }
)
RECORDED = ("ATTACHED_FILES", "ATTACHED_FILES_ON_FAIL", "MEASUREMENT")
"""Properties that CTest only passes to a dashboard. They become attributes of the job."""


UNAVAILABLE = "the test is not available in this configuration; choose another one with --ctest-config"


def rules_of(test: ListedTest, configuration: str | None) -> CTestRules:
    """Return the rules of `test` in a build tree that was listed with `configuration`."""
    values = test.values()
    changes = [f"{name}=unset:" for name in values.get("ENVIRONMENT", ()) if "=" not in name]
    return CTestRules(
        environment_modification=(*changes, *values.get("ENVIRONMENT_MODIFICATION", ())),
        required_files=tuple(values.get("REQUIRED_FILES", ())),
        processor_affinity=bool(values.get("PROCESSOR_AFFINITY")),
        will_fail=bool(values.get("WILL_FAIL")),
        pass_regular_expression=tuple(values.get("PASS_REGULAR_EXPRESSION", ())),
        fail_regular_expression=tuple(values.get("FAIL_REGULAR_EXPRESSION", ())),
        skip_regular_expression=tuple(values.get("SKIP_REGULAR_EXPRESSION", ())),
        skip_return_code=values.get("SKIP_RETURN_CODE"),
        unavailable=UNAVAILABLE if test.unavailable else None,
        missing=test.missing or None,
        configuration=configuration if test.missing else None,
    )


def environment_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that ENVIRONMENT sets."""
    pairs = (entry.partition("=") for entry in values.get("ENVIRONMENT", ()))
    return {name: value for name, equals, value in pairs if equals and name}


def groups_of(values: Mapping[str, Any]) -> tuple[tuple[ResourceItem, ...], ...]:
    """Return the resource groups, each with its items."""
    return tuple(
        tuple(ResourceItem(each[".type"], max(0, int(each["slots"]))) for each in group["requirements"])
        for group in values.get("RESOURCE_GROUPS", ())
    )


def warnings_of(test: ListedTest, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield warnings about a missing program and about properties without effect. Many tests share the same text."""
    yield from _absence(test)
    for name in sorted(set(values).difference(HONOURED, RECORDED)):
        yield f"{name} has no effect here"
    if values.get("TIMEOUT") == 0:
        yield "TIMEOUT 0, which means no limit, is replaced by 24 hours"
    for name in _PATTERNS:
        for pattern in values.get(name, ()):
            try:
                compile_cmake(pattern)
            except CanaryWfError as error:
                yield f"{name}: {error.what}, so it never matches"
    for change in values.get("ENVIRONMENT_MODIFICATION", ()):
        try:
            parse_change(change)
        except CanaryWfError as error:
            yield f"ENVIRONMENT_MODIFICATION: {error.what}, so the test will not be run"


def _absence(test: ListedTest) -> Iterator[str]:
    if test.unavailable:
        yield UNAVAILABLE
    elif test.missing.endswith(NOT_BUILT):
        yield f"it stands for tests of a program that is not built: build the project, {OTHERWISE}, and generate again"
    elif test.missing:
        yield f"the program is missing; it is looked for again when the test starts: build the project, {OTHERWISE}"
