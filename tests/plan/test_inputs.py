"""The digest of a job's inputs: the same as long as the job would do the same, another one otherwise."""

import os
from pathlib import Path
from typing import Any

import pytest
from factories import spec

from canary_wf.plan.inputs import InputDigests
from canary_wf.spec.job_spec import Asset, DependencyEdge, JobSpec


def _digest(job: JobSpec) -> str:
    return InputDigests().of(job)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ("false",)},
        {"environment": {"A": "1"}},
        {"xstatus": 1},
        {"timeout": 1.0},
        {"cpus": 2},
        {"gpus": 1},
        {"nodes": 2},
        {"resources": {"fpgas": 1}},
        {"dependencies": (DependencyEdge("0" * 20),)},
        {"dependencies": (DependencyEdge("0" * 20, "always"),)},
        {"assets": (Asset("copy", "/gone/x"),)},
        {"assets": (Asset("link", "/gone/x"),)},
        {"assets": (Asset("copy", "/gone/x", "y"),)},
    ],
)
def test_what_changes_what_a_job_does_changes_the_digest(fields: dict[str, Any]) -> None:
    """Each of these makes an old verdict worthless."""
    others = {_digest(spec("a")), _digest(spec("a", assets=(Asset("copy", "/gone/z"),)))}
    assert _digest(spec("a", **fields)) not in others


@pytest.mark.parametrize(
    "fields", [{"keywords": ("x",)}, {"owners": ("me",)}, {"runtime": 3.0}, {"directory": "b"}, {"mask": "no"}]
)
def test_what_only_describes_a_job_does_not(fields: dict[str, Any]) -> None:
    """A new keyword does not make a job run again."""
    assert _digest(spec("a", **fields)) == _digest(spec("a"))


def _touch(path: Path) -> None:
    before = path.stat().st_mtime_ns
    os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.mark.parametrize("source", ["in.dat", "*.dat", "."])
def test_a_changed_file_changes_the_digest(tmp_path: Path, source: str) -> None:
    """Content (by size), time, and files that come and go; by name, by glob and inside a folder."""
    (tmp_path / "in.dat").write_text("x")
    job = spec("a", assets=(Asset("copy", os.path.normpath(tmp_path / source)),))
    seen = [_digest(job)]
    assert _digest(job) == seen[0]
    _touch(tmp_path / "in.dat")
    seen.append(_digest(job))
    if source != "in.dat":
        (tmp_path / "more.dat").write_text("x")
        seen.append(_digest(job))
    (tmp_path / "in.dat").unlink()
    seen.append(_digest(job))
    assert len(set(seen)) == len(seen)


def test_the_script_counts_for_pyt_jobs_only(tmp_path: Path) -> None:
    """A job file describes many jobs; an edit of one must not run the others again."""
    file = tmp_path / "t.pyt"
    file.write_text("pass")
    jobs = [spec("a", file=str(file), kind=kind) for kind in ("pyt", "jobs")]
    before = [_digest(job) for job in jobs]
    _touch(file)
    after = [_digest(job) for job in jobs]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_dangling_link_and_a_loop_have_a_digest(tmp_path: Path) -> None:
    """What cannot be read is an error of the job when it runs, not of the plan."""
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("gone", "loop"):
        assert len(_digest(spec("a", assets=(Asset("link", str(tmp_path / name)),)))) == 20


def test_a_file_of_many_jobs_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten jobs that copy one file cost one look at it, and a new plan looks again."""
    file = tmp_path / "in.dat"
    file.write_text("x")
    jobs = [spec(f"j{number}", assets=(Asset("copy", str(file)),)) for number in range(10)]
    looks: list[Path] = []
    stat = Path.stat

    def counted(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looks.append(self)
        return stat(self, follow_symlinks=follow_symlinks)

    digests = InputDigests()
    digests.of(jobs[0])
    monkeypatch.setattr(Path, "stat", counted)
    for job in jobs:
        digests.of(job)
    assert looks == []
    InputDigests().of(jobs[0])
    assert file in looks
