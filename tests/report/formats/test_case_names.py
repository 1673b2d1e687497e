"""What CI servers tell jobs apart by, and the file that they point at."""

from pathlib import Path

import pytest
from factories import plan_of, spec

from canary_wf.plan.model import LeftOut
from canary_wf.report.formats.case_names import CaseName, case_names, source_location


def _names(*jobs: object, left_out: tuple[LeftOut, ...] = ()) -> list[CaseName]:
    plan = plan_of(list(jobs), left_out=left_out)  # type: ignore[arg-type]
    return list(case_names(plan).values())


def test_a_class_is_the_file_as_a_module() -> None:
    """So that servers show a tree."""
    assert _names(spec("a", path="sub/mesh.pyt")) == [CaseName("sub.mesh", "a")]


@pytest.mark.parametrize(
    ("files", "classes"),
    [
        ([("x/y.jobs.yaml", "/t"), ("x.y.jobs.yaml", "/t")], ["x/y.jobs.yaml", "x.y.jobs.yaml"]),
        ([("y.pyt", "/t"), ("y.yaml", "/t")], ["y.pyt", "y.yaml"]),
        ([("y.pyt", "/debug"), ("y.pyt", "/release")], ["/debug/y.pyt", "/release/y.pyt"]),
        ([("y.pyt", "/debug"), ("y.pyt", "/release"), ("z.pyt", "/debug")], ["/debug/y.pyt", "/release/y.pyt", "z"]),
    ],
)
def test_files_that_would_share_a_class_are_named_in_full(files: list[tuple[str, str]], classes: list[str]) -> None:
    """All of them, so that none changes its name with another job's."""
    jobs = [spec("a", id=f"{number:020x}", path=path, file=f"{top}/{path}") for number, (path, top) in enumerate(files)]
    assert _names(*jobs) == [CaseName(name, "a") for name in classes]


def test_a_test_of_ctest_has_the_name_that_ctest_has_for_it() -> None:
    """Two of one name, in two folders of a tree, have their jobs'."""
    tests = {"Mesh__fine": "Mesh: fine", "a": "a", "a@2": "a"}
    jobs = [spec(name, kind="ctest", attributes={"test": test}) for name, test in tests.items()]
    assert [case.name for case in _names(*jobs)] == ["Mesh: fine", "a", "a@2"]


def test_jobs_of_one_name_are_told_apart_by_id() -> None:
    """As parameters that look the same give; one that was left out is one of them."""
    jobs = [spec("a.x=0.1", id=f"{number:020x}") for number in range(2)]
    left = LeftOut("f" * 20, "a.x=0.1", "too large", path="t.jobs.yaml", file="/nowhere/t.jobs.yaml")
    found = _names(*jobs, left_out=(left,))
    assert [case.name for case in found] == [f"a.x=0.1 [{job}]" for job in (f"{0:020x}", f"{1:020x}", "f" * 20)]


def test_files_are_named_from_the_top_of_the_repository(tmp_path: Path) -> None:
    """What the CI server says is the top, else the nearest folder of git; else as in the plan."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    file = str(tmp_path / "repo" / "tests" / "a.pyt")
    job = plan_of([spec("a", file=file)]).jobs[0]
    out = tmp_path / "out"
    assert source_location(job, out, {}) == ("tests/a.pyt", None)
    assert source_location(job, out, {"GITHUB_WORKSPACE": str(tmp_path)}) == ("repo/tests/a.pyt", None)
    assert source_location(job, out, {"CI_PROJECT_DIR": str(tmp_path / "else")}) == ("tests/a.pyt", None)
    inside = plan_of([spec("a", file="tests/a.pyt")]).jobs[0]
    assert source_location(inside, tmp_path / "repo" / "out", {}) == ("out/tests/a.pyt", None)
    assert source_location(plan_of([spec("a")]).jobs[0], out, {}) == ("/nowhere/t.jobs.yaml", None)


def test_a_test_of_ctest_is_where_the_project_adds_it(tmp_path: Path) -> None:
    """Its test file lies in the build tree, which no repository has."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    added = {"test": "a", "added_at": f"{tmp_path}/repo/sub/CMakeLists.txt:7"}
    job = plan_of([spec("a", kind="ctest", attributes=added)]).jobs[0]
    assert source_location(job, tmp_path, {}) == ("sub/CMakeLists.txt", 7)
