"""A job's files: its working directory, artifacts, runs kept between sessions, and jobs read from state files."""

import json
from pathlib import Path

import pytest
from factories import plan_of, shell, spec
from session_jobs import ended, job_in, run

from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.files.json_files import write_json
from canary_wf.history.run_times import History, history_file
from canary_wf.job import MissingSourceError, find_cache_dir, load_job_from_file, load_job_from_state
from canary_wf.plan.store import write_session
from canary_wf.run.job.workdir import clear_workdir
from canary_wf.run.runner import run_batch
from canary_wf.spec.job_spec import Artifact, Asset, Baseline


def test_setup_brings_the_files_and_teardown_takes_them(tmp_path: Path) -> None:
    """What the job made or changed stays."""
    (tmp_path / "in.dat").write_text("in")
    (tmp_path / "edit.dat").write_text("before")
    assets = tuple(Asset("copy", str(tmp_path / name)) for name in ("in.dat", "edit.dat"))
    linked = Asset("link", str(tmp_path / "in.dat"), "deep/linked.dat")
    job = job_in(
        tmp_path, shell("a", "cat in.dat deep/linked.dat; echo x > edit.dat; echo x > made", assets=(*assets, linked))
    )
    run(job)
    assert job.read_output() == "inin"
    job.teardown()
    left = {str(path.relative_to(job.workspace.dir)) for path in job.workspace.dir.rglob("*") if path.is_file()}
    assert left == {"canary-out.txt", "job.json", "edit.dat", "made"}


def test_a_workspace_is_restored(tmp_path: Path) -> None:
    """What an earlier run left is gone, the job's files are back, its state stays."""
    (tmp_path / "in.dat").write_text("in")
    job = run(
        job_in(
            tmp_path, shell("a", "echo x > made; echo y > in.dat", assets=(Asset("copy", str(tmp_path / "in.dat")),))
        )
    )
    job.restore_workspace()
    assert sorted(path.name for path in job.workspace.dir.iterdir()) == ["in.dat", "job.json"]
    assert job.workspace.joinpath("in.dat").read_text() == "in"
    job.create_workspace()
    assert [path.name for path in job.workspace.dir.iterdir()] == ["job.json"]


def test_a_missing_source_is_told_at_setup(tmp_path: Path) -> None:
    """The error names the file."""
    job = job_in(tmp_path, spec("a", assets=(Asset("copy", "none.dat"),)))
    with pytest.raises(MissingSourceError, match=r"none\.dat"):
        job.setup()


@pytest.mark.parametrize(
    ("outcome", "expected"), [("SUCCESS", ["a.log", "good"]), ("FAILED", ["a.log", "bad"]), ("SKIPPED", ["a.log"])]
)
def test_artifacts_depend_on_the_verdict(tmp_path: Path, outcome: str, expected: list[str]) -> None:
    """Kept always, after success, or after failure; only what is there, and only inside the working directory."""
    artifacts = (
        Artifact("*.log"),
        Artifact("good", "success"),
        Artifact("bad", "failure"),
        Artifact("none"),
        Artifact("../*.log"),
        Artifact(str(tmp_path / "outside.log")),
    )
    (tmp_path / "outside.log").touch()
    job = job_in(tmp_path, shell("a", "touch a.log good bad ../b.log", artifacts=artifacts))
    run(job).set_status(outcome=outcome)
    assert job.get_artifacts() == [str(job.workspace.dir / name) for name in expected]


def test_artifacts_are_kept_beside_the_state(tmp_path: Path) -> None:
    """A job that runs by itself keeps them as a batch's runner does, and its state file lists them."""
    job = run(job_in(tmp_path, shell("a", "echo x > a.log; exit 1", artifacts=(Artifact("*.log"), Artifact("none")))))
    assert job.workspace.joinpath("canary-artifacts/a.log").read_text() == "x\n"
    again = job_in(tmp_path, job.spec)
    again.refresh()
    assert again.record.artifacts == job.record.artifacts
    assert (again.record.artifacts.kept[0].path, again.record.artifacts.missing) == (
        "canary-artifacts/a.log",
        ("none",),
    )


# -- runs kept -----------------------------------------------------------------------------------------------------


def test_the_cache_is_that_of_the_nearest_workspace(tmp_path: Path) -> None:
    """Found from any folder inside; outside of a workspace there is none, and nothing is kept."""
    (tmp_path / "ws" / ".canary-wf").mkdir(parents=True)
    (tmp_path / "ws" / "deep" / "er").mkdir(parents=True)
    assert find_cache_dir(tmp_path / "ws" / "deep" / "er") == tmp_path / "ws" / ".canary-wf" / "history"
    assert find_cache_dir(tmp_path / "ws" / ".canary-wf") == tmp_path / "ws" / ".canary-wf" / "history"
    assert find_cache_dir(tmp_path) is None
    assert find_cache_dir(tmp_path / "ws" / ".." / "elsewhere") is None


def test_sessions_and_single_runs_count_together(tmp_path: Path) -> None:
    """The estimate is the median over what whole sessions and single runs took."""
    history = History()
    for session, seconds in (("x", 10.0), ("y", 20.0)):
        history.add(spec("a").id, session, seconds)
    job = job_in(tmp_path, spec("a"))
    history_file(tmp_path).parent.mkdir()
    write_json(history_file(tmp_path), history)
    assert (job.runtime, job.runtime_source) == (15.0, "history")
    ended(job, "SUCCESS").add_measurement("duration", 30.0)
    job.cache_last_run()
    assert job.runtime == 20.0


def test_only_the_last_runs_are_kept(tmp_path: Path) -> None:
    """The file does not grow for ever."""
    for _ in range(25):
        ended(job_in(tmp_path, spec("a")), "SUCCESS").cache_last_run()
    known = job_in(tmp_path, spec("a")).load_cached_runs()
    assert known is not None
    assert (known["count"], known["spread"] >= 0) == (20, True)


def test_a_job_that_never_ran_leaves_no_run(tmp_path: Path) -> None:
    """Being blocked is not a run time."""
    job = job_in(tmp_path, spec("a", mask="no"))
    job.refresh_readiness()
    job.finish()
    assert job.load_cached_runs() is None
    assert job.lockfile.is_file()


# -- loading -------------------------------------------------------------------------------------------------------


def test_a_job_comes_back_with_what_it_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its file, its folder, its state, or the environment of the script that runs; shared upstreams are one."""
    first = ended(job_in(tmp_path, spec("a")), "SUCCESS")
    left, right = (ended(job_in(tmp_path, spec(name, "a"), first), "FAILED") for name in ("b", "c"))
    last = job_in(tmp_path, spec("d", "b", "c"), left, right, when="always")
    for job in (first, left, right, last):
        job.save()
    monkeypatch.setenv("CANARY_WF_JOB", str(last.lockfile))
    for found in (
        load_job_from_file(last.lockfile),
        load_job_from_file(str(last.workspace.dir)),
        load_job_from_file(None),
        load_job_from_state(last.getstate()),
    ):
        assert found.getstate() == last.getstate()
        one, other = found.upstreams
        assert one.getstate() == left.getstate()
        assert one.upstreams == other.upstreams
        assert found.is_ready()


def test_a_script_waits_for_the_file_of_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner writes the state file of a job a moment after it has started it."""
    job = job_in(tmp_path, spec("a"))
    monkeypatch.setenv("CANARY_WF_JOB", str(job.lockfile))
    monkeypatch.setattr("canary_wf.api.job.loading.time.sleep", lambda _: job.save())
    assert load_job_from_file(None).id == job.id


def test_a_script_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that never comes is told."""
    monkeypatch.setenv("CANARY_WF_JOB", str(tmp_path / "job.json"))
    monkeypatch.setattr("canary_wf.api.job.loading._PATIENCE", 0.02)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        load_job_from_file(None)


def test_a_long_chain_is_loaded(tmp_path: Path) -> None:
    """Longer than Python's stack is deep."""
    jobs = [job_in(tmp_path, spec("j0"))]
    for number in range(1, 1200):
        jobs.append(job_in(tmp_path, spec(f"j{number}", f"j{number - 1}"), jobs[-1]))
    for job in jobs:
        job.save()
    found, depth = load_job_from_file(jobs[-1].lockfile), 0
    while found.upstreams:
        found, depth = found.upstreams[0], depth + 1
    assert depth == 1199


def test_an_upstream_without_a_file_is_known_by_name(tmp_path: Path) -> None:
    """A job that was never run has no state file; it is pending."""
    job = job_in(tmp_path, spec("b", "a"), job_in(tmp_path, spec("a")))
    job.save()
    found = load_job_from_file(job.lockfile)
    assert [(one.name, one.state.is_pending()) for one in found.upstreams] == [("a", True)]


def test_what_the_batch_runner_wrote_can_be_loaded(tmp_path: Path) -> None:
    """Paths of a plan are relative to OUT; the loaded job's are absolute, its session and ids are known."""
    references = (Baseline("a", "t.ref"), Baseline(arguments=("--write",)))
    jobs = [shell("a", "exit 3", file="t.jobs.yaml", sources=("t.f90",), baselines=references)]
    plan = plan_of([*jobs, shell("b", "true", "a")])
    paths = write_session(plan, tmp_path)
    run_batch(plan.batches[0].id, paths.plan)
    job = load_job_from_file(paths.job("a"))
    assert (job.status.outcome.name, job.status.code, job.batch) == ("FAILED", 3, plan.batches[0].id)
    assert (job.file, job.workspace.session) == (tmp_path / "t.jobs.yaml", plan.session)
    assert (job.spec.sources, job.spec.baselines[0].target) == ((f"{tmp_path}/t.f90",), f"{tmp_path}/t.ref")
    assert len(job.cpu_ids) == 1
    behind = load_job_from_file(paths.job("b"))
    assert [(one.name, one.workspace.dir) for one in behind.upstreams] == [("a", paths.job("a"))]
    (edge,) = behind.getstate()["dependencies"]
    assert edge["directory"] == f".canary-wf/sessions/{plan.session}/jobs/a"
    stored = json.loads(job.lockfile.read_text())
    assert load_job_from_state({**stored, "directory": str(paths.job("a"))}).getstate() == job.getstate()


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"spec": 3}', '{"spec": {}}', '{"spec": {"id": 3}}'])
def test_a_file_that_is_no_job_is_refused(tmp_path: Path, text: str | None) -> None:
    """Missing, damaged or another form: the error names the file."""
    path = tmp_path / "job.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(WorkspaceError) as caught:
        load_job_from_file(path)
    assert str(tmp_path) in str(caught.value)


def test_a_damaged_upstream_is_told(tmp_path: Path) -> None:
    """A file beside the wanted one is named as well."""
    upstream = job_in(tmp_path, spec("a"))
    upstream.save()
    job = job_in(tmp_path, spec("b", "a"), upstream)
    job.save()
    upstream.lockfile.write_text("{")
    with pytest.raises(CanaryWfError, match=r"a/job\.json"):
        load_job_from_file(job.lockfile)


def test_a_link_on_the_way_to_a_working_directory_is_removed_not_followed(tmp_path: Path) -> None:
    """Jobs of one folder share it, and one of them may have put a link in its place."""
    jobs, elsewhere = tmp_path / "jobs", tmp_path / "elsewhere"
    (elsewhere / "b" / "deep").mkdir(parents=True)
    (elsewhere / "b" / "deep" / "file").touch()
    jobs.mkdir()
    (jobs / "sub").symlink_to(elsewhere)
    clear_workdir(jobs / "sub" / "b", below=str(jobs))
    assert list((jobs / "sub" / "b").iterdir()) == []
    assert (elsewhere / "b" / "deep" / "file").exists()
