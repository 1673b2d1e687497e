"""`--shard`: parts that are equal everywhere, together everything, and about as long as each other."""

import random

import pytest
from command_line import CommandLine, assert_one_line
from factories import spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.discovery import DiscoveryOptions, discover
from canary_wf.discovery.shards import Shard, parse_shard, shard_masks
from canary_wf.errors import UsageError
from canary_wf.library import generate
from canary_wf.spec.job_spec import DependencyEdge, JobSpec


def _kept(specs: list[JobSpec], masks: list[str | None], shard: Shard) -> set[str]:
    edges = [job.dependencies for job in specs]
    found = shard_masks(specs, edges, masks, shard)
    return {job.name for job, mask in zip(specs, found, strict=True) if mask is None}


def _suite(times: list[float], needs: list[int | None]) -> list[JobSpec]:
    """Return jobs of which some need an earlier one."""
    jobs: list[JobSpec] = []
    for number, (seconds, need) in enumerate(zip(times, needs, strict=True)):
        edges = () if need is None or need >= number else (DependencyEdge(jobs[need].id),)
        jobs.append(spec(f"j{number}", runtime=seconds, dependencies=edges))
    return jobs


SUITES = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0.1, 250), min_size=n, max_size=n),
        st.lists(st.none() | st.integers(0, 29), min_size=n, max_size=n),
        st.integers(1, 6),
        st.randoms(use_true_random=False),
    )
)


@given(SUITES)
def test_the_parts_are_the_whole_whatever_the_order(
    suite: tuple[list[float], list[int | None], int, random.Random],
) -> None:
    """Each job is in one part, with all that it depends on; another order of files gives the same parts."""
    times, needs, parts, chance = suite
    jobs = _suite(times, needs)
    shuffled = list(jobs)
    chance.shuffle(shuffled)
    seen: list[str] = []
    for part in range(1, parts + 1):
        kept = _kept(jobs, [None] * len(jobs), Shard(part, parts))
        assert kept == _kept(shuffled, [None] * len(jobs), Shard(part, parts))
        names = {job.id: job.name for job in jobs}
        assert all(names[edge.job] in kept for job in jobs if job.name in kept for edge in job.dependencies)
        seen += kept
    assert sorted(seen) == sorted(job.name for job in jobs)


def test_the_parts_are_balanced_by_time() -> None:
    """One long job is alone; the short ones are elsewhere. Graham's bound: at most 4/3 of the best."""
    jobs = [spec("long", runtime=100.0), *(spec(f"short{n}", runtime=10.0) for n in range(20))]
    sizes = [len(_kept(jobs, [None] * len(jobs), Shard(part, 3))) for part in (1, 2, 3)]
    assert sorted(sizes) == [1, 10, 10]


def test_masked_jobs_take_no_room() -> None:
    """What -k leaves out is in no part, and keeps its reason."""
    jobs = [spec(name, runtime=seconds) for name, seconds in (("a", 100.0), ("b", 1.0), ("c", 1.0))]
    masks = ["left out", None, None]
    assert [_kept(jobs, masks, Shard(part, 2)) for part in (1, 2)] in ([{"b"}, {"c"}], [{"c"}, {"b"}])
    assert shard_masks(jobs, [()] * 3, masks, Shard(1, 2))[0] == "left out"


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1/0", "1", "a/b", "1/2/3", "-1/2", "1/99999", "1/2;"])
def test_what_is_no_part_is_refused(text: str) -> None:
    """With the form that is."""
    with pytest.raises(UsageError, match="is not a part; write m/n"):
        parse_shard(text)
    assert parse_shard(" 2/4 ") == Shard(2, 4)


def test_a_part_is_chosen_from_python(cli: CommandLine) -> None:
    """As a pair; one that cannot be is refused."""
    cli.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true'}\n  - {name: b, command: 'true'}\n")
    assert len(generate(cli.tree, out=cli.out, scheduler="local", shard=(1, 2)).jobs) == 1
    with pytest.raises(UsageError, match="is not a part"):
        generate(cli.tree, out=cli.out, scheduler="local", shard=(3, 2))


def test_the_parts_of_a_tree_are_found_and_planned(cli: CommandLine) -> None:
    """By all commands that find jobs; a part without jobs is an error."""
    cli.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true'}\n  - {name: b, command: 'true'}\n")
    options = DiscoveryOptions(shard=Shard(1, 2))
    assert [job.mask for job in discover([cli.tree], options).jobs].count("is in part 2/2") == 1
    found = {cli("find", cli.tree, "--shard", part).out.split()[1] for part in ("1/2", "2/2")}
    assert found == {"a", "b"}
    assert "Found 2 jobs in 1 file, 1 masked." in cli.generate("--shard", "2/2").out
    for done in (cli.generate("--shard", "3/3"), cli("find", cli.tree, "--shard", "3/3")):
        assert_one_line(done, 3, "--shard: this part has no jobs")
