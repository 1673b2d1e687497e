"""The limit of failures that the runners of a session share."""

import json
from pathlib import Path

from canary_wf.recovery.early_stop import FailureLimit, drop_stale_limit, is_stopped_early, set_failure_limit
from canary_wf.state.session_paths import SessionPaths


def test_runners_count_together(tmp_path: Path) -> None:
    """Each notes its own failures; the last one within the limit stops all."""
    paths = SessionPaths(tmp_path, "20260101T000000")
    set_failure_limit(paths, 3)
    limits = [FailureLimit(paths.failure_limit, batch) for batch in ("aa", "bb")]
    for limit in (limits[0], limits[1]):
        limit.note_failure()
        assert not limit.is_reached()
    limits[0].note_failure()
    assert all(limit.is_reached() for limit in limits)
    assert is_stopped_early(paths)


def test_a_limit_whose_run_was_killed_is_dropped(tmp_path: Path) -> None:
    """A plain Snakemake afterwards runs everything; the limit of a run that lives stays."""
    paths = SessionPaths(tmp_path, "20260101T000000")
    drop_stale_limit(paths)
    set_failure_limit(paths, 1)
    drop_stale_limit(paths)
    assert FailureLimit(paths.failure_limit, "aa").most == 1
    file = paths.failure_limit / "limit.json"
    content = json.loads(file.read_text())
    content["owner"]["started_ticks"] = 1
    for text in (json.dumps(content), "{", ""):
        set_failure_limit(paths, 1)
        file.write_text(text)
        drop_stale_limit(paths)
        assert not paths.failure_limit.exists()


def test_a_new_run_begins_to_count_anew(tmp_path: Path) -> None:
    """With the same limit, another one, or none."""
    paths = SessionPaths(tmp_path, "20260101T000000")
    set_failure_limit(paths, 1)
    FailureLimit(paths.failure_limit, "aa").note_failure()
    set_failure_limit(paths, 2)
    assert not is_stopped_early(paths)
    assert FailureLimit(paths.failure_limit, "aa").most == 2
    set_failure_limit(paths, None)
    assert not paths.failure_limit.exists()
