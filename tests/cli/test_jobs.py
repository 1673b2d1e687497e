"""Which job a user means by what was typed."""

import pytest
from factories import planned, spec

from canary_wf.cli.jobs import MOST_COMPARED, find_job, find_jobs
from canary_wf.errors import UsageError


def test_a_slip_of_the_pen_among_very_many_jobs_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing a hundred thousand names takes longer than looking at the list; parts of names are still found."""
    jobs = [planned(spec(f"mesh.n={number}")) for number in range(MOST_COMPARED + 1)]
    monkeypatch.setattr("difflib.SequenceMatcher", None)
    with pytest.raises(UsageError, match=r"^JOB: there is no job 'mehs\.n=7'; canary-wf status -r all lists them$"):
        find_job(jobs, "mehs.n=7")
    with pytest.raises(UsageError, match=r"did you mean mesh\.n=0, mesh\.n=1, "):
        find_job(jobs, "MESH")


def test_a_test_of_ctest_is_found_by_its_own_name() -> None:
    """After jobs that are called so; patterns go over both; characters of patterns in a name are no pattern."""
    odd = planned(spec("a__b_", family="a: [b]", kind="ctest", attributes={"test": "a: [b]"}))
    plain = planned(spec("a", kind="ctest", attributes={"test": "a"}))
    assert find_job([odd, plain], "a: [b]") is odd
    assert find_jobs([odd, plain], "a: [b]") == [odd]
    assert find_jobs([odd, plain], "a: *") == [odd]
    assert find_jobs([odd, plain], "a*") == [odd, plain]
    taken = planned(spec("x", family="a", kind="ctest", attributes={"test": "a"}))
    assert find_job([taken, plain], "a") is plain


def test_a_pattern_means_a_job_that_alone_matches_it() -> None:
    """Where one job is wanted, the names of several are told."""
    jobs = [planned(spec(name)) for name in ("mesh.n=1", "mesh.n=2", "solve")]
    assert find_job(jobs, "sol*") is jobs[2]
    with pytest.raises(UsageError, match=r"'mesh\.\*' names 2 jobs \(mesh\.n=1, mesh\.n=2\); name one of them"):
        find_job(jobs, "mesh.*")
    with pytest.raises(UsageError, match=r"there is no job 'no\*'"):
        find_job(jobs, "no*")
