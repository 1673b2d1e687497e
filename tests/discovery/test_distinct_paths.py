"""Several PATHs that hold equal files: what files and jobs are called, and whom dependencies mean."""

import itertools
from pathlib import Path

import pytest

from canary_wf.discovery.finder import discover
from canary_wf.discovery.options import DiscoveryOptions
from canary_wf.discovery.walk import find_files, with_distinct_paths
from canary_wf.errors import InputError
from canary_wf.spec.identity import job_id

SUITE = """
jobs:
  - {name: mesh, command: 'true', parameters: {n: [1, 2]}}
  - {name: solve, command: 'true', depends_on: [mesh]}
"""


def _paths(*paths: Path) -> set[str]:
    files = with_distinct_paths(find_files(paths, lambda name: name.endswith((".pyt", ".yaml"))))
    assert len({file.path for file in files}) == len(files)
    return {file.path for file in files}


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_equal_files_are_called_from_the_folder_above(tmp_path: Path) -> None:
    """Only PATHs that collide get longer names, whatever their order; a PATH may be a file."""
    _touch(tmp_path, "a/tests/t.pyt", "a/tests/only.pyt", "b/tests/t.pyt", "c/s.pyt", "d/deep/s.pyt", "d/u.pyt")
    given = [tmp_path / name for name in ("a/tests", "b/tests", "c/s.pyt", "d/deep", "d/u.pyt")]
    expected = {"a/tests/t.pyt", "a/tests/only.pyt", "b/tests/t.pyt", "c/s.pyt", "d/deep/s.pyt", "u.pyt"}
    for order in itertools.permutations(given):
        assert _paths(*order) == expected
    assert _paths(given[0], given[3]) == {"t.pyt", "only.pyt", "s.pyt"}


def test_names_that_collide_only_then_are_told_apart_too(tmp_path: Path) -> None:
    """What one PATH gives as a longer name may be what another has anyway."""
    _touch(tmp_path, "x/a/t.pyt", "x/b/t.pyt", "y/a/t.pyt")
    given = [tmp_path / "x/a", tmp_path / "x/b", tmp_path / "y"]
    for order in itertools.permutations(given):
        assert _paths(*order) == {"x/a/t.pyt", "x/b/t.pyt", "y/a/t.pyt"}


def test_one_file_by_two_ways_is_refused(tmp_path: Path) -> None:
    """A link to a PATH, or to a file, beside it would give every job twice."""
    _touch(tmp_path, "a/t.pyt", "c/other.pyt")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c" / "t.pyt").symlink_to(tmp_path / "a" / "t.pyt")
    for other in ("b", "c"):
        with pytest.raises(InputError, match="below two of the given paths"):
            _paths(tmp_path / "a", tmp_path / other)


def test_each_suite_depends_on_its_own_jobs(tmp_path: Path) -> None:
    """Ids and folders differ, and a pattern means the jobs of its own PATH, so that numbers fit; others come second."""
    for name in ("debug", "release"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "m.jobs.yaml").write_text(SUITE)
        (tmp_path / name / "sub" / "p.pyt").write_text(
            "from canary import directives as d\nd.depends_on({'job': 'mesh.*', 'expects': 2})\n"
            "d.depends_on('m.jobs.yaml')\nd.keywords('p')\n"
        )
        (tmp_path / name / "sub" / "q.pyt").write_text("import canary\ncanary.directives.depends_on('sub/p')\n")
    (tmp_path / "release" / "last.pyt").write_text("import canary\ncanary.directives.depends_on('first')\n")
    (tmp_path / "debug" / "first.pyt").write_text("")
    jobs = discover([tmp_path / "release", tmp_path / "debug"], DiscoveryOptions()).jobs
    by_id = {job.id: job for job in jobs}
    assert len(by_id) == len({job.directory for job in jobs}) == 12
    needed = {job.directory: {by_id[edge.job].directory for edge in job.dependencies} for job in jobs}
    for name in ("debug", "release"):
        meshes = {f"{name}/mesh.n=1", f"{name}/mesh.n=2"}
        assert needed[f"{name}/solve"] == meshes
        assert needed[f"{name}/sub/p"] == meshes | {f"{name}/solve"}
        assert needed[f"{name}/sub/q"] == {f"{name}/sub/p"}
    assert needed["release/last"] == {"debug/first"}
    assert job_id("debug/m.jobs.yaml", "mesh", {"n": 1}) in by_id
    alone = discover([tmp_path / "debug"], DiscoveryOptions()).jobs
    assert job_id("m.jobs.yaml", "mesh", {"n": 1}) in {job.id for job in alone}
