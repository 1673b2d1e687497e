"""Which set-ups and clean-ups of CTest run again with the tests that require them."""

from collections.abc import Collection

import pytest
from factories import spec

from canary_wf.ctest.undone_fixtures import with_fixtures
from canary_wf.spec.identity import job_id
from canary_wf.spec.job_spec import DependencyEdge, JobSpec


def _edge(name: str, when: str) -> DependencyEdge:
    return DependencyEdge(job_id("t.jobs.yaml", name, {}), when)


def _test(name: str, *fixtures: str, requires: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> JobSpec:
    edges = (*(_edge(each, "pass or skipped") for each in requires), *(_edge(each, "always") for each in after))
    return spec(name, kind="ctest", fixtures=fixtures, dependencies=edges)


JOBS = [
    _test("outer_up", "outer"),
    _test("inner_first", "inner"),
    _test("inner_up", "inner", "outer", requires=("outer_up",), after=("inner_first",)),
    _test("use", "inner", requires=("inner_first", "inner_up")),
    _test("after_use", "inner", requires=("inner_first", "inner_up"), after=("use",)),
    _test("inner_down", "inner", after=("inner_first", "inner_up", "use", "after_use")),
    _test("outer_down", "outer", after=("outer_up", "inner_up")),
    _test("free", after=("use",)),
]
NAMES = {job.id: job.name for job in JOBS}
IDS = {job.name: job.id for job in JOBS}
INNER = {"inner_first", "inner_up", "inner_down"}
OUTER = {"outer_up", "outer_down"}


@pytest.mark.parametrize(
    ("chosen", "done", "found"),
    [
        ({"use"}, set(IDS), {"use"} | INNER | OUTER),
        ({"use"}, {"use", "inner_up", "inner_first", "after_use"}, {"use"}),
        ({"use"}, {"inner_down"}, {"use"} | INNER),
        ({"use"}, {"outer_down"}, {"use"}),
        ({"inner_up"}, set(IDS), {"inner_up"} | OUTER),
        ({"outer_up", "inner_down", "free"}, set(IDS), {"outer_up", "inner_down", "free"}),
    ],
)
def test_fixtures_that_were_cleaned_up_come_along(
    chosen: Collection[str], done: Collection[str], found: Collection[str]
) -> None:
    """A set-up that requires another fixture brings that along; what nobody undid is still there."""
    again = with_fixtures({IDS[name] for name in chosen}, JOBS, {IDS[name] for name in done})
    assert {NAMES[job] for job in again} == set(found)
