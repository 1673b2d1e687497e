"""Expands the directives of one test file to its jobs: families by parameters, and jobs that aggregate a family."""

import posixpath
import re
from collections.abc import Sequence
from typing import Any

from canary_wf.discovery.draft import DependencyRequest, Draft, inner_path, source_path
from canary_wf.discovery.options import DiscoveryOptions, Timeouts
from canary_wf.discovery.pyt.conditions import Situation
from canary_wf.discovery.pyt.declarations import Declaration, Declarations, merged
from canary_wf.discovery.pyt.directives import whole_number
from canary_wf.discovery.pyt.parameters import MOST_JOBS, Row, given_twice, product, repeated_names
from canary_wf.discovery.pyt.protocol import FileReading
from canary_wf.discovery.pyt.substitution import Substitution
from canary_wf.discovery.walk import FoundFile
from canary_wf.errors import InputError
from canary_wf.spec.identity import job_id, job_name
from canary_wf.spec.job_spec import Artifact, Asset, Baseline, EnvironmentModule, JobSpec, Preparation

LEAST = {"cpus": 1, "gpus": 0, "nodes": 1}
"""The resources that every job has, and the minimum of each."""

_SUFFIX = ".pyt"
_OWN_ID = re.compile(r"[0-9a-f_]{8,64}")


def expand(found: FoundFile, reading: FileReading, options: DiscoveryOptions, timeouts: Timeouts) -> list[Draft]:
    """Return the jobs of the file `found`, given its `reading`. Raises InputError with file and line."""
    try:
        return _File(found, Declarations(found.file, reading), options, timeouts).drafts()
    except InputError as error:
        if error.where:
            raise
        raise InputError(error.what, where=found.file, hint=error.hint) from None


_Shared = tuple[dict[str, Any], tuple[DependencyRequest, ...], str | None]
"""Fields of the spec, requests and execution path of a job."""


class _File:
    """Expands one test file."""

    def __init__(self, found: FoundFile, declared: Declarations, options: DiscoveryOptions, timeouts: Timeouts) -> None:
        self.found = found
        self.declared = declared
        self.options = options
        self.timeouts = timeouts
        self.folder = found.folder
        self.script = posixpath.basename(found.file)
        self.plain = Situation(options=options.options)
        self.owners = merged(declared.values("owners", self.plain))
        self.stages = merged(declared.values("stages", self.plain))
        self.skip = declared.last("skip", self.plain)
        self.warnings = tuple(dict.fromkeys(declaration.value for declaration in declared["warnings"]))
        self.shared: dict[str, _Shared] = {}

    def drafts(self) -> list[Draft]:
        families = self.declared.values("family", self.plain) or [self.script.removesuffix(_SUFFIX)]
        found: list[Draft] = []
        for family in families:
            found.extend(self._family(family))
            if len(found) > MOST_JOBS:
                raise InputError(f"describes more than {MOST_JOBS} jobs")
        return found

    def _family(self, family: str) -> list[Draft]:
        situation = Situation(options=self.options.options, testname=family)
        spaces = self.declared.values("rows", situation)
        try:
            rows = product(spaces)
        except InputError as error:
            place = next(reversed(list(self.declared.active("rows", situation)))).place
            raise InputError(f"parameterize: {error.what}", where=place) from None
        self._warn_of_repeats(spaces)
        drafts = [self._job(family, row) for row in rows]
        aggregates = list(self.declared.active("aggregate", situation))
        if aggregates:
            if not spaces or not all(spaces):
                raise InputError("there are no parameterized jobs to aggregate", where=aggregates[-1].place)
            drafts.append(self._aggregate(family, drafts, aggregates[-1]))
        return drafts

    def _warn_of_repeats(self, spaces: Sequence[Sequence[Row]]) -> None:
        repeated = [given_twice(name) for name in repeated_names(spaces)]
        self.warnings = merged((self.warnings, repeated))

    def _job(self, family: str, parameters: Row) -> Draft:
        situation = self._situation(family, parameters)
        core, further = self._amounts(situation)
        substitution = Substitution(family, {**core, **parameters})
        fields, requests, execution_path = self._common(situation, substitution)
        spec = JobSpec(
            id=self._own_id(situation, substitution) or job_id(self.found.path, family, parameters),
            name=job_name(family, parameters),
            **fields,
            cpus=core["cpus"],
            gpus=core["gpus"],
            nodes=core["nodes"],
            resources=further,
            memory=self.declared.last("memory", situation),
            command=(self.script,),
            parameters=parameters,
            meta_parameters=tuple(name for name in LEAST if any(True for _ in self.declared.active(name, situation))),
        )
        return Draft(spec, requests, execution_path, self.warnings)

    def _common(self, situation: Situation, substitution: Substitution) -> "_Shared":
        """Return the fields that do not depend on resources. They are computed once if the file is uniform."""
        known = self.shared.get(situation.testname)
        if known is not None:
            return known
        requests, path = self._requests(situation, substitution), self._execution_path(situation, substitution)
        own = {"attributes": self._attributes(situation), "baselines": self._baselines(situation, substitution)}
        found = {**self._fields(situation, substitution), **own}, requests, path
        if self.declared.is_uniform:
            self.shared[situation.testname] = found
        return found

    def _aggregate(self, family: str, members: Sequence[Draft], declaration: Declaration) -> Draft:
        """Return the job that aggregates `members`. It has one CPU, and no parameters, attributes or baselines."""
        flag, script, requires = declaration.value
        names = list(members[0].spec.parameters)
        situation = self._situation(family, {}, frozenset(names))
        substitution = Substitution(family, {})
        fields = self._fields(situation, substitution)
        values = [[member.spec.parameters[name] for name in names] for member in members]
        fields["attributes"] = {"multicase": True, "paramsets": [{"keys": names, "values": values}]}
        command = (self.script,) if flag is None else (self.script, flag)
        if script is not None:
            with _placed(declaration.place, "script"):
                source = source_path(self.folder, substitution.fill(script))
            command = (f"./{posixpath.basename(source)}",)
            fields["assets"] = (Asset("link", source), *fields["assets"])
        own_id = self._own_id(situation, substitution)
        spec = JobSpec(
            id=own_id or job_id(self.found.path, family, {}), name=job_name(family, {}), **fields, command=command
        )
        behind = DependencyRequest(
            tuple(member.spec.id for member in members), declaration.place, requires, len(members), by_id=True
        )
        return Draft(spec, (behind,), self._execution_path(situation, substitution))

    def _situation(self, family: str, parameters: Row, absent: frozenset[str] = frozenset()) -> Situation:
        """Return the facts of a job for conditions. Keywords are added in order; a condition sees the earlier ones."""
        situation = Situation(self.options.options, family, parameters, (), absent)
        words: tuple[str, ...] = ()
        for declaration in self.declared["keywords"]:
            if declaration.unmet(situation) is None:
                words = merged((words, declaration.value))
                situation = Situation(self.options.options, family, parameters, words, absent)
        return situation

    def _fields(self, situation: Situation, substitution: Substitution) -> dict[str, Any]:
        """Return the fields that parameterized jobs and aggregating jobs have in common."""
        declared = self.declared
        keywords = tuple(situation.keywords)
        return {
            "family": situation.testname,
            "path": self.found.path,
            "file": self.found.file,
            "kind": "pyt",
            "directory": "",
            "timeout": self.timeouts.of(keywords, declared.last("timeout", situation)),
            "timeout_multiplier": self.timeouts.multiplier,
            "keywords": keywords,
            "owners": self.owners,
            "stages": self.stages,
            "exclusive": any(declared.values("exclusive", situation)),
            "xstatus": declared.last("xstatus", situation, 0),
            "assets": self._assets(situation, substitution),
            "sources": self._sources(situation, substitution),
            "artifacts": self._artifacts(situation, substitution),
            "preparation": self._preparation(situation, substitution),
            "mask": self._mask(situation),
        }

    def _amounts(self, situation: Situation) -> tuple[dict[str, int], dict[str, int]]:
        """Return the job's resources: those that every job has, and those of other types of the pool."""
        core: dict[str, int] = {"cpus": 1, "gpus": 0, "nodes": 1}
        further: dict[str, int] = {}
        for name in core:
            for declaration in self.declared.active(name, situation):
                if name in situation.parameters:
                    raise InputError(f"{name}: it is given as a parameter too", where=declaration.place)
                core[name] = declaration.value
        for declaration in self.declared.active("resources", situation):
            for name, count in declaration.value.items():
                if name in situation.parameters:
                    raise InputError(f"resources: {name} is given as a parameter too", where=declaration.place)
                further[name] = count
        for name, value in situation.parameters.items():
            if name in core or name in self.options.resource_types:
                target = core if name in core else further
                target[name] = self._amount(name, value)
        return core, {name: count for name, count in further.items() if count}

    def _amount(self, name: str, value: object) -> int:
        try:
            return whole_number(value, LEAST.get(name, 0))
        except InputError as error:
            raise InputError(f"parameter {name}: {error.what}", where=self.declared["rows"][0].place) from None

    def _own_id(self, situation: Situation, substitution: Substitution) -> str | None:
        declarations = list(self.declared.active("id", situation))
        if not declarations:
            return None
        filled = substitution.fill(declarations[-1].value).strip().lower()
        if not _OWN_ID.fullmatch(filled):
            what = f"set_id: {filled!r:.80} is not 8 to 64 hexadecimal digits or underscores"
            raise InputError(what, where=declarations[-1].place)
        return filled

    def _mask(self, situation: Situation) -> str | None:
        if self.skip is not None:
            return str(self.skip)
        for declaration in self.declared["enable"]:
            unmet = declaration.unmet(situation)
            if declaration.value and unmet is not None:
                return f"enabled only when {unmet}"
            if not declaration.value and unmet is None:
                return "enable=False"
        return None

    def _assets(self, situation: Situation, substitution: Substitution) -> tuple[Asset, ...]:
        found = [Asset("link", self.found.file, self.script)]
        for declaration in self.declared.active("assets", situation):
            action, source, target = declaration.value
            with _placed(declaration.place, action):
                inner = None if target is None else inner_path(substitution.fill(target))
                found.append(Asset(action, source_path(self.folder, substitution.fill(source)), inner))
        return tuple(found)

    def _sources(self, situation: Situation, substitution: Substitution) -> tuple[str, ...]:
        files = merged(self.declared.values("sources", situation))
        return tuple(source_path(self.folder, substitution.fill(file)) for file in files)

    def _artifacts(self, situation: Situation, substitution: Substitution) -> tuple[Artifact, ...]:
        found = []
        for declaration in self.declared.active("artifacts", situation):
            file, save_on = declaration.value
            with _placed(declaration.place, "artifact"):
                found.append(Artifact(inner_path(substitution.fill(file)), save_on))
        return tuple(found)

    def _attributes(self, situation: Situation) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for values in self.declared.values("attributes", situation):
            found.update(values)
        return found

    def _baselines(self, situation: Situation, substitution: Substitution) -> tuple[Baseline, ...]:
        found = []
        for declaration in self.declared.active("baselines", situation):
            source, target, flag = declaration.value
            if flag is not None:
                found.append(Baseline(arguments=(flag,)))
                continue
            with _placed(declaration.place, "baseline"):
                beside = posixpath.join(self.folder, substitution.fill(target))
                found.append(Baseline(substitution.fill(source), posixpath.normpath(beside)))
        return tuple(found)

    def _preparation(self, situation: Situation, substitution: Substitution) -> Preparation | None:
        setup, teardown = (self._function(name) for name in ("setup", "teardown"))
        modules = []
        for declaration in self.declared.active("modules", situation):
            with _placed(declaration.place, "load_module"):
                name, use = declaration.value
                folder = None if use is None else source_path(self.folder, substitution.fill(use))
                modules.append(EnvironmentModule(substitution.fill(name), folder))
        rcfiles = []
        for declaration in self.declared.active("rcfiles", situation):
            with _placed(declaration.place, "source"):
                rcfiles.append(source_path(self.folder, substitution.fill(declaration.value)))
        if not (setup or teardown or modules or rcfiles):
            return None
        return Preparation(self.script, tuple(modules), tuple(rcfiles), setup, teardown)

    def _function(self, role: str) -> str | None:
        declarations = self.declared[role]
        if len(declarations) > 1:
            raise InputError(f"{role}: there is already a function for this", where=declarations[1].place)
        return declarations[0].value if declarations else None

    def _execution_path(self, situation: Situation, substitution: Substitution) -> str | None:
        for declaration in reversed(list(self.declared.active("execution_path", situation))):
            with _placed(declaration.place, "execution_path"):
                return inner_path(substitution.fill(declaration.value))
        return None

    def _requests(self, situation: Situation, substitution: Substitution) -> tuple[DependencyRequest, ...]:
        found = []
        for declaration in self.declared.active("dependencies", situation):
            for each in declaration.value:
                with _placed(declaration.place, "depends_on"):
                    patterns = tuple(substitution.fill(pattern) for pattern in each.patterns)
                found.append(DependencyRequest(patterns, declaration.place, each.when, each.expects))
        return tuple(found)


class _placed:  # noqa: N801 - used like a function
    """A context that adds the location and name of a directive to an InputError."""

    def __init__(self, place: str, directive: str) -> None:
        self._place = place
        self._directive = directive

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, InputError):
            raise InputError(f"{self._directive}: {error.what}", where=self._place, hint=error.hint) from None
