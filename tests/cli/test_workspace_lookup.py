"""Which workspace a command is about: the nearest one at or above the current folder, unless -d names one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine, assert_one_line

from canary_wf.cli.workspace import find_workspace
from canary_wf.plan.store import newest_session
from canary_wf.state.session_paths import session_names

STRANGER = 60321
"""A user id that nobody has."""


@pytest.fixture
def below(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line in a folder two levels below a workspace with one session."""
    assert small.generate().code == 0
    folder = small.out / "tests" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return small


@pytest.fixture
def give() -> Callable[[Path], None]:
    """Return what gives a file to a stranger, which root alone may do."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files to another user")
    return lambda path: os.chown(path, STRANGER, STRANGER)


@pytest.mark.parametrize(
    "command",
    ["status", "log one", "location one", "report json", "history", "gc", "rerun"],
)
def test_commands_find_the_workspace_above(below: CommandLine, command: str) -> None:
    """Each command does in a folder below the same as with -d in the workspace."""
    words = command.split()
    expected = below(*words, "-d", below.out)
    assert below(*words) == expected
    assert "no session" not in expected.err


def test_run_goes_on_with_the_workspace_above(below: CommandLine) -> None:
    """If it shall run jobs again or go on; with a PATH it plans here."""
    assert below("run", "--failed").out.startswith("No job has failed")
    assert_one_line(below("run", "--failed", "-d", "."), 4, "there is no session")
    assert_one_line(below("run", "nothing"), 2, "there is no file or job 'nothing'")


def test_what_acts_finds_it_too(below: CommandLine) -> None:
    """Commands that change something act in the workspace above."""
    assert below("cancel").out == "Cancelled 3 jobs; nothing was running.\n"
    assert below("status", "--json").json["counts"]["CANCEL"] == 3


def test_the_nearest_workspace_counts(below: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in the current folder hides that above, and -d reaches it all the same."""
    inner = below.out / "tests"
    monkeypatch.chdir(inner)
    assert below("generate", below.tree, *below.PLANNED, "-k", "one").code == 0
    assert session_names(inner)
    assert "1 job, " in below("status").out
    assert "3 jobs, " in below("status", "-d", "..").out


def test_generate_makes_a_workspace_here(below: CommandLine) -> None:
    """Although there is one above: `generate` starts something new, as `git init` does, and says so once."""
    assert below("generate", below.tree, *below.PLANNED, "-d", "apart").err == ""
    done = below("generate", below.tree, *below.PLANNED)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert "there is a workspace in ../.., too; commands in this folder find it only with -d ../.." in done.err
    assert session_names(Path.cwd())
    assert below("generate", below.tree, *below.PLANNED).err == ""
    assert len(session_names(below.out)) == 1


def test_a_working_directory_belongs_to_its_workspace(below: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at the files of a job can ask for its state there."""
    folder = newest_session(below.out).jobs / "one"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert "3 jobs, " in below("status").out


def test_without_any_workspace_the_current_folder_is_named(cli: CommandLine) -> None:
    """The message says what to do."""
    assert_one_line(cli("status"), 4, str(cli.folder), "there is no session", "canary-wf run PATH", "-d")


def test_the_configured_workspace_wins(below: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`paths.out` of the configuration is a choice of the user."""
    monkeypatch.setenv("CANARY_WF_PATHS_OUT", "elsewhere")
    assert_one_line(below("status"), 4, "elsewhere", "there is no session")


def test_the_search_ends_at_another_file_system(below: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies above a mounted folder belongs to somebody else."""
    real = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(path, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:10])) if path == below.out else found

    assert find_workspace(Path.cwd()) == below.out
    monkeypatch.setattr(Path, "stat", stat)
    assert find_workspace(Path.cwd()) is None


@pytest.mark.parametrize("place", [".", ".canary-wf", ".canary-wf/sessions"])
def test_another_users_workspace_above_is_not_used(
    below: CommandLine, give: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Somebody may have prepared one in /tmp. It has to be named, or declared trusted."""
    give(below.out / place)
    for command in (["status"], ["log", "one"], ["cancel"]):
        assert_one_line(below(*command), 4, "belongs to user 60321, not to you", "-d", str(below.out))
    assert "3 jobs, " in below("status", "-d", "../..").out
    monkeypatch.chdir(below.out)
    assert "3 jobs, " in below("status").out
    monkeypatch.chdir("tests")
    monkeypatch.setenv("CANARY_WF_TRUST", str(below.out))
    assert "3 jobs, " in below("status").out


def test_a_folder_of_root_may_hold_a_workspace(below: CommandLine, give: Callable[[Path], None]) -> None:
    """Such as /tmp or /scratch, where each user has folders."""
    inner = below.out / "tests"
    give(inner / "deep")
    assert find_workspace(inner / "deep") == below.out
