"""Submissions by real processes: an `sbatch` that greets, that does not answer for a while, and one that refuses."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from canary_wf.snakemake.waiting_notices import WaitingNotices
from canary_wf.state.waiting import SUBMISSION
from canary_wf.submission.answer import RetryBudget, TemporaryFailure
from canary_wf.submission.search_path import prepend_wrappers
from canary_wf.submission.squeue_wrapper import FOLDER, note_submitted
from canary_wf.submission.submit import Label, SubmissionError, submit

LABEL = Label("batch_1", "canary-wf s batch_1")


class _Slurm:
    """Stand-ins for Slurm's commands, which note how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    def program(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/{name}.calls\n{script}\n')
        path.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        path = self.folder / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []

    def submit(self, *options: str) -> str:
        note = self.folder / "not-taken"
        return submit(["sbatch", "--parsable", *options], LABEL, environment=self.environment, note=note)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Slurm:
    """Return a Slurm with an empty queue."""
    slurm = _Slurm(tmp_path)
    slurm.program("squeue", "")
    slurm.program("scancel", "")
    monkeypatch.setenv("PATH", slurm.environment["PATH"])
    return slurm


def test_a_greeting_is_no_id(fake: _Slurm) -> None:
    """Whatever is printed, and to which stream."""
    fake.program("sbatch", "echo '*** welcome ***'; echo '42;lab'; echo 'sbatch: see our wiki' >&2; echo bye")
    assert fake.submit() == "42"


def test_a_job_without_an_id_is_found_by_its_label_or_taken_back(fake: _Slurm) -> None:
    """One in the queue is the one; several are taken back, and the error says what was printed and done."""
    fake.program("sbatch", "echo 2026; echo 42")
    with pytest.raises(SubmissionError, match=r"no unambiguous job id: '2026 42'; look for a job with"):
        fake.submit()
    fake.program("squeue", f"echo '41|another'; echo '42|{LABEL.comment}'")
    assert fake.submit() == "42"
    fake.program("squeue", f"echo '41|{LABEL.comment}'; echo '42|{LABEL.comment}'")
    with pytest.raises(SubmissionError, match="jobs 41, 42 were cancelled"):
        fake.submit()
    assert fake.calls("scancel") == ["--quiet 41 42"]


def test_a_controller_that_is_away_is_waited_for(fake: _Slurm, capsys: pytest.CaptureFixture[str]) -> None:
    """With pauses; a job that it took without saying so is not submitted twice."""
    away = "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1"
    fake.program("sbatch", f"[ -e {fake.folder}/back ] && echo 42 && exit; touch {fake.folder}/back; {away}")
    assert fake.submit() == "42"
    assert len(fake.calls("sbatch")) == 2
    assert "batch_1 waits to be submitted, next try in 1 s: sbatch: error: " in capsys.readouterr().err
    assert not (fake.folder / "not-taken").exists()
    fake.program("sbatch", away)
    fake.program("squeue", f"echo '43|{LABEL.comment}'")
    assert fake.submit() == "43"
    assert len(fake.calls("sbatch")) == 3


def test_what_ours_waits_for_is_shown_beside_snakemake(fake: _Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The executor keeps to itself what its `sbatch` prints; so a file says it, until a batch was taken or given up."""
    seen = fake.folder / "seen"
    away = "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1"
    copy = f"[ -e {SUBMISSION} ] && cp {SUBMISSION} {seen} && echo 42 && exit"
    fake.program("sbatch", f"{copy}; {away}")
    executors = ["--parsable", "--job-name", "canary-wf_1", "--comment", "rule_a", "--wrap=true"]
    assert _through_ours(fake, executors).stdout == "42\n"
    assert not (fake.folder / SUBMISSION).exists()
    lines: list[str] = []
    notices = WaitingNotices(list, lines.append)
    monkeypatch.chdir(fake.folder)
    seen.rename(SUBMISSION)
    notices.look()
    notices.look()
    assert len(lines) == 1
    assert lines[0].startswith(
        "canary-wf: the next batch is waiting to be submitted, which is tried for 10m00s: sbatch: "
    )
    fake.program("sbatch", away)
    fake.environment["CANARY_WF_SUBMIT_SECONDS"] = "0.1"
    done = _through_ours(fake, executors)
    assert "Slurm took no batch for" in done.stderr
    assert not SUBMISSION.exists()


def test_the_time_to_wait_is_that_of_all_batches_together(fake: _Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller that stays away ends the run soon, and the error says that the next one goes on."""
    fake.program("sbatch", "echo 'sbatch: error: Unable to contact slurm controller (connect failure)' >&2; exit 1")
    monkeypatch.setenv("CANARY_WF_SUBMIT_SECONDS", "1")
    with pytest.raises(SubmissionError, match=r"Slurm took no batch for 1.0s.*next snakemake submits it"):
        fake.submit()
    assert len(fake.calls("sbatch")) == 2
    began = time.monotonic()
    with pytest.raises(SubmissionError):
        fake.submit()
    assert time.monotonic() - began < 1
    assert len(fake.calls("sbatch")) == 3


def test_what_is_refused_for_good_is_told_at_once(fake: _Slurm) -> None:
    """Trying again would change nothing."""
    fake.program("sbatch", "echo 'sbatch: error: Invalid partition name specified' >&2; exit 1")
    with pytest.raises(SubmissionError, match=r"^sbatch: error: Invalid partition name specified$"):
        fake.submit()
    assert len(fake.calls("sbatch")) == 1


def _through_ours(fake: _Slurm, arguments: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {**fake.environment, "SBATCH_GRES": "gpu:1", "SBATCH_QOS": "high"}
    prepend_wrappers(environment)
    command = ["sh", "-c", 'exec sbatch "$@"', "sh", *arguments]
    return subprocess.run(
        command, env=environment, cwd=fake.folder, input=given, capture_output=True, text=True, check=False
    )


def test_ours_stands_before_slurms(fake: _Slurm) -> None:
    """The executor `slurm` calls it, with the script on its input or not; the job knows nothing of it."""
    seen = f"cat > {fake.folder}/script; env > {fake.folder}/env; echo hello; echo 42"
    fake.program("sbatch", seen)
    executors = ["--parsable", "--job-name", "uuid", "--comment", "rule_a", "--wrap=true"]
    done = _through_ours(fake, executors)
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
    environment = (fake.folder / "env").read_text().splitlines()
    assert f"PATH={fake.environment['PATH']}" in environment
    assert "SBATCH_QOS=high" in environment
    assert not any(line.startswith(("SBATCH_GRES", "CANARY_WF_PYTHON")) for line in environment)
    assert _through_ours(fake, [*executors[:-1], "/dev/stdin"], "#!/bin/sh\ntrue\n").stdout == "42\n"
    assert (fake.folder / "script").read_text() == "#!/bin/sh\ntrue\n"
    assert _through_ours(fake, ["--version"]).stdout == "hello\n42\n"
    fake.program("sbatch", "echo 'sbatch: error: not today' >&2; exit 1")
    refused = _through_ours(fake, executors)
    assert (refused.returncode, refused.stderr) == (1, "sbatch: error: not today\n")


def test_a_job_that_slurm_lost_is_over_after_a_few_rounds(fake: _Slurm) -> None:
    """The executor `slurm` would wait for it for ever; other questions are passed on as they are."""
    fake.program("sbatch", "echo 42")
    assert _through_ours(fake, ["--parsable", "--job-name", "canary-wf_1", "--comment", "rule_a", "--wrap=true"]).stdout
    fake.program("squeue", "echo '41|RUNNING'")
    fake.program("sacct", "echo '42|42|RUNNING'")
    environment = dict(fake.environment)
    prepend_wrappers(environment)

    def asked(*arguments: str) -> str:
        command = ["sh", "-c", 'exec squeue "$@"', "sh", *arguments]
        return subprocess.run(
            command, env=environment, cwd=fake.folder, capture_output=True, text=True, check=True
        ).stdout

    question = ("--format=%i|%T", "--states=all", "--noheader", "--name", "canary-wf_1")
    assert [asked(*question) for _ in range(4)] == ["41|RUNNING\n"] * 3 + ["41|RUNNING\n42|COMPLETED\n"]
    fake.program("sacct", "echo '42|42|NODE_FAIL'")
    assert asked(*question) == "41|RUNNING\n42|NODE_FAIL\n"
    assert asked("--me") == "41|RUNNING\n"
    fake.program("squeue", "echo '42_[1-3]|PENDING'")
    assert asked(*question) == "42_[1-3]|PENDING\n"


def test_a_batch_that_still_runs_is_not_submitted_again(fake: _Slurm) -> None:
    """The job script is answered with the job that carries the batch, a task of an array as well."""
    plan = fake.folder / "out" / ".canary-wf" / "sessions" / "s" / "plan.json"
    batch = plan.parent / "batches" / "b1"
    batch.mkdir(parents=True)
    plan.write_text("{}")
    output = ".canary-wf/sessions/s/batches/b1/result.json"
    properties = {"rule": "batch_b1", "output": [output], "params": {"plan": str(plan)}, "resources": {}}
    (fake.folder / "job.sh").write_text(f"#!/bin/sh\n# properties = {json.dumps(properties)}\n")
    fake.program("sbatch", "echo 99")
    fake.program("squeue", "echo '12_3|14|RUNNING'")

    def submitted(**fields: object) -> str:
        (batch / "submission.json").write_text(json.dumps({"submissions": [{"time": 1.0, **fields}]}))
        command = [sys.executable, "-P", "-m", "canary_wf", "slurm-submit", "job.sh"]
        return subprocess.run(
            command, cwd=fake.folder, env=fake.environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert submitted(slurm_job_id="12_3") == "12_3"
    assert submitted(slurm_job_id="12_3", ended=2.0) == "99"
    assert submitted(slurm_job_id="15") == "99"
    fake.program("squeue", "echo '12_3|14|COMPLETED'")
    assert submitted(slurm_job_id="12_3") == "99"


def test_a_job_that_was_submitted_counts_whatever_becomes_of_our_notes(fake: _Slurm) -> None:
    """Snakemake would take it for failed and submit it once more; what cannot be noted is a warning."""
    fake.program("sbatch", "echo 42")
    notes = fake.folder / ".snakemake"
    (notes / "canary-wf-not-taken").mkdir(parents=True)
    (notes / "canary-wf-submitted").write_text("in the way of a folder")
    executors = ["--parsable", "--job-name", "canary-wf_1", "--comment", "rule_a", "--wrap=true"]
    done = _through_ours(fake, executors)
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert done.stderr.startswith("canary-wf: warning: if Slurm loses job 42, nobody will notice: ")
    assert done.stderr.count("\n") == 1


def test_the_time_to_wait_ends_without_a_note_too(fake: _Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in its place keeps no submission from giving up."""
    fake.program("sbatch", "echo 'sbatch: error: Unable to contact slurm controller (connect failure)' >&2; exit 1")
    monkeypatch.setenv("CANARY_WF_SUBMIT_SECONDS", "0.5")
    (fake.folder / "not-taken").mkdir()
    with pytest.raises(SubmissionError, match="Slurm took no batch for"):
        fake.submit()


def test_a_damaged_note_does_not_stop_the_questions(fake: _Slurm) -> None:
    """A line that a full disk cut is passed over, and the others count."""
    fake.program("squeue", "true")
    notes = fake.folder / ".snakemake" / "canary-wf-submitted"
    notes.mkdir(parents=True)
    (notes / "canary-wf_1").write_text("41\n42 3\n")
    environment = dict(fake.environment)
    prepend_wrappers(environment)
    command = ["sh", "-c", "exec squeue --format='%i|%T' --noheader --name canary-wf_1"]
    done = subprocess.run(command, env=environment, cwd=fake.folder, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("42|COMPLETED\n", "")
    assert (notes / "canary-wf_1").read_text() == "42 4\n"


def test_notes_that_are_no_files_are_neither_waited_for_nor_written_through(
    fake: _Slurm, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe, and a file that never ends: the job counts, and the time to wait as well."""
    monkeypatch.chdir(fake.folder)
    FOLDER.mkdir(parents=True)
    os.mkfifo(FOLDER / "run")
    reader = os.open(FOLDER / "run", os.O_RDONLY | os.O_NONBLOCK)
    note_submitted("run", "12")
    assert not os.read(reader, 10)
    os.close(reader)
    assert "it is not a regular file" in capsys.readouterr().err
    note = fake.folder / "note"
    note.touch()
    os.truncate(note, 1 << 40)
    assert RetryBudget(note).next_pause(TemporaryFailure.CONTROLLER) == 1.0
