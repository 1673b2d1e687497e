"""Patterns resolved over all jobs, and what is refused."""

import time

import pytest

from canary_wf.discovery.dependencies import check_ids, resolve
from canary_wf.discovery.draft import DependencyRequest, Draft
from canary_wf.errors import InputError
from canary_wf.spec.job_spec import JobSpec


def _draft(name: str, *patterns: str, family: str = "", kind: str = "jobs", expects: str | int = "+") -> Draft:
    spec = JobSpec(
        id=f"id-{name}",
        name=name,
        family=family or name,
        path=f"sub/{family or name}.pyt",
        file=f"/t/sub/{family or name}.pyt",
        kind="pyt" if kind == "pyt" else "jobs",
        directory="",
    )
    requests = (DependencyRequest(patterns, "/t/f:3", expects=expects),) if patterns else ()
    return Draft(spec, requests)


def _upstream(drafts: list[Draft], number: int = -1) -> list[str]:
    return [edge.job.removeprefix("id-") for edge in resolve(drafts)[number]]


MESHES = [_draft("mesh.n=1", family="mesh"), _draft("mesh.n=2", family="mesh"), _draft("mesh", family="other")]


def test_names_come_before_families() -> None:
    """In job files a pattern means names; families only where no name matches."""
    assert _upstream([*MESHES, _draft("x", "mesh")]) == ["mesh"]
    assert _upstream([*MESHES[:2], _draft("x", "mesh")]) == ["mesh.n=1", "mesh.n=2"]


def test_pyt_patterns_mean_all_ways_to_call_a_job() -> None:
    """In `.pyt` files name, family, name with folder and file all count."""
    drafts = [*MESHES[:2], _draft("y")]
    for pattern in ("mesh", "mesh.n=*", "sub/mesh.n=?", "sub/mesh.pyt", "/t/sub/mesh.pyt"):
        assert _upstream([*drafts, _draft("x", pattern, kind="pyt")]) == ["mesh.n=1", "mesh.n=2"]


def test_brackets_in_a_name_are_taken_literally_first() -> None:
    """A name that looks like a glob is found by its own text."""
    assert _upstream([_draft("a[1]"), _draft("a1"), _draft("x", "a[1]")]) == ["a[1]"]
    assert _upstream([_draft("a1"), _draft("x", "a[1]")]) == ["a1"]


def test_a_glob_never_means_the_job_itself() -> None:
    """A job may say `step.*` of its own family."""
    assert _upstream([_draft("s.1"), _draft("s.2", "s.*")]) == ["s.1"]
    with pytest.raises(InputError, match="matches no job"):
        resolve([_draft("s.2", "s.*")])


def test_no_match_names_place_job_and_pattern() -> None:
    """The error says where, which job, which pattern, and what was probably meant."""
    with pytest.raises(InputError) as caught:
        resolve([_draft("geometry"), _draft("x", "geometri")])
    assert str(caught.value) == "/t/f:3: job 'x' depends on 'geometri', which matches no job; did you mean 'geometry'?"


@pytest.mark.parametrize(
    ("pattern", "expects", "fits"),
    [
        ("mesh.*", "+", True),
        ("mesh.*", "*", True),
        ("mesh.*", 2, True),
        ("mesh.*", 1, False),
        ("mesh.*", "?", False),
        ("mesh.n=1", "?", True),
        ("none*", "?", True),
        ("none*", "*", True),
        ("none*", 1, False),
        ("none", "+", False),
    ],
)
def test_expects(pattern: str, expects: str | int, fits: bool) -> None:
    """How many jobs a dependency may match is checked."""
    drafts = [*MESHES[:2], _draft("x", pattern, expects=expects)]
    if fits:
        resolve(drafts)
    else:
        with pytest.raises(InputError, match="job 'x'"):
            resolve(drafts)


def test_cycles_are_shown() -> None:
    """The error shows the way round."""
    with pytest.raises(InputError, match=r"circle: a → b → c → a"):
        resolve([_draft("x", "a"), _draft("a", "b"), _draft("b", "c"), _draft("c", "a")])
    with pytest.raises(InputError, match=r"circle: a → a"):
        resolve([_draft("a", "a")])


def test_long_cycles_are_shortened() -> None:
    """A circle of thousands of jobs is still told in one readable line."""
    drafts = [_draft(f"j{number}", f"j{(number + 1) % 5000}") for number in range(5000)]
    with pytest.raises(InputError) as caught:
        resolve(drafts)
    assert len(str(caught.value)) < 300


def test_diamonds_are_no_cycles() -> None:
    """Two ways to one upstream are fine."""
    drafts = [_draft("a"), _draft("b", "a"), _draft("c", "a"), _draft("d", "b", "c", "a")]
    a, b, c, _ = (draft.spec.id for draft in drafts)
    assert [[edge.job for edge in edges] for edges in resolve(drafts)] == [[], [a], [a], [b, c, a]]


@pytest.mark.long
def test_a_chain_of_a_hundred_thousand_jobs() -> None:
    """Neither recursion nor quadratic time stands in the way of long chains."""
    drafts = [_draft("j0"), *(_draft(f"j{number}", f"j{number - 1}") for number in range(1, 100_000))]
    start = time.process_time()
    edges = resolve(drafts[::-1])
    assert time.process_time() - start < 10
    assert len(edges) == 100_000


def test_many_different_globs_are_fast() -> None:
    """Each glob looks only at names that begin alike."""
    drafts = [_draft(f"j{number}.n=1") for number in range(10_000)]
    users = [_draft(f"u{number}", f"j{number}.n=*") for number in range(10_000)]
    start = time.process_time()
    edges = resolve([*drafts, *users])
    assert time.process_time() - start < 10
    assert edges[-1][0].job == "id-j9999.n=1"


def test_two_jobs_with_one_id_are_named() -> None:
    """The error names both files."""
    first, second = _draft("a").spec, _draft("b").spec
    twin = JobSpec(id=first.id, name="a", family="a", path="a.pyt", file="/other/a.pyt", kind="pyt", directory="")
    with pytest.raises(InputError, match=r"/other/a\.pyt: .*'a'.* /t/sub/a\.pyt"):
        check_ids([first, second, twin])
