"""`canary-wf show`: the facts about one job, in each state that it may be in."""

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded

from canary_wf.plan.store import load_plan, newest_session
from canary_wf.resources.slurm.jobs import QueueEntry
from canary_wf.spec.job_spec import DependencyEdge
from canary_wf.state.events import Artifacts, JobFinished, JobRetried, JobStarted, KeptFile
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import note_ended, note_submitted
from canary_wf.verdict.status import Outcome, Status

MEASURED = {"duration": 2.0, "cpu_user": 3.0, "cpu_system": 1.0, "max_rss": 1536.0}


@pytest.fixture
def retried(cli: CommandLine) -> SessionPaths:
    """Return a session whose job `a.n=1` failed, and passed when it ran again; `b` needs it and did not run."""
    first = spec(
        "a.n=1",
        family="a",
        parameters={"n": 1},
        command=("sh", "-c", "echo 'a b'"),
        memory=4096,
        keywords=("fast",),
        path="sub/a.jobs.yaml",
    )
    second = spec("b", dependencies=(DependencyEdge(first.id, "on_success"),))
    paths = recorded(cli.folder, plan_of([first, second]), {}, running=["a.n=1"])
    plan = load_plan(paths.plan)
    job = next(job for job in plan.jobs if job.name == "a.n=1")
    note_submitted(paths.batch(job.batch).submission, 990.0, "77")
    recorder = open_recorder(paths, job.batch, [one for one in plan.jobs if one.batch == job.batch], ())
    recorder(JobRetried.of(job.id, Status.of(Outcome.FAILED, "exit code 3"), 1004.0, {}, "canary-out.1.txt"))
    recorder(JobStarted(time=1005.0, job=job.id, resources={"cpus": [{"id": "5", "slots": 1}]}))
    kept = Artifacts((KeptFile("canary-artifacts/plot.png", 2048),), ("trace",))
    recorder(JobFinished.of(job.id, Status.of(Outcome.SUCCESS), 1007.0, MEASURED, kept))
    recorder.close()
    return paths


def test_a_job_that_ran_is_told_in_full(cli: CommandLine, retried: SessionPaths) -> None:
    """What it is, where and when it ran, what it used, and what is left of it."""
    lines = cli("show", "a.n=1").out.splitlines()
    assert lines[0] == "PASS (attempt 2) a.n=1"
    told = {line[:19].strip(): line[19:] for line in lines[2:]}
    assert told["file"] == "sub/a.jobs.yaml"
    assert (told["family"], told["parameters"], told["keywords"]) == ("a", "n=1", "fast")
    assert told["command"] == """sh -c 'echo '"'"'a b'"'"''"""
    assert (told["cpus"], told["CPU time"]) == ("5", "4.0s (200% of one CPU)")
    assert told["memory"] == "peak 1.5 GiB, 4 GiB requested"
    assert told["time"].startswith("2.0s, ")
    assert ", limit " in told["time"]
    assert told["requested"] == "1 cpu"
    assert (told["attempts"], told["missing"]) == ("1: FAILED after 4.0s, exit code 3", "trace")
    assert told["artifacts"] == "canary-artifacts/plot.png  2 KiB"
    assert told["files"] == "canary-out.txt, canary-out.1.txt, job.json"
    assert told["session"] == retried.session
    assert {"queued", "started", "ended", "node", "folder"} <= told.keys()
    assert "                   2: SUCCESS after 2.0s" in lines


def test_the_json_has_all_fields_of_status(cli: CommandLine, retried: SessionPaths) -> None:
    """And those that status does not have."""
    shown = cli("show", "a.n=1", "--json").json
    of_status = cli("status", "--json").json["jobs"]
    assert {name: shown[name] for name in of_status[0]} == next(job for job in of_status if job["name"] == "a.n=1")
    assert (shown["max_rss"], shown["cpu_time"], shown["queued"]) == (1536.0, 4.0, 990.0)
    assert [run["outcome"] for run in shown["earlier_attempts"]] == ["FAILED"]
    assert shown["rule"] == f"batch_{shown['batch']}"
    assert shown["artifacts"]["missing"] == ["trace"]
    assert shown["session"] == retried.session


@pytest.mark.usefixtures("retried")
def test_a_job_that_did_not_run_says_what_it_needs(cli: CommandLine) -> None:
    """There are no times and no files, so none are shown."""
    done = cli("show", "b")
    assert done.out.splitlines()[0] == "PENDING b"
    assert "needs              a.n=1 (on_success): SUCCESS\n" in done.out
    assert "\nstarted " not in done.out
    assert "\nfiles " not in done.out
    assert cli("show", "b", "--json").json["waits"] == "it was not started, and nothing runs"


def test_a_job_that_is_not_there(small: CommandLine) -> None:
    """One that was left out or masked is told with the reason, any other with what may be meant."""
    small.write("big.jobs.yaml", "jobs: [{name: big, command: 'true', cpus: 99}]")
    assert small.generate("-k", "not two").code == 0
    assert_one_line(small("show", "big", "-d", small.out), 2, "job big", "not part of the run", "-r cpus=99")
    assert_one_line(small("show", "two.n=1", "-d", small.out), 2, "not part of the run")
    assert_one_line(small("show", "onne", "-d", small.out), 2, "did you mean one?")


def test_the_rule_of_a_shape_is_named(small: CommandLine) -> None:
    """So that one finds it in what Snakemake prints."""
    assert small.generate("--rules", "shape").code == 0
    rule = small("show", "one", "-d", small.out, "--json").json["rule"]
    assert rule.startswith("shape_")
    assert rule in (small.out / "workflow" / "rules" / "batches.smk").read_text()
    assert newest_session(small.out).batch_table.exists()


def test_a_job_has_a_link_to_the_page(cli: CommandLine, retried: SessionPaths) -> None:
    """Once a report was written of the run."""
    assert cli("show", "a.n=1", "--json").json["page"] is None
    retried.report.mkdir()
    (retried.report / "report.html").write_text("")
    shown = cli("show", "a.n=1", "--json").json
    assert shown["page"] == f".canary-wf/sessions/{retried.session}/report/report.html#job-{shown['id'][:8]}"
    line = next(line for line in cli("show", "a.n=1").out.splitlines() if line.startswith("page"))
    assert line.endswith(shown["page"])


@pytest.mark.parametrize(
    ("refusal", "waits"),
    [
        (None, "waits in Slurm's queue: Priority (Slurm job 77)"),
        ("sbatch: error: Invalid account", "sbatch: error: Invalid account"),
    ],
)
def test_a_batch_in_the_queue_says_why_it_waits(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, refusal: str | None, waits: str
) -> None:
    """In the words of Slurm; `log` says the same of the output that is not there yet."""
    paths = recorded(cli.folder, plan_of([spec("a")]), {})
    (batch,) = load_plan(paths.plan).batches
    note_submitted(paths.batch(batch.id).submission, 990.0, "77")
    if refusal is not None:
        note_ended(paths.batch(batch.id).submission, 991.0, refusal)
    entry = QueueEntry(state="PENDING", reason="Priority")
    monkeypatch.setattr("canary_wf.report.live.queue.ask_queue", lambda jobs: dict.fromkeys(jobs, entry))
    assert f"  its batch {batch.id}: {waits}" in cli("show", "a").out
    assert_one_line(cli("log", "a"), 4, "job a", f"its batch {batch.id}: {waits}")
