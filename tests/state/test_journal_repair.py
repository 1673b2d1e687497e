"""What is known of a batch whose journal was lost, cut or damaged."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import recorded

from canary_wf.files.json_files import write_json
from canary_wf.recovery.reset import reset_jobs
from canary_wf.report.session import load_session
from canary_wf.state.journal import read_journal
from canary_wf.state.journal_repair import load_batch
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

PLAN = plan_of([spec("ok"), spec("bad")], [spec("other")])
BATCH = PLAN.batches[0].id
OUTCOMES = {"ok": Outcome.SUCCESS, "bad": Outcome.FAILED, "other": Outcome.SUCCESS}


@pytest.fixture
def paths(tmp_path: Path) -> SessionPaths:
    """Return a session whose run is over: one job failed, and its batch's result says so."""
    paths = recorded(tmp_path, PLAN, OUTCOMES)
    counts = [{"PASS": 1, "FAIL": 1}, {"PASS": 1}]
    for batch, count in zip(PLAN.batches, counts, strict=True):
        write_json(paths.batch(batch.id).result, {"session": PLAN.session, "batch": batch.id, "counts": count})
    return paths


def _outcomes(paths: SessionPaths) -> dict[str, str]:
    state = load_session(paths)
    return {job.name: state.record(job).status.outcome.name for job in PLAN.jobs}


def _line_with(journal: Path, word: str, change: Callable[[str], str]) -> None:
    lines = journal.read_text().splitlines()
    journal.write_text("".join(f"{change(line) if word in line else line}\n" for line in lines))


def _pipe(journal: Path) -> None:
    journal.unlink()
    os.mkfifo(journal)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "empty": lambda journal: journal.write_bytes(b""),
    "garbage": lambda journal: journal.write_bytes(bytes(range(256)) * 20),
    "a pipe": _pipe,
    "cut": lambda journal: journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2])),
    "a newer outcome": lambda journal: _line_with(journal, "FAILED", lambda line: line.replace("FAILED", "NOPE")),
    "deep": lambda journal: _line_with(journal, "FAILED", lambda _: "[" * 100_000 + "]" * 100_000),
    "a time": lambda journal: _line_with(
        journal, "FAILED", lambda line: json.dumps({**json.loads(line), "time": 1e308})
    ),
    "keys": lambda journal: _line_with(journal, "FAILED", lambda _: '{"event":"job_finished"}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_costs_no_verdict_that_the_jobs_know_and_no_other_batch(
    paths: SessionPaths, damage: Callable[[Path], object]
) -> None:
    """The batch is named, all verdicts stand, and whoever takes the batch next writes its journal anew."""
    damage(paths.batch(BATCH).journal)
    state = load_session(paths)
    assert list(state.damaged) == [BATCH]
    assert "journal.jsonl" in state.damaged[BATCH]
    assert not state.passed
    assert _outcomes(paths) == {name: outcome.name for name, outcome in OUTCOMES.items()}
    bad = next(job for job in PLAN.jobs if job.name == "bad")
    assert reset_jobs(paths, {BATCH: [bad]}) == []
    assert _outcomes(paths) == {"ok": "SUCCESS", "bad": "NONE", "other": "SUCCESS"}
    assert load_session(paths).damaged == {}
    assert read_journal(paths.batch(BATCH).journal).damage is None


def test_verdicts_that_nobody_knows_are_lost_and_count_as_failed(paths: SessionPaths) -> None:
    """A batch that was done does not count as not begun, and none of its jobs as passed."""
    paths.batch(BATCH).journal.unlink()
    for name in ("ok", "bad"):
        (paths.jobs / name / "job.json").unlink()
    state = load_session(paths)
    assert _outcomes(paths) == {"ok": "INTERRUPTED", "bad": "INTERRUPTED", "other": "SUCCESS"}
    assert [job.name for job in state.failed] == ["ok", "bad"]
    assert "journal.jsonl is lost" in (state.record(PLAN.jobs[0]).status.reason or "")


def test_a_batch_of_which_all_but_its_jobs_is_gone_has_begun(paths: SessionPaths) -> None:
    """Without its folder, what its jobs' own files say is all that is known, and it is not green."""
    for name in ("journal", "result", "attempt"):
        getattr(paths.batch(BATCH), name).unlink(missing_ok=True)
    state = load_session(paths)
    assert not state.passed
    assert state.damaged == {BATCH: "journal.jsonl is lost"}


def test_no_more_jobs_pass_than_the_result_says(paths: SessionPaths) -> None:
    """A journal that was made to say so is not believed: what passed is judged by the jobs' files, or lost."""
    _line_with(paths.batch(BATCH).journal, "FAILED", lambda line: line.replace("FAILED", "SUCCESS"))
    assert _outcomes(paths)["bad"] == "FAILED"
    file = paths.jobs / "bad" / "job.json"
    file.write_text(file.read_text().replace("FAILED", "SUCCESS"))
    assert {_outcomes(paths)[name] for name in ("ok", "bad")} == {"INTERRUPTED"}


def test_a_file_of_another_job_says_nothing(paths: SessionPaths) -> None:
    """Nor does one that is damaged itself."""
    paths.batch(BATCH).journal.unlink()
    (paths.jobs / "ok" / "job.json").replace(paths.jobs / "bad" / "job.json")
    assert {_outcomes(paths)[name] for name in ("ok", "bad")} == {"INTERRUPTED"}
    (paths.jobs / "bad" / "job.json").write_bytes(b"\0" * 100)
    assert _outcomes(paths)["bad"] == "INTERRUPTED"


def test_a_batch_that_never_ran_is_not_damaged(tmp_path: Path) -> None:
    """No file at all is how every batch begins."""
    paths = recorded(tmp_path, PLAN, {"other": Outcome.SUCCESS})
    paths.batch(BATCH).journal.unlink(missing_ok=True)
    paths.batch(BATCH).result.unlink(missing_ok=True)
    state = load_batch(paths, BATCH, PLAN.jobs[:2], alive=False)
    assert (state.damage, state.jobs) == (None, {})
