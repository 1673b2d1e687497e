"""Selects the jobs to run: masks from `-k`, `-R`, `-L`, `-p`, `--owner` and `--regex`, and their consequences.

A mask is the reason why a job does not run. A job that depends on a masked job is masked too. Set-ups and clean-ups of
CTest fixtures are selected with the tests that require them.
"""

import glob
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from canary_wf.ctest.cmake_regex import compile_cmake
from canary_wf.discovery.draft import Draft
from canary_wf.discovery.options import DiscoveryOptions
from canary_wf.discovery.parameter_expression import parse_parameter_expression
from canary_wf.discovery.shards import ELSEWHERE
from canary_wf.errors import InputError, UsageError
from canary_wf.expressions import parse_expression
from canary_wf.files.plain_files import read_plain
from canary_wf.graph import dependents_of, downstream
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.wording import count, some

Filter = Callable[[JobSpec], str | None]
"""A function that returns the reason why a job is left out, or None."""

_ALL = {":all:", "__all__"}
_GLOB = re.compile(r"[*?[]")


def filters(options: DiscoveryOptions) -> list[Filter]:
    """Return the filters that `options` ask for. Raises UsageError for a malformed expression."""
    found: list[Filter] = []
    if options.keyword_expression is not None:
        found.append(keyword_filter(options.keyword_expression))
    if options.parameter_expression is not None:
        found.append(parameter_filter(options.parameter_expression))
    if options.owners:
        found.append(owner_filter(options.owners))
    if options.regex is not None:
        found.append(regex_filter(options.regex))
    if options.names_matching is not None:
        found.append(name_filter(options.names_matching, "-R"))
        if options.names_not_matching is not None:
            found.append(name_filter(options.names_not_matching, "-E"))
    found += [label_filter(text) for text in options.labels_matching]
    if options.labels_not_matching:
        found.append(label_exclusion(options.labels_not_matching))
    return found


def exclusions(options: DiscoveryOptions) -> list[Filter]:
    """Return the filters whose jobs stay left out even if a fixture needs them: ``-E`` without ``-R``, as in ctest.

    Raises UsageError as `filters` does.
    """
    if options.names_not_matching is None or options.names_matching is not None:
        return []
    return [name_filter(options.names_not_matching, "-E")]


def name_filter(text: str, option: str) -> Filter:
    """Return the filter of ``-R`` (or ``-E``), which keeps (or drops) names that the CMake regex `text` matches."""
    matches = _cmake_matcher(text, option)
    if option == "-E":
        return lambda spec: f"its name matches {text!r}" if matches(_own_name(spec)) else None
    return lambda spec: None if matches(_own_name(spec)) else f"its name does not match {text!r}"


def label_filter(text: str) -> Filter:
    """Return the filter of ``-L``, which keeps jobs with a keyword that the CMake regex `text` matches."""
    matches = _cmake_matcher(text, "-L")
    return lambda spec: None if any(map(matches, spec.keywords)) else f"no keyword matches {text!r}"


def label_exclusion(texts: Sequence[str]) -> Filter:
    """Return the filter of all ``-LE`` together, which drops jobs if every regex of `texts` matches some keyword."""
    found = [_cmake_matcher(text, "-LE") for text in texts]
    reason = f"a keyword matches {' and one '.join(map(repr, texts))}"
    return lambda spec: reason if all(any(map(matches, spec.keywords)) for matches in found) else None


def _own_name(spec: JobSpec) -> str:
    """Return the name of the test in CTest, or the name of the job."""
    return str(spec.attributes.get("test", spec.name)) if spec.kind == "ctest" else spec.name


def _cmake_matcher(text: str, option: str) -> Callable[[str], bool]:
    try:
        expression = compile_cmake(text)
    except InputError as error:
        raise UsageError(error.what, where=option) from None
    return lambda name: expression.search(name.encode("utf-8", "surrogateescape")) is not None


def keyword_filter(text: str) -> Filter:
    """Return the filter of ``-k``: a case-insensitive expression over keywords, name, family and file."""
    if not text.strip():
        return lambda _: "keyword expression '' selects no job"
    try:
        expression = parse_expression(text)
    except InputError as error:
        hint = "put a name with blanks or parentheses into quotes" if '"' not in text and "'" not in text else None
        raise UsageError(error.what, where="-k", hint=hint) from None
    reason = f"keyword expression {text!r} does not hold"

    def left_out(spec: JobSpec) -> str | None:
        words = {word.lower() for word in (*spec.keywords, spec.name, spec.family, spec.path, spec.file)}
        return None if expression(lambda name: _has(words, name.lower())) else reason

    return left_out


def _has(words: set[str], name: str) -> bool:
    if name in words or name in _ALL:
        return True
    return _GLOB.search(name) is not None and any(fnmatchcase(word, name) for word in words)


def parameter_filter(text: str) -> Filter:
    """Return the filter of ``-p``: an expression over parameters and resources."""
    try:
        expression = parse_parameter_expression(text)
    except InputError as error:
        raise UsageError(error.what, where="-p") from None
    reason = f"parameter expression {text!r} does not hold"

    def left_out(spec: JobSpec) -> str | None:
        resources = {**spec.requested, "nodes": spec.nodes}
        return None if expression({**resources, **spec.parameters}) else reason

    return left_out


def owner_filter(owners: Sequence[str]) -> Filter:
    """Return the filter of ``--owner``."""
    reason = f"not owned by {' or '.join(owners)}"
    return lambda spec: None if set(owners).intersection(spec.owners) else reason


def regex_filter(text: str) -> Filter:
    """Return the filter of ``--regex``, which keeps jobs if it matches in the test file or in one of their assets."""
    try:
        expression = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"{text[:80]!r} is not a regular expression ({error})", where="--regex") from None
    reason = f"no file of the job has text that matches {text!r}"
    known: dict[str, bool] = {}

    def matches(pattern: str) -> bool:
        if pattern not in known:
            known[pattern] = any(expression.search(_content(Path(file))) for file in _files(pattern))
        return known[pattern]

    return lambda spec: None if any(map(matches, (spec.file, *(asset.source for asset in spec.assets)))) else reason


def _files(pattern: str) -> list[str]:
    return glob.glob(pattern) if _GLOB.search(pattern) and not Path(pattern).exists() else [pattern]  # noqa: PTH207


def _content(file: Path) -> str:
    try:
        return read_plain(file, follow=True).decode(errors="replace")
    except OSError:  # the job itself will report a missing or unreadable file; a folder has no text
        return ""


class Masks(NamedTuple):
    """The reason why each job is left out (or None), and the indexes of jobs left out although they were selected."""

    reasons: list[str | None]
    dropped: list[int]


def masks(drafts: Sequence[Draft], edges: Sequence[tuple[DependencyEdge, ...]], options: DiscoveryOptions) -> Masks:
    """Return the masks of all jobs.

    A job's own mask comes first, then the filters (which spare companions of selected jobs), then masks of jobs that it
    depends on. Dropped jobs depend on a job that the filters did not select.
    """
    chosen, excluded = filters(options), exclusions(options)
    specs = [draft.spec for draft in drafts]
    own = [_first(excluded, spec) if excluded and spec.mask is None else spec.mask for spec in specs]
    found = [_first(chosen, spec) if chosen and mask is None else mask for spec, mask in zip(specs, own, strict=True)]
    numbers = {spec.id: number for number, spec in enumerate(specs)}
    _take_along(drafts, found, own, numbers)
    unselected = {number for number, mask in enumerate(found) if mask is not None and specs[number].mask is None}
    needs = [
        [numbers[edge.job] for edge in needed if not spec.is_order_only(edge)]
        for spec, needed in zip(specs, edges, strict=True)
    ]
    dependents = dependents_of(range(len(specs)), needs.__getitem__)
    dropped: list[int] = []
    left_out = [number for number, mask in enumerate(found) if mask is not None]
    for number, upstream in downstream(left_out, dependents.get).items():
        found[number] = f"depends on {specs[upstream].name}, which is left out"
        if upstream in unselected:
            unselected.add(number)
            dropped.append(number)
    return Masks(found, sorted(dropped))


def _take_along(
    drafts: Sequence[Draft], found: list[str | None], own: Sequence[str | None], numbers: Mapping[str, int]
) -> None:
    """Remove the masks of filters from the companions of unmasked jobs."""
    selected = [number for number, draft in enumerate(drafts) if draft.companions and found[number] is None]

    def needed(number: int) -> Iterator[int]:
        companions = (numbers[name] for name in drafts[number].companions)
        return (other for other in companions if found[other] is not None and own[other] is None)

    for number in downstream(selected, needed):
        found[number] = None


def _first(chosen: Sequence[Filter], spec: JobSpec) -> str | None:
    return next((reason for each in chosen if (reason := each(spec)) is not None), None)


def nothing_selected(jobs: Sequence[JobSpec], options: DiscoveryOptions) -> tuple[str, str] | None:
    """Return why no job is left, and what to do about it; None if there is a job that is not masked."""
    if any(job.mask is None for job in jobs):
        return None
    given = [
        *([f"-k {options.keyword_expression!r}"] if options.keyword_expression is not None else ()),
        *([f"-p {options.parameter_expression!r}"] if options.parameter_expression is not None else ()),
        *(f"--owner {owner}" for owner in options.owners),
        *([f"--regex {options.regex!r}"] if options.regex is not None else ()),
        *([f"-R {options.names_matching!r}"] if options.names_matching is not None else ()),
        *([f"-E {options.names_not_matching!r}"] if options.names_not_matching is not None else ()),
        *(f"-L {text!r}" for text in options.labels_matching),
        *(f"-LE {text!r}" for text in options.labels_not_matching),
    ]
    if any(job.mask is not None and job.mask.startswith(ELSEWHERE) for job in jobs):
        return "--shard: this part has no jobs", "there are fewer groups of jobs than parts"
    if not given:
        what = "the only job is masked" if len(jobs) == 1 else f"all {len(jobs)} jobs are masked"
        return f"{what}: {jobs[0].mask}", "canary-wf find -v shows why"
    keywords = sorted({word for job in jobs for word in job.keywords})
    hint = f"keywords: {some(keywords)}" if keywords and options.keyword_expression else "canary-wf find -v shows why"
    verb = "selects" if len(given) == 1 else "select"
    return f"{' '.join(given)} {verb} none of {count(len(jobs), 'job')}", hint
