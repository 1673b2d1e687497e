"""Expands the entries of a job file to jobs, one for each combination of parameters, and substitutes these in texts."""

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from canary_wf.discovery.dependencies import DependencyArguments, dependency_arguments
from canary_wf.discovery.draft import DependencyRequest, Draft, inner_path, source_path
from canary_wf.discovery.job_files.check import check_job_file
from canary_wf.discovery.job_files.doubts import doubts
from canary_wf.discovery.options import DiscoveryOptions, Timeouts
from canary_wf.discovery.pyt.parameters import MOST_JOBS, Row, product
from canary_wf.discovery.walk import FoundFile
from canary_wf.durations import parse_positive_duration
from canary_wf.errors import InputError, MistakeList
from canary_wf.files.documents import Document, load_document
from canary_wf.resources.memory_size import MIB, parse_memory
from canary_wf.spec.identity import job_id, job_name
from canary_wf.spec.job_spec import Artifact, Asset, JobSpec
from canary_wf.verdict.exit_code import ANY_FAILURE

_PLACEHOLDER = re.compile(r"\$(?:(\$)|\{([^{}]*)\})")


def fill(text: str, parameters: Mapping[str, Any]) -> str:
    """Return `text` with parameters substituted, numbers with all digits. Any other ``$…`` is unchanged."""
    if "$" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return str(parameters[match[2]]) if match[2] in parameters else match.group()

    return _PLACEHOLDER.sub(value, text)


T = TypeVar("T")

_LEAST = {"cpus": 1, "gpus": 0, "nodes": 1}
_DEFAULTS = {"cpus": 1, "gpus": 0, "nodes": 1}
_AMOUNTS = {*_DEFAULTS, "memory", "resources"}


def expand_job_file(found: FoundFile, options: DiscoveryOptions, timeouts: Timeouts) -> list[Draft]:
    """Return the jobs of the job file `found`. Raises InputError with file, line and key path."""
    readings = options.readings
    loaded = load_document(found.file, None if readings is None else readings.document)
    drafts = expand_entries(found, loaded, options, timeouts)
    if readings is not None:
        readings.keep_document(found.file, loaded.value)
    return drafts


def expand_entries(found: FoundFile, loaded: Document, options: DiscoveryOptions, timeouts: Timeouts) -> list[Draft]:
    """Return the jobs of `loaded`, a job file or a plug-in's entries with the same keys."""
    mistakes = MistakeList()
    drafts: list[Draft] = []
    owners: dict[str, int] = {}
    for number, content in check_job_file(loaded, mistakes).items():
        try:
            entry = _Entry(found, loaded, number, content, options, timeouts)
            for draft in entry.drafts(MOST_JOBS - len(drafts)):
                if draft.spec.id in owners:
                    raise entry.repeated(draft.spec.name, owners[draft.spec.id])
                owners[draft.spec.id] = number
                drafts.append(draft)
        except InputError as error:
            mistakes.add(error)
    mistakes.raise_any()
    return drafts


class _Entry:
    """One entry of the list `jobs`. Fields that do not depend on parameters are computed once."""

    def __init__(
        self,
        found: FoundFile,
        loaded: Document,
        number: int,
        entry: dict[str, Any],
        options: DiscoveryOptions,
        timeouts: Timeouts,
    ) -> None:
        self.found = found
        self.loaded = loaded
        self.number = number
        self.entry = entry
        self.options = options
        self.mistakes = MistakeList()
        self.keywords = tuple(dict.fromkeys(entry.get("keywords", ())))
        declared = self.checked("timeout", parse_positive_duration)
        self.timeout = timeouts.of(self.keywords, declared)
        self.timeout_multiplier = timeouts.multiplier
        self.runtime = self.checked("runtime", parse_positive_duration)
        self.memory = self.checked("memory", _memory)
        self.output_limit = self.checked("output_limit", _memory)
        self.command = self.checked("command", _words) or []
        self.dependencies = self._dependencies()
        self.mistakes.raise_any()
        self.warnings = doubts(entry, self.command)
        self.words = (
            tuple(fill(word, {}) for word in self.command) if "$" in "".join(self.command) else tuple(self.command)
        )

    def error(self, error: InputError, *keys: str | int) -> InputError:
        return self.loaded.error(("jobs", self.number, *keys), error.what, error.hint)

    def repeated(self, name: str, first: int) -> InputError:
        """Return the error about a job that both this entry and the entry `first` define."""
        if first == self.number:
            return self.error(InputError(f"job {name!r} is defined twice", hint="give each value once"), "parameters")
        hint = "give one of them another name"
        return self.error(InputError(f"job {name!r} has the same id as one of jobs[{first}]", hint=hint), "name")

    def checked(self, key: str, parse: Callable[[Any], T]) -> T | None:
        """Return the value at `key` parsed by `parse`, or None if it is not given or a mistake."""
        if key not in self.entry:
            return None
        try:
            return parse(self.entry[key])
        except InputError as error:
            self.mistakes.add(self.error(error, key))
            return None

    def drafts(self, most: int) -> list[Draft]:
        spaces = [[{name: value} for value in values] for name, values in self.entry.get("parameters", {}).items()]
        size = 1
        for rows in spaces:
            size *= len(rows)
        if size > most:
            what = f"these parameters make {size} jobs; at most {MOST_JOBS} per file are allowed"
            raise self.error(InputError(what), "parameters")
        return [self._draft(row) for row in product(spaces)]

    def _draft(self, parameters: Row) -> Draft:
        entry, family = self.entry, self.entry["name"]
        spec = JobSpec(
            id=job_id(self.found.path, family, parameters),
            name=job_name(family, parameters),
            family=family,
            path=self.found.path,
            file=self.found.file,
            kind="jobs",
            directory="",
            command=tuple(fill(word, parameters) for word in self.command) if parameters else self.words,
            parameters=parameters,
            **self._amounts(parameters),
            timeout=self.timeout,
            timeout_multiplier=self.timeout_multiplier,
            output_limit=self.output_limit and self.output_limit * MIB,
            runtime=self.runtime,
            keywords=self.keywords,
            owners=tuple(entry.get("owners", ())),
            environment={name: fill(str(value), parameters) for name, value in entry.get("environment", {}).items()},
            assets=self._assets(parameters),
            exclusive=entry.get("exclusive", False),
            xstatus=_xstatus(entry.get("xfail", False)),
            artifacts=self._artifacts(parameters),
        )
        return Draft(spec, self._requests(parameters), warnings=self.warnings)

    def _amounts(self, parameters: Row) -> dict[str, Any]:
        """Return the job's resources. A parameter with the name of a resource sets it."""
        entry = self.entry
        if not parameters and entry.keys().isdisjoint(_AMOUNTS):
            return _DEFAULTS
        amounts: dict[str, Any] = {name: int(entry.get(name, default)) for name, default in _DEFAULTS.items()}
        amounts["memory"] = self.memory
        further = {name: int(count) for name, count in entry.get("resources", {}).items()}
        for name, value in parameters.items():
            if name in amounts or name in further or name in self.options.resource_types:
                if name in entry or name in further:
                    raise self.error(InputError(f"{name} is given twice, here and by its own key"), "parameters", name)
                target = amounts if name in amounts else further
                target[name] = self._amount(name, value)
        return {**amounts, "resources": {name: count for name, count in further.items() if count}}

    def _amount(self, name: str, value: object) -> int:
        try:
            return _memory(value) if name == "memory" else _count(value, _LEAST.get(name, 0))
        except InputError as error:
            raise self.error(error, "parameters", name) from None

    def _assets(self, parameters: Row) -> tuple[Asset, ...]:
        found = []
        for action in ("copy", "link"):
            for number, text in enumerate(self.entry.get(action, ())):
                try:
                    source = source_path(self.found.folder, fill(text, parameters))
                    inner_path(posixpath.basename(source))
                except InputError as error:
                    raise self.error(error, action, number) from None
                found.append(Asset("copy" if action == "copy" else "link", source))
        return tuple(found)

    def _artifacts(self, parameters: Row) -> tuple[Artifact, ...]:
        found = []
        for number, each in enumerate(self.entry.get("artifacts", ())):
            try:
                file = inner_path(fill(each["file"], parameters))
            except InputError as error:
                raise self.error(error, "artifacts", number, "file") from None
            found.append(Artifact(file, each.get("save_on", "always")))
        return tuple(found)

    def _dependencies(self) -> list[tuple[DependencyArguments, Callable[[], str]]]:
        """Return each entry of `depends_on` parsed, with a function that finds its location in the file."""
        found: list[tuple[DependencyArguments, Callable[[], str]]] = []
        for number, each in enumerate(self.entry.get("depends_on", ())):
            try:
                asked = dependency_arguments(each, split=False)[0]
            except InputError as error:
                self.mistakes.add(self.error(error, "depends_on", number))
                continue
            found.append((asked, partial(self.loaded.place, ("jobs", self.number, "depends_on", number))))
        return found

    def _requests(self, parameters: Row) -> tuple[DependencyRequest, ...]:
        return tuple(
            DependencyRequest(
                tuple(fill(pattern, parameters) for pattern in asked.patterns), place, asked.when, asked.expects
            )
            for asked, place in self.dependencies
        )


def _words(command: str | Sequence[object]) -> list[str]:
    if not isinstance(command, str):
        return [str(word) for word in command]
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"{command!r:.80} cannot be split into words ({error})") from None
    if not words:
        raise InputError("no program is named")
    return words


def _memory(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"{value!r:.80} is not an amount of memory")
    size = parse_memory(value)
    if size < 1:
        raise InputError(f"{value!r:.80} is not positive")
    return size


def _count(value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{value!r:.80} is not a whole number from {least}")
    return value


def _xstatus(xfail: bool | int) -> int:
    if isinstance(xfail, bool):
        return ANY_FAILURE if xfail else 0
    return int(xfail)
