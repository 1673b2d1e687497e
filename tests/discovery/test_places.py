"""All mistakes of a tree are told in one go, each once and with its file as the user named it."""

import json
import time
from pathlib import Path

import pytest
from command_line import CommandLine

from canary_wf.discovery import DiscoveryOptions, discover
from canary_wf.errors import MOST_TOLD, InputError, MistakesError

YAML = """jobs:
  - name: a
    command: [x]
    cpus: 0
  - name: b
    command: "echo 'x"
    timeout: 3 parsecs
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree with mistakes of all sorts, below the current folder."""
    monkeypatch.chdir(tmp_path)
    tree = tmp_path / "t"
    (tree / "sub").mkdir(parents=True)
    (tree / "1.jobs.yaml").write_text(YAML)
    (tree / "sub/2.jobs.json").write_text('{"jobs": [{"nam": "a"},\n {"name": "b"}]}')
    (tree / "3.pyt").write_text("import canary\ncanary.directives.cpus(0)\ncanary.directives.timeout('x')\n")
    (tree / "4.pyt").write_text("import nosuch\n")
    (tree / "5.pyt").symlink_to("nowhere")
    return tree


PLACES = [
    *("t/5.pyt", "t/3.pyt:2", "t/3.pyt:3", "t/4.pyt:1", "t/1.jobs.yaml:4", "t/1.jobs.yaml:6", "t/1.jobs.yaml:7"),
    *("t/sub/2.jobs.json:1", "t/sub/2.jobs.json:1", "t/sub/2.jobs.json:2"),
]


@pytest.mark.parametrize("path", ["t", "../t"])
def test_files_of_all_kinds_tell_all_their_mistakes(tree: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is that of files and lines, and paths are those of the command line."""
    if path != "t":
        (tree.parent / "here").mkdir()
        monkeypatch.chdir(tree.parent / "here")
    with pytest.raises(MistakesError) as refused:
        discover([Path(path)], DiscoveryOptions())
    assert [error.where for error in refused.value.errors] == [place.replace("t", path, 1) for place in PLACES]


@pytest.mark.parametrize("command", ["find", "plan", "generate"])
def test_each_command_prints_one_line_a_mistake(tree: Path, command: str, cli: CommandLine) -> None:
    """The exit code is that of one mistake."""
    del tree
    done = cli(command, "t", *(() if command == "find" else cli.PLANNED))
    assert done.code == 3
    assert [line.split(": ")[1] for line in done.err.splitlines()] == PLACES


def test_describe_tells_all_mistakes_of_its_file(tree: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is given alone, from its own folder, is named as it was given."""
    monkeypatch.chdir(tree)
    done = cli("describe", "3.pyt")
    assert done.code == 3
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["3.pyt:2", "3.pyt:3"]


def test_of_very_many_mistakes_the_number_is_told(tmp_path: Path, cli: CommandLine) -> None:
    """Those that the schema finds, and those that are found later."""
    for name, wrong in (("a", {"cpus": 0}), ("b", {"timeout": "x"}), ("c", {"depends_on": ["none"]})):
        jobs = [{"name": f"j{number}", "command": "x", **wrong} for number in range(30)]
        if name == "c":
            jobs = [{**job, "depends_on": [f"none{number}"]} for number, job in enumerate(jobs)]
        (tmp_path / f"{name}.jobs.json").write_text(json.dumps({"jobs": jobs}))
        done = cli("find", str(tmp_path / f"{name}.jobs.json"))
        assert done.code == 3
        lines = done.err.splitlines()
        assert (len(lines), lines[-1]) == (MOST_TOLD + 1, "canary-wf: and 10 more mistakes"), name


def test_one_wrong_entry_of_a_long_file_is_found_quickly(tmp_path: Path) -> None:
    """The schema looks at the entries that do not match the types only; one that it allows is no mistake."""
    jobs: list[dict[str, object]] = [{"name": f"j{number}", "command": "x"} for number in range(5_000)]
    jobs[2_999] = {"name": "wrong", "command": [], "colour": "red"}
    jobs[4_999]["cpus"] = 1.0
    (tmp_path / "a.jobs.json").write_text(json.dumps({"jobs": jobs}))
    started = time.process_time()
    with pytest.raises(MistakesError) as refused:
        discover([tmp_path], DiscoveryOptions())
    assert time.process_time() - started < 5
    assert [error.what for error in refused.value.errors] == [
        "jobs[2999].colour: this key is not known",
        "jobs[2999].command: this list is empty",
    ]


def test_the_configuration_tells_all_its_mistakes(tree: Path, cli: CommandLine) -> None:
    """As a job file does."""
    (tree.parent / "canary-wf.yaml").write_text("batch:\n  workers: many\n  fail_on: all\npaths: 1\n")
    done = cli("find")
    assert done.code == 3
    assert [line.split(": ")[1:3] for line in done.err.splitlines()] == [
        ["canary-wf.yaml:2", "batch.workers"],
        ["canary-wf.yaml:3", "batch.fail_on"],
        ["canary-wf.yaml:4", "paths"],
    ]


def test_a_mistake_that_jobs_share_is_told_once(tmp_path: Path) -> None:
    """All jobs of a family have its request; what depends on a file that is wrong is no mistake of its own."""
    entries = [
        {"name": "a", "command": "x", "parameters": {"n": [1, 2, 3]}, "depends_on": ["no"]},
        {"name": "b", "command": "x", "depends_on": ["nor", {"job": "a*", "expects": 2}]},
    ]
    (tmp_path / "a.jobs.json").write_text(json.dumps({"jobs": entries}))
    with pytest.raises(MistakesError) as refused:
        discover([tmp_path], DiscoveryOptions())
    assert [error.what for error in refused.value.errors] == [
        "job 'a.n=1' depends on 'no', which matches no job",
        "job 'b' depends on 'nor', which matches no job",
        "job 'b' expects 2 of 'a*', which matches 3 jobs",
    ]
    (tmp_path / "b.jobs.json").write_text("[")
    with pytest.raises(InputError, match="is not JSON") as one:
        discover([tmp_path], DiscoveryOptions())
    assert not isinstance(one.value, MistakesError)
