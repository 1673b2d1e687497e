"""Which of the found jobs are to be run: masks from `-k`, `-p`, `--owner` and `--regex`, and what follows from them.

A mask is the reason why a job is left out. A job that depends on a masked one is masked too.
"""

import glob
import re
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from canary_wf.discovery.options import DiscoveryOptions
from canary_wf.discovery.parameter_expression import parse_parameter_expression
from canary_wf.errors import InputError, UsageError
from canary_wf.expressions import parse_expression
from canary_wf.job.spec import DependencyEdge, JobSpec
from canary_wf.plain_files import read_plain

Filter = Callable[[JobSpec], str | None]
"""Returns the reason why a job is left out, or None."""

_ALL = {":all:", "__all__"}
_GLOB = re.compile(r"[*?[]")


def filters(options: DiscoveryOptions) -> list[Filter]:
    """Return the filters that `options` ask for. Raises UsageError for an expression that is not well formed."""
    found: list[Filter] = []
    if options.keyword_expression is not None:
        found.append(keyword_filter(options.keyword_expression))
    if options.parameter_expression is not None:
        found.append(parameter_filter(options.parameter_expression))
    if options.owners:
        found.append(owner_filter(options.owners))
    if options.regex is not None:
        found.append(regex_filter(options.regex))
    return found


def keyword_filter(text: str) -> Filter:
    """Return the filter of ``-k``: an expression over keywords, name, family and file, without regard to case."""
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
        resources = {"cpus": spec.cpus, "gpus": spec.gpus, "nodes": spec.nodes, **spec.resources}
        return None if expression({**resources, **spec.parameters}) else reason

    return left_out


def owner_filter(owners: Sequence[str]) -> Filter:
    """Return the filter of ``--owner``."""
    reason = f"not owned by {' or '.join(owners)}"
    return lambda spec: None if set(owners).intersection(spec.owners) else reason


def regex_filter(text: str) -> Filter:
    """Return the filter of ``--regex``: what it matches in the test file or one of the files the job is given."""
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
    except OSError:  # a file that is missing or unreadable is an error of the job, when it runs; a folder has no text
        return ""


def masks(
    specs: Sequence[JobSpec], edges: Sequence[tuple[DependencyEdge, ...]], options: DiscoveryOptions
) -> list[str | None]:
    """Return for each job why it is left out, or None: its own mask first, then the filters, then its upstreams."""
    chosen = filters(options)
    found = [spec.mask if spec.mask is not None else _first(chosen, spec) for spec in specs]
    numbers = {spec.id: number for number, spec in enumerate(specs)}
    downstream: dict[int, list[int]] = defaultdict(list)
    for number, needed in enumerate(edges):
        for edge in needed:
            if specs[number].is_order_only(edge):
                continue
            downstream[numbers[edge.job]].append(number)
    waiting = deque(number for number, mask in enumerate(found) if mask is not None)
    while waiting:
        upstream = waiting.popleft()
        for number in downstream[upstream]:
            if found[number] is None:
                found[number] = f"depends on {specs[upstream].name}, which is left out"
                waiting.append(number)
    return found


def _first(chosen: Sequence[Filter], spec: JobSpec) -> str | None:
    return next((reason for each in chosen if (reason := each(spec)) is not None), None)
