"""`status -r running`: what runs, for how long, how long it may, where, and what the rest waits for."""

import re
import time
from pathlib import Path

import pytest
from command_line import CommandLine
from factories import plan_of, spec
from sessions import recorded

from canary_wf.report.live import queue
from canary_wf.resources.slurm.jobs import QueueEntry
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_submitted
from canary_wf.verdict.status import Outcome


def _running(out: Path) -> SessionPaths:
    plan = plan_of([spec("a"), spec("b", keywords=("fast",)), spec("c")], [spec("d", "a")])
    return recorded(out, plan, {"a": Outcome.SUCCESS}, running=["b", "c"], alive=True)


def test_what_runs_is_listed_with_its_times_and_its_node(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what waits, then the sum."""
    paths = _running(cli.out)
    monkeypatch.setattr(time, "time", lambda: 1030.0)
    lines = cli("status", "-d", cli.out, "-r", "running").out.splitlines()
    assert lines[0].split() == ["id", "running", "time", "expected", "limit", "node", "batch"]
    for line, name in zip(lines[1:3], "bc", strict=True):
        assert re.fullmatch(rf"[0-9a-f]{{8}}  {name} +30s +1\.0s +5m00s  \S+ +[0-9a-f]+", line), line
    assert re.fullmatch(r"batch [0-9a-f]+ \(1 job\): waiting for batch [0-9a-f]+", lines[3])
    assert lines[4].startswith("Running: 1 passed, 2 running, 1 waiting")
    assert paths.session not in "".join(lines)
    assert cli("status", "-d", cli.out, "-r", "Running", "-k", "fast").out.count("5m00s") == 1


def test_without_a_run_there_is_nothing_to_list(cli: CommandLine) -> None:
    """Jobs whose runner is gone do not run."""
    recorded(cli.out, plan_of([spec("a"), spec("b")]), {"a": Outcome.SUCCESS}, running=["b"])
    assert "expected" not in cli("status", "-d", cli.out, "-r", "running").out


def test_what_slurm_has_in_its_queue_is_told_with_its_reason(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the Snakemake that submitted it is gone, and for programs as before."""
    plan = plan_of([spec("a")], [spec("b")], scheduler="slurm")
    paths = recorded(cli.out, plan, {})
    for number, batch in enumerate(plan.batches):
        note_submitted(paths.batch(batch.id).submission, 1.0, str(number + 7))
    monkeypatch.setattr(queue, "ask_queue", lambda jobs: dict.fromkeys(jobs, QueueEntry("PENDING", "Priority")))
    told = cli("status", "-d", cli.out, "-r", "running").out
    assert told.startswith("2 batches (2 jobs): waits in Slurm's queue: Priority\n")
    assert told.count("Priority") == 1
    assert cli("status", "-d", cli.out, "-r", "running", "--json").json["jobs"] == []
