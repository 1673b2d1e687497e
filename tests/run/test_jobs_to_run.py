"""A batch of which a run was asked for some jobs only, on real processes."""

import os
import subprocess
import sys
from pathlib import Path

from factories import plan_of, shell

from canary_wf.plan.store import write_session
from canary_wf.recovery.run_choice import choose_jobs
from canary_wf.report.session import load_session
from canary_wf.snakemake.caller_environment import RUN
from canary_wf.spec.job_spec import DependencyEdge
from canary_wf.state.session_paths import SessionPaths


def _run(paths: SessionPaths, batch: str, token: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **({} if token is None else {RUN: token})}
    command = [sys.executable, "-P", "-m", "canary_wf", "run-batch", batch, "--plan", str(paths.plan)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _done(paths: SessionPaths) -> list[str]:
    state = load_session(paths)
    return [job.name for job in state.plan.jobs if state.record(job).status.is_final]


def test_a_runner_runs_the_chosen_jobs_and_what_they_need(tmp_path: Path) -> None:
    """Jobs do not see the token; a retry of the rule ends at once; a runner of no such run does the rest."""
    base = shell("base", f'test -z "${RUN}"')
    top = shell("top", "true", dependencies=(DependencyEdge(job=base.id),))
    plan = plan_of([base, top, shell("other", "true")])
    paths = write_session(plan, tmp_path)
    batch = plan.batches[0].id
    choose_jobs(paths, "token", [top.id])
    done = _run(paths, batch, "token")
    assert done.returncode == 1
    assert "the jobs that were chosen for this run are done, and others are left" in done.stdout + done.stderr
    assert _done(paths) == ["base", "top"]
    assert not paths.batch(batch).result.exists()
    journal = paths.batch(batch).journal.read_bytes()
    assert _run(paths, batch, "token").returncode == 1
    assert paths.batch(batch).journal.read_bytes() == journal
    assert _run(paths, batch, "another").returncode == 0
    assert _done(paths) == ["base", "top", "other"]
    assert load_session(paths).passed
    assert paths.batch(batch).result.exists()


def test_without_a_token_a_choice_left_behind_means_nothing(tmp_path: Path) -> None:
    """As under a plain Snakemake after a run that was killed."""
    plan = plan_of([shell("a", "true"), shell("b", "true")])
    paths = write_session(plan, tmp_path)
    choose_jobs(paths, "token", [plan.jobs[0].id])
    assert _run(paths, plan.batches[0].id, None).returncode == 0
    assert _done(paths) == ["a", "b"]
