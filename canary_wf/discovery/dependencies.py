"""Resolves dependencies: parses patterns in all their forms, matches them against all jobs, and refuses cycles.

A pattern in a job file matches job names, or families if it matches no name. A pattern in a `.pyt` file matches the
name, the family, the name with its folder in front, or the test file. If several PATHs hold files of the same path, a
pattern means jobs of its own PATH if it matches any there. All algorithms are iterative, so chains may have any length.
"""

import re
import shlex
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import translate
from functools import cached_property
from glob import escape
from types import MappingProxyType
from typing import Any

import msgspec

from canary_wf.discovery.draft import DependencyRequest, Draft
from canary_wf.errors import MOST_TOLD, InputError, MistakeList
from canary_wf.graph import cycle_in, topological
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.verdict.dependency_condition import ON_SUCCESS, check_when

_GLOB = re.compile(r"[*?[]")
_LAST = "\U0010ffff"
_MOST_SHOWN = 10
_CANDIDATES_FOR_HINT = 5000


class _Names:
    """An index from one type of name to jobs. A lookup takes a name or a glob."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        self.jobs: dict[str, list[int]] = defaultdict(list)
        for name, job in pairs:
            self.jobs[name].append(job)
        self.ordered: list[str] | None = None

    def matches(self, pattern: str) -> list[int]:
        """Return the jobs whose name is `pattern` or matches it as a glob. Only names with its prefix are tried."""
        if pattern in self.jobs:
            return self.jobs[pattern]
        glob = _GLOB.search(pattern)
        if glob is None:
            return []
        if self.ordered is None:
            self.ordered = sorted(self.jobs)
        prefix = pattern[: glob.start()]
        start, end = bisect_left(self.ordered, prefix), bisect_left(self.ordered, prefix + _LAST)
        fits = re.compile(translate(pattern)).match
        return [job for name in self.ordered[start:end] if fits(name) for job in self.jobs[name]]


class _Index:
    """An index of all jobs by the names that patterns can use."""

    def __init__(self, specs: Sequence[JobSpec], prefixes: Mapping[str, str]) -> None:
        self.specs = specs
        self.prefixes = [prefixes.get(spec.file, "") for spec in specs] if prefixes else [""] * len(specs)
        self.by_id = {spec.id: number for number, spec in enumerate(specs)}
        self._found: dict[tuple[str, bool], list[int]] = {}

    @cached_property
    def _names(self) -> _Names:
        return _Names((spec.name, number) for number, spec in enumerate(self.specs))

    @cached_property
    def _families(self) -> _Names:
        return _Names((spec.family, number) for number, spec in enumerate(self.specs))

    @cached_property
    def _paths(self) -> _Names:
        return _Names(
            pair
            for number, spec in enumerate(self.specs)
            for pair in ((_with_folder(spec), number), (spec.path, number), (spec.file, number))
        )

    def matches(self, pattern: str, *, by_path: bool) -> list[int]:
        """Return the indexes of the jobs that match `pattern`, each once, in ascending order."""
        key = (pattern, by_path)
        if key not in self._found:
            self._found[key] = sorted(set(self._search(pattern, by_path=by_path)))
        return self._found[key]

    def matches_from(self, number: int, pattern: str, *, by_path: bool) -> list[int]:
        """Return the jobs that match a `pattern` of the job `number`: those of its own PATH if any, else all."""
        found = self.matches(pattern, by_path=by_path)
        prefix = self.prefixes[number]
        if not prefix:
            return found
        below = self.matches(f"{escape(prefix)}{pattern}", by_path=True) if by_path else []
        return [job for job in sorted({*found, *below}) if self.prefixes[job] == prefix] or found

    def _search(self, pattern: str, *, by_path: bool) -> list[int]:
        if by_path:
            return [job for names in (self._names, self._families, self._paths) for job in names.matches(pattern)]
        return self._names.matches(pattern) or self._families.matches(pattern)

    def hint(self, pattern: str) -> str | None:
        """Return a hint with a name similar to `pattern`, if there is one."""
        if len(self._names.jobs) > _CANDIDATES_FOR_HINT:
            return None
        near = get_close_matches(pattern, [*self._names.jobs, *self._families.jobs], n=1)
        return f"did you mean {near[0]!r}?" if near else None


def _with_folder(spec: JobSpec) -> str:
    folder, slash, _ = spec.path.rpartition("/")
    return f"{folder}{slash}{spec.name}"


def check_ids(specs: Sequence[JobSpec]) -> None:
    """Raise InputError that names both files if two jobs have the same id, MistakesError if several have."""
    seen: dict[str, JobSpec] = {}
    mistakes = MistakeList()
    for spec in specs:
        other = seen.setdefault(spec.id, spec)
        if other is not spec:
            where = "in the same file" if other.file == spec.file else f"in {other.file}"
            other_name = "" if other.name == spec.name else f" as {other.name!r}"
            mistakes.add(InputError(f"job {spec.name!r} has the same id as one {where}{other_name}", where=spec.file))
    mistakes.raise_any()


def resolve(
    drafts: Sequence[Draft],
    elsewhere: dict[str, list[str]] | None = None,
    prefixes: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[DependencyEdge, ...]]:
    """Return the dependencies of each draft, in the order of its requests.

    `prefixes` has by test file the prefix that distinguishes it from equal files below other PATHs. With `elsewhere`,
    patterns that match no job are added to it by job id, and the number of matches is not checked. Raises InputError
    with the location, job and pattern if a request matches too few or too many jobs, MistakesError if several do, and
    InputError that shows the cycle if dependencies form one.
    """
    specs = [draft.spec for draft in drafts]
    index = _Index(specs, prefixes)
    refused = _Refused(index)
    edges = [_edges(number, draft, index, elsewhere, refused) for number, draft in enumerate(drafts)]
    refused.mistakes.raise_any()
    _refuse_cycles(specs, edges, index.by_id)
    return edges


class _Refused:
    """The mistakes in requests. All jobs of a family share a request, and its mistake."""

    def __init__(self, index: _Index) -> None:
        self._index = index
        self._seen: set[tuple[str, tuple[str, ...], str]] = set()
        self.mistakes = MistakeList()

    def add(self, spec: JobSpec, request: DependencyRequest, what: str, pattern: str | None = None) -> None:
        """Add what is wrong with a `request` of the job `spec`; its `pattern` may match nothing."""
        shared = (spec.file, request.patterns, pattern or "")
        if shared in self._seen:
            return
        self._seen.add(shared)
        if len(self._seen) > MOST_TOLD:  # finding the place of a request takes time
            self.mistakes.more += 1
            return
        hint = None if pattern is None else self._index.hint(pattern)
        self.mistakes.add(InputError(f"job {spec.name!r} {what}", where=request.where, hint=hint))


def _edges(
    number: int, draft: Draft, index: _Index, elsewhere: dict[str, list[str]] | None, refused: _Refused
) -> tuple[DependencyEdge, ...]:
    if not draft.requests:
        return ()
    found: dict[DependencyEdge, None] = {}
    missing = None if elsewhere is None else elsewhere.setdefault(draft.spec.id, [])
    for request in draft.requests:
        for upstream in _upstream(number, draft, request, index, missing, refused):
            found[DependencyEdge(index.specs[upstream].id, request.when)] = None
    return tuple(found)


def _upstream(
    number: int,
    draft: Draft,
    request: DependencyRequest,
    index: _Index,
    missing: list[str] | None,
    refused: _Refused,
) -> Iterable[int]:
    if request.by_id:
        return [index.by_id[identity] for identity in request.patterns]
    found: dict[int, None] = {}
    for pattern in request.patterns:
        matches = index.matches_from(number, pattern, by_path=draft.spec.kind == "pyt")
        # A job whose pattern is `step.*` means the other jobs. Only naming itself is a cycle.
        matches = [job for job in matches if job != number or not _GLOB.search(pattern)]
        if not matches and missing is not None:
            missing.append(f"{pattern} ({request.when})")
        elif not matches and request.expects not in {"?", "*"}:
            refused.add(draft.spec, request, f"depends on {pattern!r}, which matches no job", pattern)
            return []
        found.update(dict.fromkeys(matches))
    if missing is None:
        _check_count(len(found), draft, request, refused)
    return found


def _check_count(count: int, draft: Draft, request: DependencyRequest, refused: _Refused) -> None:
    expects = request.expects
    wrong = count > 1 if expects == "?" else isinstance(expects, int) and count != expects
    if wrong:
        expected = "at most 1" if expects == "?" else str(expects)
        patterns = " ".join(request.patterns)
        refused.add(draft.spec, request, f"expects {expected} of {patterns!r}, which matches {count} jobs")


def _refuse_cycles(
    specs: Sequence[JobSpec], edges: Sequence[tuple[DependencyEdge, ...]], by_id: Mapping[str, int]
) -> None:
    """Raise InputError that shows a cycle if there is one."""

    def upstreams(number: int) -> list[int]:
        return [by_id[edge.job] for edge in edges[number]]

    order = topological(range(len(specs)), upstreams)
    if len(order) < len(specs):
        raise _cycle([specs[job] for job in cycle_in(range(len(specs)), upstreams, order)])


def _cycle(specs: Sequence[JobSpec]) -> InputError:
    names = [spec.name for spec in specs]
    if len(names) > _MOST_SHOWN:
        names = [*names[: _MOST_SHOWN // 2], "…", *names[-_MOST_SHOWN // 2 :]]
    return InputError(
        f"jobs depend on each other in a circle: {' → '.join([*names, specs[0].name])}", where=specs[0].file
    )


_KEYS = {"job", "when", "expects"}


class DependencyArguments(msgspec.Struct, frozen=True):
    """One dependency: patterns, the condition `when`, and how many jobs the patterns must match together."""

    patterns: tuple[str, ...]
    when: str = ON_SUCCESS
    expects: str | int = "+"


def dependency_arguments(
    value: object, expect: object = None, result: object = None, *, split: bool = True
) -> list[DependencyArguments]:
    """Parse the dependencies in `value` (a text, a mapping or a list of both). Raises InputError.

    `expect` and `result` are legacy arguments, which go with a single text. With `split`, a text is split into several
    patterns like words in a shell.
    """
    if isinstance(value, list):
        _refuse_legacy(expect, result)
        return [_one(each, split=split) for each in value]
    if isinstance(value, str):
        legacy = {"expects": expect, "when": result}
        given = {key: each for key, each in legacy.items() if each is not None}
        return [_one({"job": value, **given}, split=split)]
    _refuse_legacy(expect, result)
    return [_one(value, split=split)]


def _refuse_legacy(expect: object, result: object) -> None:
    if expect is not None or result is not None:
        raise InputError("expect= and result= go with a single text", hint="write {'job': …, 'when': …, 'expects': …}")


def _one(value: object, *, split: bool) -> DependencyArguments:
    if isinstance(value, str):
        return DependencyArguments(_patterns(value, split=split))
    if not isinstance(value, dict):
        raise InputError(f"{value!r:.80} is neither text nor a mapping")
    unknown = sorted(set(value) - _KEYS)
    if unknown:
        raise InputError(f"{unknown[0]!r} is not known", hint="use job, when and expects")
    if "job" not in value:
        raise InputError("the key 'job' is missing")
    return DependencyArguments(
        _patterns(value["job"], split=split), _when(value.get("when")), _expects(value.get("expects", "+"))
    )


def _patterns(value: object, *, split: bool) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise InputError(f"job {value!r:.80} is not text")
    try:
        patterns = tuple(shlex.split(value)) if split else (value,)
    except ValueError as error:
        raise InputError(f"{value!r:.80} is not understood ({error})") from None
    if not all(patterns) or not patterns:
        raise InputError("no job is named")
    return patterns


def _when(value: Any) -> str:  # noqa: ANN401 - checked here
    if value is None:
        return ON_SUCCESS
    if not isinstance(value, str):
        raise InputError(f"when {value!r:.80} is not text")
    return check_when(value)


def _expects(value: object) -> str | int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InputError(f"expects {value!r:.80} is neither '+', '?', '*' nor a number")
    if isinstance(value, str) and value not in {"+", "?", "*"}:
        raise InputError(f"expects {value!r:.80} is neither '+', '?', '*' nor a number")
    if isinstance(value, int) and value < 1:
        raise InputError(f"expects {value} is below 1")
    return value
