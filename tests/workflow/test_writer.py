"""Putting a workflow into OUT: nothing of the user's is overwritten, nothing is left half-written."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import WorkspaceError
from canary_wf.plan.store import write_session
from canary_wf.state.session_paths import SessionPaths
from canary_wf.workflow.ownership import marked
from canary_wf.workflow.writer import check_out, write_workflow

FILES = {
    "workflow/Snakefile": "rule all:\n",
    "workflow/rules/batches.smk": "# rules\n",
    "local/config.yaml": "cores: 4\nresources:\n  gpu: 0\n  mem_mb: 10\nkeep-going: true\n",
}


def _write(out: Path, name: str, text: str = "mine\n") -> Path:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _generated(out: Path, files: dict[str, str] | None = None, session: str = "20260101T000000.000000") -> list[str]:
    paths = write_session(plan_of([spec("a")], session=session), out)
    check_out(out, files or FILES)
    return write_workflow(out, files or FILES, paths)


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_all_files_are_written_with_their_mark_and_nothing_else(tmp_path: Path) -> None:
    """No leftovers beside them, and TestResults leads to the session's jobs."""
    assert _generated(tmp_path) == []
    written = {name: text for name, text in _tree(tmp_path).items() if not name.startswith((".canary", "TestResults"))}
    assert written == {name: marked(text).encode() for name, text in FILES.items()}
    assert (tmp_path / "TestResults").resolve() == SessionPaths(tmp_path, "20260101T000000.000000").jobs
    assert not os.path.isabs(os.readlink(tmp_path / "TestResults"))  # noqa: PTH115, PTH117 - OUT may be moved


def test_unmodified_files_are_rewritten(tmp_path: Path) -> None:
    """A second generate replaces what the first one wrote."""
    _generated(tmp_path)
    new = {name: text + "# more\n" for name, text in FILES.items()}
    assert _generated(tmp_path, new, "20260102T000000.000000") == []
    assert (tmp_path / "workflow" / "Snakefile").read_text() == marked(new["workflow/Snakefile"])
    assert "20260102" in str((tmp_path / "TestResults").resolve())


def test_without_links_nothing_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system has none, the workflow of the session before stays: the new session will be taken back."""
    _generated(tmp_path)
    before = _tree(tmp_path / "workflow"), os.readlink(tmp_path / "TestResults")  # noqa: PTH115 - as it is

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refused)
    new = {name: text + "# more\n" for name, text in FILES.items()}
    with pytest.raises(WorkspaceError, match="TestResults: cannot be written"):
        _generated(tmp_path, new, "20260102T000000.000000")
    assert (_tree(tmp_path / "workflow"), os.readlink(tmp_path / "TestResults")) == before  # noqa: PTH115 - as it is
    assert not list(tmp_path.glob("**/.*.new"))


def _foreign_folder(out: Path) -> None:
    (out / "TestResults").mkdir()


def _foreign_link(out: Path) -> None:
    (out / "TestResults").symlink_to("/somewhere")


def _profile_is_a_file(out: Path) -> None:
    _write(out, "local")


def _edited_rules(out: Path) -> None:
    _write(out, "workflow/rules/batches.smk", marked("x\n") + "more\n")


_IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "workflow/Snakefile: is not canary-wf's": lambda out: _write(out, "workflow/Snakefile"),
    "workflow/rules/batches.smk: is not canary-wf's": lambda out: _write(out, "workflow/rules/batches.smk"),
    "workflow/rules/batches.smk: was edited": _edited_rules,
    "local/config.yaml: is not canary-wf's": lambda out: _write(out, "local/config.yaml"),
    "local: is not a profile of canary-wf": lambda out: _write(out, "local/other.yaml"),
    "local/config.yaml: cannot be read": _profile_is_a_file,
    "TestResults: is not canary-wf's": _foreign_folder,
    "TestResults: is not canary-wf's ": _foreign_link,
}


@pytest.mark.parametrize("message", _IN_THE_WAY)
def test_what_is_not_ours_is_refused_and_nothing_changes(tmp_path: Path, message: str) -> None:
    """The error names the file and says how to go on."""
    _IN_THE_WAY[message](tmp_path)
    before = _tree(tmp_path)
    with pytest.raises(WorkspaceError, match=rf"{message.strip()}.*-d"):
        check_out(tmp_path, FILES)
    assert _tree(tmp_path) == before


def test_other_files_beside_the_workflow_are_no_harm(tmp_path: Path) -> None:
    """Someone's own rules and an empty profile folder stand in nobody's way."""
    _write(tmp_path, "workflow/rules/mine.smk")
    (tmp_path / "local").mkdir()
    _generated(tmp_path)
    assert (tmp_path / "workflow" / "rules" / "mine.smk").read_text() == "mine\n"


def test_an_edited_profile_is_kept_with_a_warning_that_names_each_key(tmp_path: Path) -> None:
    """Nested keys too, changed, added and removed ones; what is the same is not named."""
    _generated(tmp_path)
    profile = tmp_path / "local" / "config.yaml"
    edited = profile.read_text().replace("cores: 4", "cores: 2").replace("  mem_mb: 10\n", "") + "jobs: 7\n"
    profile.write_text(edited)
    (warning,) = _generated(tmp_path, session="20260102T000000.000000")
    assert profile.read_text() == edited
    assert warning.startswith(f"{profile}: was edited and is kept; ")
    assert warning.endswith("in: cores, jobs, resources.mem_mb")


def test_a_profile_that_says_the_same_is_told_so(tmp_path: Path) -> None:
    """A comment of the user is kept and no key is named."""
    _generated(tmp_path)
    profile = tmp_path / "local" / "config.yaml"
    profile.write_text("# my own words\n" + profile.read_text())
    (warning,) = _generated(tmp_path, session="20260102T000000.000000")
    assert warning.endswith("it says the same as a new one")


@pytest.mark.parametrize("text", ["cores: [", "cores: 1\n\x00", "\x1b"])
def test_an_edited_profile_that_is_no_yaml_is_kept(tmp_path: Path, text: str) -> None:
    """It is the user's to mend."""
    _generated(tmp_path)
    profile = tmp_path / "local" / "config.yaml"
    profile.write_text(text + profile.read_text())
    (warning,) = _generated(tmp_path, session="20260102T000000.000000")
    assert "not valid YAML" in warning


@pytest.mark.parametrize("step", ["symlink_to", "replace"])
def test_old_and_new_files_do_not_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """When the disk refuses, the old workflow stands as it was and nothing lies beside it."""
    _generated(tmp_path)
    before = {name: text for name, text in _tree(tmp_path).items() if not name.startswith(".canary")}

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    paths = write_session(plan_of([spec("a")], session="20260102T000000.000000"), tmp_path)
    monkeypatch.setattr(Path, step, refuse)
    with pytest.raises(WorkspaceError, match="No space left"):
        write_workflow(tmp_path, dict.fromkeys(FILES, "new\n"), paths)
    assert {name: text for name, text in _tree(tmp_path).items() if not name.startswith(".canary")} == before


def test_a_run_in_progress_is_refused(tmp_path: Path) -> None:
    """Queued jobs read the workflow again; a dead runner is no run."""
    recorded(tmp_path / "dead", plan_of([spec("a")]), {}, running=["a"])
    check_out(tmp_path / "dead", FILES)
    plan = plan_of([spec("a")])
    recorded(tmp_path / "live", plan, {}, running=["a"], alive=True)
    with pytest.raises(WorkspaceError, match=rf"a run is in progress \(batch {plan.batches[0].id}\)"):
        check_out(tmp_path / "live", FILES)


def test_a_locked_workflow_is_refused(tmp_path: Path) -> None:
    """Also before its first batch started."""
    lock = tmp_path / ".snakemake" / "locks" / "0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(WorkspaceError, match=r"locked by a running snakemake.*--unlock"):
        check_out(tmp_path, FILES)
