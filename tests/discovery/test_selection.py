"""Which jobs are left out, and why."""

from pathlib import Path

import pytest

from canary_wf.discovery import DiscoveryOptions, discover
from canary_wf.errors import InputError, UsageError

TREE = """\
jobs:
  - {name: mesh, command: [x], keywords: [Fast, unit], owners: [me], parameters: {n: [1, 2]}}
  - {name: solve, command: [x], keywords: [slow], owners: [you], cpus: 4, copy: [in.dat], depends_on: [mesh.n=1]}
  - {name: collect, command: [x], depends_on: [{job: solve, when: always}]}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return an empty folder for test files."""
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def _chosen(tree: Path, **options: object) -> list[str]:
    (tree / "t.jobs.yaml").write_text(TREE)
    (tree / "in.dat").write_text("needle")
    found = discover([tree], DiscoveryOptions(**options))  # type: ignore[arg-type]
    assert len(found.jobs) == 4
    return [job.name for job in found.jobs if job.mask is None]


ALL = ["mesh.n=1", "mesh.n=2", "solve", "collect"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (None, ALL),
        (":all:", ALL),
        ("__all__", ALL),
        ("", []),
        ("fast", ["mesh.n=1", "mesh.n=2"]),
        ("FAST and unit", ["mesh.n=1", "mesh.n=2"]),
        ("fas", []),
        ("fa*", ["mesh.n=1", "mesh.n=2"]),
        ("mesh", ["mesh.n=1", "mesh.n=2"]),
        ("mesh.n=2", ["mesh.n=2"]),
        ("t.jobs.yaml and not slow", ["mesh.n=1", "mesh.n=2"]),
        ("fast or slow", ["mesh.n=1", "mesh.n=2", "solve"]),
    ],
)
def test_keyword_expressions(tree: Path, expression: str | None, expected: list[str]) -> None:
    """Keywords, name, family and file count, without regard to case; downstream of what is left out goes too."""
    assert _chosen(tree, keyword_expression=expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"), [("n=2", ["mesh.n=2"]), ("cpus=1 and !n", []), ("cpus>0", ALL), ("nope=1", [])]
)
def test_parameter_expressions(tree: Path, expression: str, expected: list[str]) -> None:
    """Parameters and resources can be asked for."""
    assert _chosen(tree, parameter_expression=expression) == expected


def test_owners(tree: Path) -> None:
    """A job of any of the owners is kept."""
    assert _chosen(tree, owners=("me",)) == ["mesh.n=1", "mesh.n=2"]
    assert _chosen(tree, owners=("me", "you")) == ["mesh.n=1", "mesh.n=2", "solve"]
    assert _chosen(tree, owners=("m*",)) == []


def test_regex_looks_into_the_files_of_the_job(tree: Path) -> None:
    """The test file and the job's assets are searched."""
    assert _chosen(tree, regex="na[m]e: mesh") == ALL
    (tree / "needle.pyt").write_text("# nothing")
    found = {job.name: job.mask for job in discover([tree], DiscoveryOptions(regex="nee+dle")).jobs}
    assert found["needle"] is not None
    assert found["solve"] == "depends on mesh.n=1, which is left out"


def test_the_reason_names_the_upstream(tree: Path) -> None:
    """Each mask says why, down the whole chain."""
    _chosen(tree)
    found = discover([tree], DiscoveryOptions(keyword_expression="not fast")).jobs
    assert [job.mask for job in found] == [
        "keyword expression 'not fast' does not hold",
        "keyword expression 'not fast' does not hold",
        "depends on mesh.n=1, which is left out",
        "depends on solve, which is left out",
    ]


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"keyword_expression": "fast and"}, "-k"),
        ({"parameter_expression": "f(1)"}, "-p"),
        ({"regex": "("}, "--regex"),
    ],
)
def test_malformed_expressions_are_usage_errors(tree: Path, options: dict[str, str], where: str) -> None:
    """The error names the option."""
    with pytest.raises(UsageError, match=where):
        _chosen(tree, **options)


def test_nothing_found_is_an_error(tree: Path) -> None:
    """An empty tree is told, not silently planned."""
    with pytest.raises(InputError, match="no test files were found"):
        discover([tree], DiscoveryOptions())


def test_the_number_of_files_is_told(tree: Path) -> None:
    """Files are counted, whatever their kind; jobs come in the order of the files."""
    (tree / "a.pyt").touch()
    (tree / "b.jobs.yaml").write_text("jobs: [{name: x, command: [y]}]\n")
    (tree / "c.pyt").touch()
    found = discover([tree], DiscoveryOptions())
    assert (found.files, [job.name for job in found.jobs]) == (3, ["a", "x", "c"])


def test_names_that_differ_only_in_case_get_their_own_directories(tree: Path) -> None:
    """On a file system without regard to case the jobs would share a folder."""
    (tree / "b.jobs.yaml").write_text("jobs: [{name: x, command: [y]}, {name: X, command: [y]}]\n")
    directories = {job.directory.lower() for job in discover([tree], DiscoveryOptions()).jobs}
    assert len(directories) == 2


def test_a_thousand_files_are_found_quickly(tree: Path) -> None:
    """A large tree takes seconds, not minutes (the benchmark measures it exactly)."""
    import time

    text = "import canary\ncanary.directives.parameterize('n', range(10))\ncanary.directives.keywords('fast')\n"
    for number in range(1000):
        (tree / f"t{number}.pyt").write_text(text)
    start = time.monotonic()
    assert len(discover([tree], DiscoveryOptions()).jobs) == 10_000
    assert time.monotonic() - start < 15


def test_names_and_keywords_by_regular_expressions_of_cmake(tree: Path) -> None:
    """For jobs of all kinds; each -L narrows; what is excluded is excluded."""
    assert _chosen(tree, names_matching="^mesh[.]") == ["mesh.n=1", "mesh.n=2"]
    assert _chosen(tree, names_matching="mesh", names_not_matching="=1$") == ["mesh.n=2"]
    assert _chosen(tree, labels_matching=("Fa.t", "u")) == _chosen(tree, keyword_expression="fast")
    assert _chosen(tree, labels_matching=("Fast", "nothing")) == []
    for option, where in {"names_matching": "-R", "names_not_matching": "-E"}.items():
        with pytest.raises(UsageError, match=f"{where}: .* is not a regular expression"):
            _chosen(tree, **{option: "("})


def test_what_was_selected_and_lacks_another_is_told(tree: Path) -> None:
    """With what depends on it; not what lacks a job that is masked by itself."""
    _chosen(tree)
    found = discover([tree], DiscoveryOptions(keyword_expression="not fast"))
    names = {job.id: job.name for job in found.jobs}
    assert {names[job] for job in found.dropped} == {"solve", "collect"}
    assert not discover([tree], DiscoveryOptions()).dropped
