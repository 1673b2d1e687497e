"""Commit and branch of a checkout, as git has them, without a git that could run what a foreign folder configures."""

import subprocess
from pathlib import Path

import pytest

from canary_wf.files.git_checkout import checkout_of, repository_of


def _git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with one commit on main."""
    top = tmp_path / "heat"
    (top / "tests").mkdir(parents=True)
    _git(top, "init", "-q")
    _git(top, "commit", "-q", "--allow-empty", "-m", "one")
    repository_of.cache_clear()
    return top


@pytest.mark.needs("git")
def test_commit_and_branch_are_those_of_git(repository: Path) -> None:
    """In the top folder and below it, with loose and with packed references, and without a branch."""
    commit = _git(repository, "rev-parse", "HEAD")
    assert checkout_of(str(repository / "tests")) == (str(repository), commit, "main")
    _git(repository, "switch", "-q", "-c", "fix/a")
    _git(repository, "pack-refs", "--all")
    assert checkout_of(str(repository)) == (str(repository), commit, "fix/a")
    _git(repository, "switch", "-q", "--detach")
    assert checkout_of(str(repository)) == (str(repository), commit, None)


@pytest.mark.needs("git")
def test_a_further_worktree_has_its_own_branch(repository: Path) -> None:
    """Its .git is a file that leads to the main repository."""
    _git(repository, "worktree", "add", "-q", "../other")
    other = repository.parent / "other"
    assert checkout_of(str(other)) == (str(other), _git(repository, "rev-parse", "HEAD"), "other")


@pytest.mark.needs("git")
def test_before_the_first_commit_there_is_a_branch_only(tmp_path: Path) -> None:
    """There is nothing to name."""
    repository_of.cache_clear()
    _git(tmp_path, "init", "-q")
    assert checkout_of(str(tmp_path)) == (str(tmp_path), None, "main")


@pytest.mark.parametrize(
    "head", ["", "ref: ../../etc/passwd", "ref: refs/../../../secret", "ref: refs/heads/\x1b[2J", "\xff", "a" * 39]
)
def test_a_hostile_head_says_nothing(tmp_path: Path, head: str) -> None:
    """It leads to no other file, and no text of it is taken over."""
    repository_of.cache_clear()
    (tmp_path / "secret").write_text("a" * 40)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(head.encode("latin-1"))
    assert checkout_of(str(tmp_path)) == (str(tmp_path), None, None)


def test_a_folder_outside_of_any_repository_has_no_checkout(tmp_path: Path) -> None:
    """Up to the root."""
    repository_of.cache_clear()
    assert checkout_of(str(tmp_path)) is None
