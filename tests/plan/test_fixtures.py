"""Fixtures of CTest in plans: their jobs share a batch where they fit, the batches stay a plan, and else it is told."""

import pytest
from factories import plan_of, spec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples

from canary_wf.batch.problem import problem_of
from canary_wf.batch.specification import BatchSpecification
from canary_wf.errors import InputError
from canary_wf.history.run_times import History
from canary_wf.plan.explanation.explain import explain
from canary_wf.plan.fixtures import fixture_warnings, partition_with_fixtures
from canary_wf.spec.job_spec import JobSpec

NODE = {"cpus": 2, "gpus": 0}


def batches(
    jobs: list[JobSpec], text: str = "", *, seconds: float = 10.0, local: bool = True, unlike: tuple[str, ...] = ()
) -> list[set[str]]:
    """Return the names in each batch; jobs take `seconds`, and those named `unlike` share none with the others."""
    problem = problem_of(jobs, [seconds] * len(jobs), NODE)
    found = partition_with_fixtures(
        problem,
        jobs,
        BatchSpecification.parse(text),
        local=local,
        alike=lambda task: jobs[task].name in unlike,
    )
    done: set[str] = set()
    for part in found:  # a batch comes after those that its jobs wait for
        ids = {jobs[task].id for task in part.tasks}
        done |= ids
        assert {edge.job for task in part.tasks for edge in jobs[task].dependencies} <= done
    assert sorted(task for part in found for task in part.tasks) == list(range(len(jobs)))
    return [{jobs[task].name for task in part.tasks} for part in found]


def web(users: int = 1) -> list[JobSpec]:
    """Return the jobs of a fixture."""
    names = [f"use{number}" for number in range(users)]
    return [
        spec("up", fixtures=("web@/b",)),
        *(spec(name, "up", fixtures=("web@/b",)) for name in names),
        spec("down", "up", *names, fixtures=("web@/b",)),
    ]


@pytest.mark.parametrize("text", ["", "count:1", "count:2", "duration:5s"])
def test_the_jobs_of_a_fixture_share_a_batch_on_this_machine(text: str) -> None:
    """However few batches there may be, and however short they are meant to be."""
    assert {"up", "use0", "use1", "down"} in batches(web(2), text)


def test_other_jobs_keep_the_flat_layout() -> None:
    """Those before and behind a fixture are in batches of their own."""
    jobs = [*web(), spec("build"), spec("x", "build"), spec("after", "use0")]
    found = batches(jobs)
    assert {"up", "use0", "down"} in [batch & {"up", "use0", "down"} for batch in found]
    assert not any({"build", "x"} <= batch for batch in found)
    with pytest.raises(InputError, match="too small"):
        batches(jobs, "count:1")


def test_what_lies_between_two_jobs_of_a_fixture_comes_along() -> None:
    """A batch that waited for another that waits for it could never run."""
    jobs = [*web(), spec("x", "use0")]
    jobs[2] = spec("down", "up", "use0", "x", fixtures=("web@/b",))
    assert batches(jobs) == [{"up", "use0", "x", "down"}]
    assert len(batches(jobs, unlike=("x",))) > 1  # x may not come along, so nothing is tied


def test_fixtures_with_a_job_in_common_are_one() -> None:
    """The test that requires both needs both servers."""
    jobs = [
        *web(),
        spec("db", fixtures=("db@/b",)),
        spec("both", "up", "db", fixtures=("web@/b", "db@/b")),
    ]
    assert batches(jobs) == [{"up", "use0", "down", "db", "both"}]


def test_on_a_cluster_a_fixture_is_no_longer_than_a_batch() -> None:
    """A build that a whole suite requires must not make one batch of it."""
    jobs = web(10)
    assert len(batches(jobs, "duration:100s", local=False)) == 1
    assert len(batches(jobs, "duration:50s", local=False)) > 1
    assert len(batches(jobs, "count:1", local=False)) == 1


def test_a_fixture_in_several_batches_is_told() -> None:
    """With the layout that keeps it together."""
    assert len(batches(web(), "count:max")) == 3
    up, use, down = web()
    assert list(fixture_warnings(plan_of([up, use, down]))) == []
    (told,) = fixture_warnings(plan_of([up], [use, down]))
    assert told.startswith("1 fixture of CTest (web) is spread over several batches")
    assert "layout:atomic" in told


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_whatever_the_fixtures_the_batches_are_a_plan(data: st.DataObject) -> None:
    """Random graphs with random fixtures: every job once, none before what it waits for."""
    number = data.draw(st.integers(1, 12))
    jobs = []
    for place in range(number):
        needs = data.draw(st.lists(st.integers(0, place - 1), max_size=2, unique=True)) if place else []
        fixtures = data.draw(st.lists(st.sampled_from("ab"), max_size=1))
        jobs.append(spec(f"j{place}", *(f"j{need}" for need in needs), fixtures=tuple(fixtures)))
    batches(jobs, data.draw(st.sampled_from(["", "duration:15s"])), local=data.draw(st.booleans()))


def test_a_job_that_is_kept_by_a_fixture_is_explained() -> None:
    """`plan --explain` names it; where the jobs are apart there is nothing to say."""
    up, use, down = web()
    together, apart = plan_of([up, use, down]), plan_of([up], [use], [down])
    lines = explain(together, together.jobs[1], History()).lines
    assert "a fixture of CTest keeps 2 more jobs with it" in "\n".join(lines)
    assert "fixture" not in "\n".join(explain(apart, apart.jobs[1], History()).lines)
