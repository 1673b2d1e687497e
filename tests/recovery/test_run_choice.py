"""The jobs that a run was asked for, as its runners see them."""

from pathlib import Path

from canary_wf.recovery.run_choice import choose_jobs, chosen_jobs, is_done, note_done
from canary_wf.state.session_paths import SessionPaths


def _paths(folder: Path) -> SessionPaths:
    paths = SessionPaths(folder, "20260101T000000")
    paths.folder.mkdir(parents=True)
    return paths


def test_only_the_run_that_chose_is_bound(tmp_path: Path) -> None:
    """Another one, after that was killed, runs all; so does one that finds a file cut short."""
    paths = _paths(tmp_path)
    assert chosen_jobs(paths, "run") is None
    choose_jobs(paths, "run", {"aa", "bb"})
    assert chosen_jobs(paths, "run") == frozenset({"aa", "bb"})
    assert chosen_jobs(paths, "other") is None
    (paths.chosen_jobs / "jobs.json").write_text("{")
    assert chosen_jobs(paths, "run") is None


def test_a_new_choice_forgets_the_old_one(tmp_path: Path) -> None:
    """With the batches that were done."""
    paths = _paths(tmp_path)
    choose_jobs(paths, "run", {"aa"})
    note_done(paths, "b")
    assert is_done(paths, "b")
    choose_jobs(paths, "other", {"aa"})
    assert not is_done(paths, "b")
    choose_jobs(paths, "other", None)
    assert not paths.chosen_jobs.exists()
