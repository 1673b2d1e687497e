"""Turns the listed tests of one build tree into jobs, with valid and distinct names: a test may have any name."""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from canary_wf.discovery.ctest.listing import ListedTest, advice, ctest_program, list_tests, version_of
from canary_wf.discovery.ctest.order import companions, fixtures_of, upstreams
from canary_wf.discovery.ctest.query import NoAnswerError
from canary_wf.discovery.ctest.rules import RECORDED, environment_of, groups_of, rules_of, warnings_of
from canary_wf.discovery.ctest.specification import generated_specifications, named_specification
from canary_wf.discovery.ctest.times import Times
from canary_wf.discovery.draft import DependencyRequest, Draft
from canary_wf.discovery.options import DiscoveryOptions, Timeouts
from canary_wf.discovery.walk import FoundFile
from canary_wf.errors import InputError, MistakeList
from canary_wf.spec.ctest_rules import DISABLED
from canary_wf.spec.identity import job_id
from canary_wf.spec.job_spec import JobSpec

_UNFIT = re.compile(r"[^\w.=+@,/-]")


def expand_trees(files: Sequence[FoundFile], options: DiscoveryOptions, timeouts: Timeouts) -> list[list[Draft]]:
    """Return the jobs of each of `files`. All jobs of a build tree belong to its uppermost test file.

    Raises InputError that names the file.
    """
    folders = {file.folder for file in files}
    top = {file.folder: _uppermost(file.folder, folders) for file in files}
    nested: dict[str, list[str]] = {}
    for file in files:
        nested.setdefault(top[file.folder], []).append(file.file)
    found, mistakes = [], MistakeList()
    for file in files:
        try:
            is_top = top[file.folder] == file.folder
            found.append(expand_tree(file, nested[file.folder], options, timeouts) if is_top else [])
        except InputError as error:
            mistakes.add(error)
            if isinstance(error, NoAnswerError):
                break  # the next one may take as long
    mistakes.raise_any()
    return found


def _uppermost(folder: str, folders: set[str]) -> str:
    found, parent = folder, posixpath.dirname(folder)
    while parent != posixpath.dirname(parent):
        if parent in folders:
            found = parent
        parent = posixpath.dirname(parent)
    return found


def expand_tree(file: FoundFile, nested: Sequence[str], options: DiscoveryOptions, timeouts: Timeouts) -> list[Draft]:
    """Return the jobs of the build tree whose uppermost test file is `file`, in CTest's order."""
    try:
        tests = list_tests(Path(file.file), nested, options.ctest_config)
    except InputError as error:
        if error.hint is None:
            error.hint = advice(Path(file.file), nested, options.ctest_config)
        raise
    drafts = _Tree(file, tests, timeouts, options.ctest_config).drafts()
    absent = next((number for number, test in enumerate(tests) if test.missing or test.unavailable), None)
    if absent is not None and (hint := advice(Path(file.file), nested, options.ctest_config)) is not None:
        warnings = (*drafts[absent].warnings, f"it cannot run in this configuration; {hint}")
        drafts[absent] = msgspec.structs.replace(drafts[absent], warnings=warnings)
    specification = named_specification(Path(file.file), tests, options.ctest_config)
    if specification is not None:
        drafts[0] = msgspec.structs.replace(drafts[0], pool_file=specification)
    return drafts


class _Tree:
    """The tests of one build tree with their common data."""

    def __init__(
        self, file: FoundFile, tests: Sequence[ListedTest], timeouts: Timeouts, configuration: str | None
    ) -> None:
        self.file = file
        self.configuration = configuration
        self.version = version_of(ctest_program(Path(file.file)), Path(file.file))
        self.tests = tests
        self.times = Times(Path(file.file), timeouts)
        self.multiplier = timeouts.multiplier
        self.names = job_names([test.name for test in tests])
        self.families = families([test.name for test in tests])
        self.ids = [job_id(file.path, family, {}) for family in self.families]

    def drafts(self) -> list[Draft]:
        values = [test.values() for test in self.tests]
        waits = upstreams([test.name for test in self.tests], values)
        self.fixtures = fixtures_of(values)
        companions_of = companions(values)
        self.generated = generated_specifications(Path(self.file.file), values)
        found = []
        for number, test in enumerate(self.tests):
            try:
                spec = self._spec(number, test, values[number])
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                what = f"ctest lists a property of test {test.name!r} in a form that is not known ({error!r:.200})"
                raise InputError(what, where=self.file.file) from None
            requests = tuple(
                DependencyRequest((self.ids[other],), self.file.file, when, by_id=True)
                for other, when in waits[number].items()
            )
            others = tuple(self.ids[other] for other in companions_of[number])
            found.append(Draft(spec, requests, warnings=tuple(warnings_of(test, values[number])), companions=others))
        return found

    def _spec(self, number: int, test: ListedTest, values: Mapping[str, Any]) -> JobSpec:
        groups = groups_of(values)
        slots = Counter[str]()
        for item in (item for group in groups for item in group):
            slots[item.type] += item.slots
        added = {} if test.place is None else {"added_at": test.place}
        attributes = {name.lower(): values[name] for name in RECORDED if name in values}
        return JobSpec(
            id=self.ids[number],
            name=self.names[number],
            family=self.families[number],
            path=self.file.path,
            file=self.file.file,
            kind="ctest",
            directory="",
            command=test.command,
            cpus=max(1, int(values.get("PROCESSORS", 1)), slots.pop("cpus", 0)),
            gpus=slots.pop("gpus", 0),
            resources={name: number for name, number in slots.items() if number},
            timeout=self.times.timeout(values),
            timeout_multiplier=self.multiplier,
            runtime=self.times.runtime(test.name, values),
            keywords=tuple(dict.fromkeys(values.get("LABELS", ()))),
            environment=environment_of(values),
            exclusive=bool(values.get("RUN_SERIAL")),
            attributes={"test": test.name, "ctest": self.version, **added, **attributes},
            working_directory=posixpath.join(self.file.folder, values.get("WORKING_DIRECTORY", "")).rstrip("/") or "/",
            resource_groups=groups,
            locks=self._locks(values),
            fixtures=tuple(f"{name}@{self.file.folder}" for name in self.fixtures[number]),
            ctest=msgspec.structs.replace(
                rules_of(test, self.configuration),
                specification=self.generated[number],
                allocates=any(self.generated),
            ),
            mask=DISABLED if values.get("DISABLED") else None,
        )

    def _locks(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the locks of a test. Locks belong to the build tree, and RUN_SERIAL tests share one."""
        names = [*values.get("RESOURCE_LOCK", ()), *(["RUN_SERIAL"] if values.get("RUN_SERIAL") else ())]
        return tuple(f"{name}@{self.file.folder}" for name in dict.fromkeys(names))


def families(names: Sequence[str]) -> list[str]:
    """Return `names` made distinct: later tests of the same name get ``@2``, ``@3``….

    CTest has such tests if folders of a project are independent of each other.
    """
    taken = set(names)
    seen: set[str] = set()
    found = []
    for name in names:
        chosen, count = name, 1
        while chosen in seen or (count > 1 and chosen in taken):
            count += 1
            chosen = f"{name}@{count}"
        seen.add(chosen)
        found.append(chosen)
    return found


def job_names(names: Sequence[str]) -> list[str]:
    """Return a distinct job name for each test name.

    A character that is not allowed in a job name becomes ``_``. If two names are then equal, an unchanged one keeps the
    name, and the others get ``@2``, ``@3``… in their order.
    """
    valid_names = [_valid(name) for name in names]
    taken: dict[str, int] = {}
    for number, (name, valid) in enumerate(zip(names, valid_names, strict=True)):
        if name == valid:
            taken.setdefault(valid, number)
    found = []
    for number, valid in enumerate(valid_names):
        chosen, count = valid, 1
        while taken.setdefault(chosen, number) != number:
            count += 1
            chosen = f"{valid}@{count}"
        found.append(chosen)
    return found


def _valid(name: str) -> str:
    parts = _UNFIT.sub("_", name).split("/")
    return "/".join(part if part not in {"", ".", ".."} else "_" * max(1, len(part)) for part in parts)
