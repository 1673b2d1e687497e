"""What a plan records of its origin: project, host, command, and the commit of the tests' checkout."""

import json
import platform
from typing import Any

from command_line import CommandLine

from canary_wf.files.git_checkout import repository_of

COMMIT = "0123456789abcdef" * 2 + "01234567"


def _origin(cli: CommandLine, *options: str) -> dict[str, Any]:
    done = cli.generate("--json", *options)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads((cli.out / str(done.json["plan"])).read_text())["origin"]
    return found


def test_a_plan_records_who_made_it_of_what(small: CommandLine) -> None:
    """The words as they were typed; the name of the folder with tests and OUT, unless the user gives another one."""
    origin = _origin(small)
    assert origin["host"] == platform.node()
    assert origin["command"][:2] == ["canary-wf", "generate"]
    assert "--json" in origin["command"]
    assert origin["project"] == small.folder.name
    assert "commit" not in origin
    assert _origin(small, "--project", "heat")["project"] == "heat"


def test_words_that_are_not_utf_8_are_escaped(small: CommandLine) -> None:
    """A shell passes any bytes on; a plan is text."""
    origin = _origin(small, "--project", "h\udcff", "-E", "x\udce9")
    assert origin["project"] == r"h\xff"
    assert origin["command"][-4:] == ["--project", r"h\xff", "-E", r"x\xe9"]


def test_a_plan_records_the_commit_of_the_tests(small: CommandLine) -> None:
    """Not that of the folder which the command was typed in."""
    (small.tree / ".git").mkdir()
    (small.tree / ".git" / "HEAD").write_text(f"{COMMIT}\n")
    repository_of.cache_clear()
    origin = _origin(small)
    assert (origin["project"], origin["commit"]) == (small.tree.name, COMMIT)
