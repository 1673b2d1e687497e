"""Larger workflows that use a suite: noted when they read its rules, running as long as they hold their lock."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from canary_wf.files.json_files import write_json
from canary_wf.process.process_identity import host_id, start_ticks
from canary_wf.snakemake.parent_workflows import ParentWorkflow, note_parent_workflow, running_parent_workflows

MAIN = SimpleNamespace(is_main_process=True)


def _suite(folder: Path) -> Path:
    out = folder / "suite"
    (out / ".canary-wf").mkdir(parents=True)
    return out


@pytest.fixture
def larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a larger workflow, which is the current one."""
    folder = tmp_path / "larger"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def _lock(folder: Path) -> Path:
    path = folder / ".snakemake" / "locks" / "0.input.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_larger_workflow_runs_while_it_holds_its_lock(tmp_path: Path, larger: Path) -> None:
    """Reading the rules, as `snakemake -n` does, is no run."""
    out = _suite(tmp_path)
    note_parent_workflow(out, MAIN)
    assert running_parent_workflows(out) == []
    lock = _lock(larger)
    assert running_parent_workflows(out) == [larger]
    lock.unlink()
    assert running_parent_workflows(out) == []


def test_the_lock_of_a_dead_process_counts_for_nothing(tmp_path: Path, larger: Path) -> None:
    """On this machine that is known; elsewhere it may live."""
    out = _suite(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    _lock(larger)
    (out / ".canary-wf" / "larger").mkdir()
    path = out / ".canary-wf" / "larger" / "x.json"
    for place, expected in ((host_id(), []), ("elsewhere", [larger])):
        write_json(path, ParentWorkflow(place, process.pid, 1, folder=str(larger)))
        assert running_parent_workflows(out) == expected
    path.write_text("{")
    assert running_parent_workflows(out) == []


def test_a_look_at_the_rules_does_not_hide_the_run(tmp_path: Path, larger: Path) -> None:
    """`snakemake -n` beside a run is another process, soon dead; the note of the run stays."""
    out = _suite(tmp_path)
    parent = os.getppid()
    note_parent_workflow(out, MAIN)
    path = next((out / ".canary-wf" / "larger").iterdir())
    write_json(path, ParentWorkflow(host_id(), parent, start_ticks(parent), folder=str(larger)))
    _lock(larger)
    note_parent_workflow(out, MAIN)
    assert f'"pid":{parent}' in path.read_text().replace(" ", "")


def test_the_suite_itself_and_processes_of_single_jobs_note_nothing(
    tmp_path: Path, larger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each job on a cluster reads the rules again."""
    out = _suite(tmp_path)
    note_parent_workflow(out, SimpleNamespace(is_main_process=False))
    monkeypatch.chdir(out)
    note_parent_workflow(out, MAIN)
    assert not (out / ".canary-wf" / "larger").exists()
    assert larger.exists()


def test_a_suite_that_cannot_be_written_is_used_all_the_same(tmp_path: Path, larger: Path) -> None:
    """A read-only suite is no reason not to run."""
    out = _suite(tmp_path)
    (out / ".canary-wf" / "larger").write_text("in the way")
    note_parent_workflow(out, MAIN)
    assert running_parent_workflows(out) == []
    assert larger.exists()


def test_a_folder_that_is_gone_is_no_larger_workflow(tmp_path: Path, larger: Path) -> None:
    """Whoever reads the rules there sees an error of Snakemake's, not one of ours."""
    larger.rmdir()
    note_parent_workflow(_suite(tmp_path), MAIN)
    assert not (tmp_path / "suite" / ".canary-wf" / "larger").exists()
