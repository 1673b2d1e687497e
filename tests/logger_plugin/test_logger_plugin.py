"""Snakemake's logger plugin: what is submitted is noted, and progress is told in jobs."""

import io
import logging
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from factories import plan_of, spec
from sessions import recorded
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

import snakemake_logger_plugin_canary as plugin
from canary_wf.plan.store import write_session
from canary_wf.recovery.user_stop import was_stopped_by_user
from canary_wf.report.live.progress import RunProgress
from canary_wf.report.session import load_session
from canary_wf.state.events import JobFinished
from canary_wf.state.journal import JournalWriter
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.submission import SubmissionRecord, read_submissions
from canary_wf.verdict.status import Outcome
from snakemake_logger_plugin_canary import submissions
from snakemake_logger_plugin_canary.messages import batch_of_command, submitted
from snakemake_logger_plugin_canary.session_line import SessionLine
from snakemake_logger_plugin_canary.submissions import SubmissionNotes


def _record(message: str, created: float = 10.0, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, message, None, None)
    record.created = created
    record.__dict__.update(fields)
    return record


def _job_info(paths: SessionPaths, batch: str, job: int = 3) -> logging.LogRecord:
    command = f"/py -P -m canary_wf run-batch {batch} --plan '{paths.plan}' --result x >> y 2>&1"
    return _record("", event="job_info", jobid=job, shellcmd=command)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Job 3 has been submitted with SLURM jobid 12 (log: /x/12.log).", [(3, "12")]),
        ("Submitted job 3 with external jobid '12'.", [(3, "12")]),
        ("Resuming incomplete job 3 with external jobid '12'.", [(3, "12")]),
        (
            "Submitted array job with Snakemake IDs 3,5 and SLURM job ID 12. The individual task IDs are 1-2.",
            [(3, "12_1"), (5, "12_2")],
        ),
        ("Select jobs to execute...", []),
    ],
)
def test_the_messages_of_the_executors(message: str, expected: list[tuple[int, str]]) -> None:
    """The scheduler's id stands in no field of a record, only in these sentences."""
    assert submitted(message) == expected


def test_snakemake_finds_the_plugin_under_its_name() -> None:
    """As `--logger canary`."""
    assert LoggerPluginRegistry().get_plugin("canary").log_handler is plugin.LogHandler  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", ["", "python x.py", "a run-batch 'b", "a run-batch b", " run-batch x --plan"])
def test_other_commands_run_no_batch(command: str) -> None:
    """Those of the report, of a larger workflow, and broken ones."""
    assert batch_of_command(command) is None


def test_a_submission_from_its_start_to_its_end(tmp_path: Path) -> None:
    """Noted with times and ids, each attempt by itself; other jobs of Snakemake's are nobody's business."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    batch = plan.batches[0].id
    notes = SubmissionNotes()
    notes.hear(_job_info(paths, batch))
    notes.hear(_record("Job 3 has been submitted with SLURM jobid 12 (log: x)."))
    notes.hear(_record("Job 9 has been submitted with SLURM jobid 13 (log: x)."))
    file = paths.batch(batch).submission
    assert read_submissions(file) == (SubmissionRecord(10.0, "12"),)
    notes.hear(_record("", 20.0, event="job_error", jobid=3, rule_msg="For further error details see the cluster"))
    notes.hear(_record("Submitted job 3 with external jobid '14'.", 21.0))
    notes.hear(_record("", 30.0, event="job_finished", job_id=3))
    first, second = SubmissionRecord(10.0, "12", 20.0, "its Slurm job failed"), SubmissionRecord(21.0, "14", 30.0)
    assert read_submissions(file) == (first, second)
    assert notes.session == paths


def _asked(monkeypatch: pytest.MonkeyPatch, states: Mapping[str, str]) -> list[list[str]]:
    """Let Slurm answer with `states`; return what it is asked for."""
    asked: list[list[str]] = []

    def answer(jobs: Iterable[str]) -> dict[str, str]:
        asked.append(list(jobs))
        return {job: states[job] for job in asked[-1] if job in states}

    monkeypatch.setattr(submissions, "ask_states", answer)
    return asked


def test_how_slurm_jobs_ended_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes may not be able to ask. All that are open are asked after at once.

    What Snakemake says is taken, but for the tasks of arrays, which its executor mixes up.
    """
    plan = plan_of(*([spec(name)] for name in "abcd"))
    paths = write_session(plan, tmp_path)
    asked = _asked(monkeypatch, {"11": "CANCELLED", "12": "TIMEOUT", "13": "RUNNING"})
    notes = SubmissionNotes()
    for job, batch in enumerate(plan.batches, start=1):
        notes.hear(_job_info(paths, batch.id, job))
        notes.hear(_record(f"Submitted job {job} with external jobid '1{job}'."))
    told = "SLURM-job '14' failed, SLURM status is: 'NODE_FAIL'. Reason: Unknown."
    for job, message in ((1, ""), (2, ""), (3, ""), (4, told)):
        notes.hear(_record("", 20.0, event="job_error", jobid=job, rule_msg=message))
    found = [read_submissions(paths.batch(batch.id).submission)[-1].state for batch in plan.batches]
    assert found == ["CANCELLED", "TIMEOUT", None, "NODE_FAIL"]
    assert asked == [["11", "12", "13", "14"], ["13", "14"]]
    notes.hear(
        _record("Submitted array job with Snakemake IDs 2 and SLURM job ID 20. The individual task IDs are 1-1.")
    )
    notes.hear(_record("", 30.0, event="job_error", jobid=2, rule_msg=told.replace("14", "20_1")))
    assert read_submissions(paths.batch(plan.batches[1].id).submission)[-1].state is None


@pytest.mark.parametrize("twice", [False, True])
def test_a_stopped_snakemake_took_its_jobs_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twice: bool) -> None:
    """Also in a larger workflow, of every suite that it uses; who stops it twice wants no more of them."""
    (tmp_path / "scancel").write_text(f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/calls'\n")
    (tmp_path / "scancel").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    notes = SubmissionNotes()
    plan = plan_of([spec("a")])
    suites = [write_session(plan, tmp_path / name) for name in ("one", "two")]
    batch = plan.batches[0].id
    for job, paths in enumerate(suites):
        notes.hear(_job_info(paths, batch, job))
        notes.hear(_record(f"Submitted job {job} with external jobid '1{job}'."))
    notes.hear(_record("Terminating processes on user request, this might take some time.", 20.0))
    assert [was_stopped_by_user(paths, 10.0) for paths in suites] == [True, True]
    notes.close(stopped_twice=twice)
    notes.close()
    assert [was_stopped_by_user(paths, 10.0) for paths in suites] == [not twice] * 2
    assert not was_stopped_by_user(suites[0], time.time() + 60)
    assert (tmp_path / "calls").read_text() == "--quiet 10 11\n"
    ended = [read_submissions(paths.batch(batch).submission)[-1] for paths in suites]
    assert {submission.reason for submission in ended} == {"the workflow was stopped"}


def test_a_run_that_nobody_stopped_takes_nothing_back(tmp_path: Path) -> None:
    """Whatever was submitted."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    notes = SubmissionNotes()
    notes.hear(_job_info(paths, plan.batches[0].id))
    notes.hear(_record("Submitted job 3 with external jobid '14'."))
    notes.close()
    assert not was_stopped_by_user(paths, 0.0)
    assert read_submissions(paths.batch(plan.batches[0].id).submission)[-1].ended is None


@pytest.mark.parametrize(
    "message",
    [
        "SLURM sbatch failed. The error message was 'sbatch: error: Invalid qos'.\n    sbatch call:\n      sbatch x\n",
        "Error submitting jobscript (exit code 1):\nsbatch: error: Invalid qos\n",
    ],
)
def test_a_refusal_is_told_by_status(tmp_path: Path, message: str) -> None:
    """The jobs are PENDING with what sbatch said, until they are submitted again."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    notes = SubmissionNotes()
    notes.hear(_job_info(paths, plan.batches[0].id))
    notes.hear(_record("", event="job_error", jobid=3, rule_msg=message))
    (fields,) = load_session(paths).as_dict()["jobs"]
    assert (fields["phase"], fields["outcome"]) == ("PENDING", "NONE")
    assert fields["reason"] == "refused by Slurm: sbatch: error: Invalid qos"
    notes.hear(_record("Submitted job 3 with external jobid '14'.", 21.0))
    (fields,) = load_session(paths).as_dict()["jobs"]
    assert (fields["phase"], fields["slurm_job_id"], fields["reason"]) == ("SUBMITTED", "14", None)


def test_a_batch_that_has_begun_is_no_longer_submitted(tmp_path: Path) -> None:
    """What the journal says counts once the runner began after the submission; a retry shows only what is open."""
    plan = plan_of([spec("a"), spec("b")])
    paths = recorded(tmp_path, plan, {"a": Outcome.SUCCESS}, running=["b"])
    notes = SubmissionNotes()
    notes.hear(_job_info(paths, plan.batches[0].id))
    notes.hear(_record("Submitted job 3 with external jobid '14'.", 999.0))
    assert [job["phase"] for job in load_session(paths).as_dict()["jobs"]] == ["DONE", "DONE"]
    notes.hear(_record("Submitted job 3 with external jobid '15'.", 2000.0))
    found = {job["name"]: (job["phase"], job["outcome"]) for job in load_session(paths).as_dict()["jobs"]}
    assert found == {"a": ("DONE", "SUCCESS"), "b": ("SUBMITTED", "NONE")}


def test_progress_in_jobs(tmp_path: Path) -> None:
    """Passed, failed, running, left; what is to go is what `status` says."""
    plan = plan_of([spec("a"), spec("b"), spec("c")], [spec("d"), spec("e")])
    jobs = tuple(msgspec.structs.replace(job, runtime=15.5) for job in plan.jobs)
    batches = tuple(msgspec.structs.replace(batch, runtime=15.5) for batch in plan.batches)
    plan = msgspec.structs.replace(plan, jobs=jobs, batches=batches)
    recorded(tmp_path, plan, {"a": Outcome.SUCCESS, "b": Outcome.FAILED}, running=["c"], alive=True)
    paths = SessionPaths(tmp_path, plan.session)
    progress = RunProgress(paths)
    assert progress.line(1000.0) == "[2/5] 1 passed, 1 failed, 1 running, 2 left, about 31s to go"
    writer = JournalWriter(paths.batch(plan.batches[1].id).journal)
    writer.append(JobFinished(time=1015.0, job=spec("d").id, outcome="SKIPPED"))
    writer.close()
    assert progress.line(1020.0) == "[3/5] 1 passed, 1 failed, 1 skipped, 1 running, 1 left, about 8.0s to go"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_the_line_stays_below_what_is_written(tmp_path: Path) -> None:
    """A message erases the line, and the line comes back after it; the last state stays at the end."""
    plan = plan_of([spec("a")])
    paths = recorded(tmp_path, plan, {"a": Outcome.SUCCESS})
    stream = _Terminal()
    line = SessionLine(stream)
    line.write("hello")
    line.follow(paths)
    line.close()
    line.write("")
    assert stream.getvalue() == "hello\n\r\x1b[2K[1/1] 1 passed, 0 failed, 0 running, 0 left\n"


@pytest.mark.parametrize(("terminal", "dryrun"), [(False, False), (True, True), (True, False)])
def test_only_on_a_terminal_it_takes_the_place_of_snakemakes_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, dryrun: bool
) -> None:
    """Rules are not told there, messages and errors are; elsewhere and in a dry run it says nothing."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    handler = plugin.LogHandler(SimpleNamespace(dryrun=dryrun), None)  # type: ignore[arg-type]
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.emit(_record("a rule", event="job_info", jobid=1, shellcmd=None))
    handler.emit(_record("a message"))
    handler.close()
    shown = terminal and not dryrun
    assert handler.writes_to_stream == shown
    assert capsys.readouterr().err == ("a message\n" if shown else "")


def test_damage_to_the_session_is_one_line_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The logging module would write a traceback for each record; the run goes on."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    batch = plan.batches[0].id
    handler = plugin.LogHandler(SimpleNamespace(dryrun=False), None)  # type: ignore[arg-type]
    handler.emit(_job_info(paths, batch))
    paths.slice(batch).unlink()
    for _ in range(2):
        handler.emit(_record("Job 3 has been submitted with SLURM jobid 12 (log: x)."))
    handler.close()
    told = capsys.readouterr().err
    assert told.startswith("canary-wf: warning: submissions are not recorded in full: ")
    assert told.count("\n") == 1
    assert str(paths.slice(batch)) in told
