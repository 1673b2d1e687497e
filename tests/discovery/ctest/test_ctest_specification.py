"""The resource specification that a build tree names itself is the node's pool, as it is for ctest."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from canary_wf.discovery import Discovery, DiscoveryOptions, discover
from canary_wf.errors import InputError
from canary_wf.plan.cluster.target import choose_target, with_pool_files

pytestmark = pytest.mark.needs("cmake", "ctest")

TEST = """
add_test({0} /bin/true)
set_tests_properties({0} PROPERTIES RESOURCE_GROUPS "gpus:1")
"""


def specification(path: Path, *ids: str, slots: int = 1, kind: str = "gpus") -> Path:
    """Write a specification with GPUs of these ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    local = [{kind: [{"id": name, "slots": slots} for name in ids]}]
    path.write_text(json.dumps({"version": {"major": 1, "minor": 0}, "local": local}))
    return path


def tree(folder: Path, text: str, nested: str | None = None) -> Path:
    """Write a build tree whose test files say `text` and, in a folder below, `nested`."""
    folder.mkdir(parents=True, exist_ok=True)
    below = "" if nested is None else "subdirs(below)\n"
    (folder / "CTestTestfile.cmake").write_text(f"{text}\n{TEST.format('one')}{below}")
    if nested is not None:
        (folder / "below").mkdir()
        (folder / "below/CTestTestfile.cmake").write_text(f"{nested}\n{TEST.format('two')}")
    return folder


def found(*folders: Path, **options: Any) -> Discovery:  # noqa: ANN401 - any option
    """Return what discovery finds."""
    return discover(folders, DiscoveryOptions(**options))


@pytest.mark.parametrize(
    ("text", "nested", "named"),
    [
        ('set(CTEST_RESOURCE_SPEC_FILE "{here}/spec.json")', None, "spec.json"),
        ("set(CTEST_RESOURCE_SPEC_FILE spec.json)", None, "spec.json"),
        ("set( CTEST_RESOURCE_SPEC_FILE\n  [==[in a folder/s.json]==] )", None, "in a folder/s.json"),
        ('set(d "{here}")\nset(CTEST_RESOURCE_SPEC_FILE "${{d}}/spec.json")', "", "spec.json"),
        ("", 'set(CTEST_RESOURCE_SPEC_FILE "spec.json")', "spec.json"),
        ("# set(CTEST_RESOURCE_SPEC_FILE other.json)", None, None),
        ("set(CTEST_RESOURCE_SPEC_FILE)", None, None),
    ],
)
def test_whichever_test_file_sets_it_the_value_counts(
    tmp_path: Path, text: str, nested: str | None, named: str | None
) -> None:
    """The program itself lists the tree only when it finds that file: relative paths are from the top of the tree."""
    folder = tmp_path / "b"
    if named is not None:
        specification(folder / named, "7")
    files = found(tree(folder, text.format(here=folder), nested)).pool_files
    assert files == (() if named is None else (folder / named,))


def test_a_configured_project_with_configurations_and_nothing_that_needs_resources(tmp_path: Path) -> None:
    """What cmake itself writes for -D; a tree without RESOURCE_GROUPS is not asked."""
    spec = specification(tmp_path / "gpus.json", "a", "b")
    source = tmp_path / "s"
    source.mkdir()
    text = (
        'cmake_minimum_required(VERSION 3.18)\nproject(p LANGUAGES NONE)\nenable_testing()\nadd_test(one "/bin/true")\n'
    )
    needs = 'if(NEEDS)\n  set_tests_properties(one PROPERTIES RESOURCE_GROUPS "gpus:1")\nendif()\n'
    (source / "CMakeLists.txt").write_text(text + needs)
    for number in "01":
        build = tmp_path / number
        options = (f"-DCTEST_RESOURCE_SPEC_FILE={spec}", f"-DNEEDS={number}")
        subprocess.run(["cmake", "-S", source, "-B", build, *options], check=True, capture_output=True)
        assert found(build).pool_files == ((spec,) if number == "1" else ())
    by_configuration = tree(
        tmp_path / "c",
        'if(CTEST_CONFIGURATION_TYPE STREQUAL "Big")\n  set(CTEST_RESOURCE_SPEC_FILE "../gpus.json")\nendif()',
    )
    assert found(by_configuration).pool_files == ()
    assert [each.resolve() for each in found(by_configuration, ctest_config="Big").pool_files] == [spec]


def test_it_is_the_pool_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    """By -r for a type, by a pool file for all; several trees share a machine; Slurm's nodes are Slurm's."""
    first = specification(tmp_path / "1.json", "a", "b", slots=2)
    other = specification(tmp_path / "2.json", "x", kind="fpgas")
    more = specification(tmp_path / "3.json", "b", "c", slots=4)
    target = choose_target("local", {"cpus": 3}, None)
    pool = with_pool_files(target, [first, other, more]).pool
    assert [(item["id"], item["slots"]) for item in pool.resources["gpus"]] == [("a", 2), ("b", 4), ("c", 4)]
    assert (pool.count("fpgas"), pool.count("cpus")) == (1, 3)
    asked = with_pool_files(choose_target("local", {"gpus": 1, "nodes": 2}, None), [first])
    assert [item["id"] for item in asked.pool.resources["gpus"]] == ["a"]
    assert (asked.node.capacities["gpus"], asked.node.nodes) == (2, 2)
    given = choose_target("local", {}, other)
    assert with_pool_files(given, [first]) is given
    slurm = choose_target("slurm", {"cpus": 4}, None)
    assert with_pool_files(slurm, [first]) is slurm
    (tmp_path / "wrong.json").write_text('{"local": 3}')
    with pytest.raises(InputError, match=r"wrong.json.*local"):
        with_pool_files(target, [tmp_path / "wrong.json"])


def test_a_file_that_is_missing_is_told_as_ctest_tells_it(tmp_path: Path) -> None:
    """With the place that names it."""
    with pytest.raises(InputError, match=r"CTestTestfile.cmake: .*spec.json: File not found"):
        found(tree(tmp_path / "b", "set(CTEST_RESOURCE_SPEC_FILE spec.json)"))
