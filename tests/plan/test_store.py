"""Plans on disk: whole or not at all, in slices that cover each job once, and read back checked."""

import json
import os
from pathlib import Path

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import write_json
from canary_wf.plan.store import load_plan, newest_session, remove_session, slices, write_session
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.session_paths import SessionPaths, session_names


def _sessions(out: Path) -> list[str]:
    folder = out / ".canary-wf" / "sessions"
    return sorted(os.listdir(folder)) if folder.exists() else []  # noqa: PTH208 - hidden ones count too


def test_a_written_plan_reads_back_the_same(tmp_path: Path) -> None:
    """What was planned is what every later step sees, and nothing else lies beside it."""
    plan = plan_of([spec("a", keywords=("x",), environment={"A": "ä"})], [spec("b", "a")])
    paths = write_session(plan, tmp_path)
    assert load_plan(paths.plan) == plan
    assert _sessions(tmp_path) == [plan.session]
    assert sorted(path.name for path in paths.folder.iterdir()) == ["batches", "jobs", "plan.json", "slices"]


@pytest.mark.parametrize("failing", ["slice", "plan", "rename"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    """A full disk or Ctrl-C at any step leaves no session, not even a hidden one."""
    before = plan_of([spec("a")], session="20250101T000000.000000")
    write_session(before, tmp_path)

    def write_until(path: Path, value: object, *, sync: bool = False) -> None:
        if failing == ("plan" if path.name == "plan.json" else "slice"):
            raise error
        write_json(path, value, sync=sync)

    def rename(*_: Path) -> Path:
        raise error

    if failing == "rename":
        monkeypatch.setattr(Path, "rename", rename)
    else:
        monkeypatch.setattr("canary_wf.plan.store.write_json", write_until)
    with pytest.raises(WorkspaceError if isinstance(error, OSError) else KeyboardInterrupt):
        write_session(plan_of([spec("b")]), tmp_path)
    assert _sessions(tmp_path) == [before.session]


def test_an_out_that_is_a_file_is_told(tmp_path: Path) -> None:
    """OUT cannot be a file, and the file stays what it is."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_session(plan_of([spec("a")]), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_removed_session_is_gone(tmp_path: Path) -> None:
    """Taking a session back leaves no trace of it."""
    remove_session(write_session(plan_of([spec("a")]), tmp_path))
    assert _sessions(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "canary-wf/plan/1"}', "\x00", '{"schema": 3}'])
def test_a_damaged_plan_is_told_by_name(tmp_path: Path, content: str) -> None:
    """Whatever an editor or a disk made of it, the file is named."""
    paths = write_session(plan_of([spec("a")]), tmp_path)
    paths.plan.write_text(content)
    with pytest.raises(WorkspaceError, match=r"plan\.json: is damaged"):
        load_plan(paths.plan)


@pytest.mark.parametrize("fields", [{}, {"jobs": "other"}])
def test_a_plan_of_another_format_is_told_as_such(tmp_path: Path, fields: dict[str, str]) -> None:
    """Also where nothing else of it fits."""
    paths = write_session(plan_of([spec("a")]), tmp_path)
    content = json.loads(paths.plan.read_text())
    paths.plan.write_text(json.dumps({**content, "schema": "canary-wf/plan/2", **fields}))
    with pytest.raises(WorkspaceError, match=r"is of format 'canary-wf/plan/2', not 'canary-wf/plan/1'.*generate"):
        load_plan(paths.plan)


def test_a_missing_plan_is_told_with_what_to_do(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(WorkspaceError, match=r"plan\.json: there is no such plan; make one with canary-wf generate"):
        load_plan(tmp_path / "plan.json")


def test_the_newest_session_is_the_last_by_name(tmp_path: Path) -> None:
    """Hidden leftovers do not count; without any session that is told."""
    with pytest.raises(WorkspaceError, match=r"there is no session.*-d"):
        newest_session(tmp_path)
    for name in ("20260102T000000.000000", "20260101T000000.000000", "20260102T000000.000000+"):
        write_session(plan_of([spec("a")], session=name), tmp_path)
    (tmp_path / ".canary-wf" / "sessions" / ".20270101T000000.000000.tmp").mkdir()
    assert newest_session(tmp_path).session == "20260102T000000.000000+"
    assert len(session_names(tmp_path)) == 3


_ROWS = st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 30), max_size=3)), min_size=1, max_size=30)


@given(_ROWS)
def test_slices_cover_each_job_once_and_name_all_upstreams(rows: list[tuple[int, list[int]]]) -> None:
    """A runner finds in its slice all its jobs, and of other batches just those that its jobs depend on."""
    groups: dict[int, list[JobSpec]] = {}
    for number, (batch, needs) in enumerate(rows):
        job = spec(f"j{number}", *{f"j{upstream}" for upstream in needs if upstream < number})
        groups.setdefault(batch, []).append(job)
    plan = plan_of(*groups.values())
    parts = list(slices(plan))
    assert sorted(job.id for part in parts for job in part.jobs) == sorted(job.id for job in plan.jobs)
    for part in parts:
        own = [job.id for job in part.jobs]
        assert part.batch.jobs == tuple(own)
        outside = [upstream.id for upstream in part.upstreams]
        assert len(outside) == len(set(outside))
        assert set(outside) == {edge.job for job in part.jobs for edge in job.dependencies} - set(own)


def test_a_plan_elsewhere_belongs_to_no_session(tmp_path: Path) -> None:
    """State is found from the plan's place, so a plan that was moved is refused."""
    with pytest.raises(WorkspaceError, match="is not the plan of a session"):
        SessionPaths.of_plan(tmp_path / "plan.json")
