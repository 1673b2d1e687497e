"""A workspace that is in use is not changed: by larger workflows that run, and by Slurm jobs that still wait."""

from pathlib import Path

import pytest
from factories import plan_of, spec

from canary_wf.errors import WorkspaceError
from canary_wf.plan.store import write_session
from canary_wf.snakemake import in_use as busy
from canary_wf.snakemake.in_use import check_nothing_queued, queued_jobs
from canary_wf.state.submission import note_ended, note_submitted
from canary_wf.workflow.writer import check_out


@pytest.fixture
def submitted(tmp_path: Path) -> Path:
    """Return an OUT of three batches that were submitted: one over, one done, one open; Slurm knows the open one."""
    plan = plan_of([spec("a")], [spec("b")], [spec("c")])
    paths = write_session(plan, tmp_path)
    for number, batch in enumerate(plan.batches):
        note_submitted(paths.batch(batch.id).submission, 1.0, str(10 + number))
    note_ended(paths.batch(plan.batches[0].id).submission, 2.0, None)
    paths.batch(plan.batches[1].id).result.write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("state", "found"),
    [("PENDING", ["12"]), ("RUNNING", ["12"]), ("COMPLETED", []), ("TIMEOUT", []), ("CANCELLED", []), (None, [])],
)
def test_only_what_slurm_still_has_counts(
    submitted: Path, state: str | None, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over, or what nobody knows any more, will not read the workflow again."""
    asked: list[str] = []

    def answers(jobs: list[str]) -> dict[str, str]:
        asked.extend(jobs)
        return {} if state is None else dict.fromkeys(jobs, state)

    monkeypatch.setattr(busy, "ask_states", answers)
    assert queued_jobs(submitted) == found
    assert asked == ["12"]


def test_a_new_session_is_refused_while_batches_of_the_last_one_wait(
    submitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the jobs, and how to get rid of them."""
    monkeypatch.setattr(busy, "ask_states", lambda jobs: dict.fromkeys(jobs, "PENDING"))
    with pytest.raises(WorkspaceError, match=r"job 12.*scancel 12"):
        check_out(submitted, {})
    (submitted / ".canary-wf" / "sessions").rename(submitted / "moved")
    check_nothing_queued(submitted)
