"""What a job declares as worth keeping is kept beside its state, by a real runner, and outlives its session."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, shell

from canary_wf.cli.main import main
from canary_wf.plan.store import write_session
from canary_wf.report.formats.junit import junit_report
from canary_wf.report.session import SessionState, load_session
from canary_wf.run.job import artifacts as module
from canary_wf.run.job.artifacts import keep_artifacts
from canary_wf.spec.job_spec import Artifact
from canary_wf.state.journal_repair import load_batch
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import Outcome, Status

PASSED, FAILED = Status.of(Outcome.SUCCESS), Status.of(Outcome.FAILED)


def ran(out: Path, script: str, *declared: Artifact, **fields: Any) -> SessionState:  # noqa: ANN401 - of the plan
    """Return the session in which a job ran this shell script."""
    plan = plan_of([shell("a", script, artifacts=declared)], **fields)
    paths = write_session(plan, out)
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return load_session(paths)


def record_of(state: SessionState) -> JobRecord:
    """Return the record of the job."""
    return state.record(state.plan.jobs[0])


def kept(record: JobRecord) -> dict[str, int]:
    """Return the sizes of the files that are kept."""
    return {file.path: file.size for file in record.artifacts.kept}


@pytest.mark.parametrize(
    ("code", "files"),
    [
        (0, ["a.log", "good.txt", "plots/deep/b.png", "plots/c.png"]),
        (1, ["a.log", "bad.txt", "plots/deep/b.png", "plots/c.png"]),
    ],
)
def test_files_globs_and_folders_are_kept_by_the_verdict(tmp_path: Path, code: int, files: list[str]) -> None:
    """The journal, job.json and JUnit name them; one that was not there is told, and no verdict changes."""
    declared = (
        *(Artifact("*.log"), Artifact("plots"), Artifact("good.txt", "success"), Artifact("bad.txt", "failure")),
        Artifact("no*.dat"),
    )
    script = f"mkdir -p plots/deep; echo 123 | tee a.log good.txt bad.txt plots/deep/b.png > plots/c.png; exit {code}"
    state = ran(tmp_path, script, *declared)
    record = record_of(state)
    assert kept(record) == {f"canary-artifacts/{file}": 4 for file in files}
    assert record.artifacts.missing == ("no*.dat",)
    assert record.status.outcome.name == ("FAILED" if code else "SUCCESS")
    folder = state.paths.job("a")
    assert all((folder / "canary-artifacts" / file).read_text() == "123\n" for file in files)
    content = json.loads((folder / "job.json").read_text())["artifacts"]
    assert content["kept"][0] == {"path": "canary-artifacts/a.log", "size": 4}
    assert content["missing"] == ["no*.dat"]
    place = ".canary-wf/sessions/" + state.paths.session
    assert state.as_dict()["jobs"][0]["artifacts"] == record.artifacts
    assert "artifact that is not there: no*.dat" in junit_report(state)
    assert f"[[ATTACHMENT|{place}/jobs/a/canary-artifacts/a.log]]" in junit_report(state)


def test_each_attempt_keeps_its_own(tmp_path: Path) -> None:
    """Those of a run that failed are beside those of the last one, and still there when the journal is lost."""
    counter = tmp_path / "n"
    script = f"n=$(cat {counter} 2>/dev/null || echo 0); echo $((n+1)) > {counter}; echo $n > core; [ $n -ge 2 ]"
    state = ran(tmp_path / "out", script, Artifact("core"), retry={"failed": 3})
    record, folder = record_of(state), state.paths.job("a")
    assert [run.artifacts.kept[0].path for run in record.earlier] == [
        "canary-artifacts.1/core",
        "canary-artifacts.2/core",
    ]
    assert [(folder / f"canary-artifacts{number}" / "core").read_text() for number in (".1", ".2", "")] == [
        *("0\n", "1\n", "2\n")
    ]
    batch = state.plan.batches[0]
    state.paths.batch(batch.id).journal.unlink()
    again = load_batch(state.paths, batch.id, state.plan.jobs, alive=False).jobs[state.plan.jobs[0].id]
    assert (again.artifacts, again.earlier) == (record.artifacts, record.earlier)


def test_nothing_outside_of_the_folder_is_kept(tmp_path: Path) -> None:
    """Links inside are followed, links out are not; own files and what a job put there itself do not get in the way."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("x")
    folder = tmp_path / "job"
    (folder / "inner").mkdir(parents=True)
    for name in ("canary-out.txt", "job.json", "inner/run1.log"):
        (folder / name).touch()
    (folder / "latest.log").symlink_to("inner/run1.log")
    (folder / "key.log").symlink_to(secret / "key")
    (folder / "out").symlink_to(secret)
    (folder / "inner/up").symlink_to(secret)
    (folder / "canary-artifacts").symlink_to(secret)
    os.mkfifo(folder / "inner/pipe")
    declared = tuple(map(Artifact, ("*.log", "out", "out/key", "inner", "job.json", "canary-out.txt")))
    found = keep_artifacts(shell("a", "true", artifacts=declared), folder, PASSED)
    names = [file.path.removeprefix("canary-artifacts/") for file in found.kept]
    assert names == ["canary-out.txt", "inner/run1.log", "latest.log"]
    assert not (folder / "canary-artifacts").is_symlink()
    assert not (folder / "canary-artifacts/latest.log").is_symlink()
    assert [path.name for path in secret.iterdir()] == ["key"]
    assert found.missing == (
        "out",
        "out/key",
        "inner/pipe (is a link out of the job's directory, or no regular file)",
        "job.json",
    )


def test_what_is_kept_is_bounded_and_takes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are hard links, copies where there are none, in pieces; files beyond the most are counted."""
    monkeypatch.setattr(module, "MOST_FILES", 3)
    for number in range(5):
        (tmp_path / f"{number}.dat").write_text("x")
    (tmp_path / "canary-out.txt").touch()
    job = shell("a", "true", artifacts=(Artifact("*.dat"),))
    found = keep_artifacts(job, tmp_path, PASSED)
    assert found.missing == ("2 more files (at most 3 are kept)",)
    assert (tmp_path / "canary-artifacts/0.dat").samefile(tmp_path / "0.dat")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert keep_artifacts(job, tmp_path, PASSED) == found
    assert not (tmp_path / "canary-artifacts/0.dat").samefile(tmp_path / "0.dat")

    monkeypatch.setattr(module, "MOST_COPIED", 2 << 20)
    with (tmp_path / "1.dat").open("wb") as file:
        file.truncate((2 << 20) - 1)
    beats: list[None] = []
    limited = keep_artifacts(job, tmp_path, PASSED, beat=lambda: beats.append(None))
    assert (tmp_path / "canary-artifacts/1.dat").stat().st_size == (2 << 20) - 1
    assert (tmp_path / "canary-artifacts/1.dat").stat().st_mtime == (tmp_path / "1.dat").stat().st_mtime
    assert len(beats) == 5 + 1 + 2  # one for each file, and one for each MiB of the copies
    assert [file.path for file in limited.kept] == [f"canary-artifacts/{number}.dat" for number in (0, 1)]
    why = "no hard link is possible, and at most 2 MiB are copied"
    assert limited.missing == tuple(f"{number}.dat ({why})" for number in (2, 3, 4))


def test_names_that_are_not_text_do_not_stop_the_runner(tmp_path: Path) -> None:
    """What no journal can name is listed as missing in printable form, alone or in a folder; the rest is kept."""
    script = r"""mkdir -p d/$(printf 'b\377'); touch $(printf '\377.log') a.log d/c d/$(printf 'b\377')/e"""
    record = record_of(ran(tmp_path, script, Artifact("*.log"), Artifact("d")))
    assert record.status == PASSED
    assert kept(record) == {"canary-artifacts/a.log": 0, "canary-artifacts/d/c": 0}
    assert record.artifacts.missing == (
        r"\xff.log (its name is not UTF-8)",
        r"d/b\xff/e (its name is not UTF-8)",
    )


def test_loops_of_links_and_closed_folders_do_not_stop_the_runner(tmp_path: Path) -> None:
    """A link to itself, two that lead to each other, and files that lead nowhere are missing; the rest is kept."""
    script = "mkdir d; touch d/good; ln -s self d/self; ln -s two d/one; ln -s one d/two; ln -s /no/x d/x; ln -s l l"
    record = record_of(ran(tmp_path, script, *map(Artifact, ("d", "l", "l/x", "*", "**/x", "d/one"))))
    assert record.status == PASSED
    assert "canary-artifacts/d/good" in kept(record)
    shown = " ".join(record.artifacts.missing)
    assert all(name in shown for name in ("d/self (", "d/one (", "d/two (", "d/x (", "l/x", "**/x"))


def test_the_list_of_missing_artifacts_is_bounded(tmp_path: Path) -> None:
    """A folder full of links that lead nowhere fills no journal."""
    (tmp_path / "canary-out.txt").touch()
    (tmp_path / "d").mkdir()
    for number in range(150):
        (tmp_path / f"d/{number:03}").symlink_to("/nowhere")
    found = keep_artifacts(shell("a", "true", artifacts=(Artifact("d"), Artifact("x" * 5000))), tmp_path, PASSED)
    assert not found.kept
    assert len(found.missing) == 101
    assert found.missing[-1] == "51 more (at most 100 are listed)"
    assert max(map(len, found.missing)) < 400


def test_nothing_is_written_through_a_directory_that_became_a_link(tmp_path: Path) -> None:
    """A job may replace its own directory."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "canary-out.txt").touch()
    (other / "a.log").touch()
    (tmp_path / "job").symlink_to(other)
    found = keep_artifacts(shell("a", "true", artifacts=(Artifact("*.log"),)), tmp_path / "job", PASSED)
    assert found.missing == ("all (the job's directory is a link now)",)
    assert sorted(path.name for path in other.iterdir()) == ["a.log", "canary-out.txt"]


@pytest.mark.parametrize("outcome", [Outcome.INTERRUPTED, Outcome.BROKEN])
def test_nothing_is_missed_of_a_job_that_did_not_run(tmp_path: Path, outcome: Outcome) -> None:
    """One that could not start has no output; one that was interrupted runs again."""
    if outcome is Outcome.INTERRUPTED:
        (tmp_path / "canary-out.txt").touch()
    assert not keep_artifacts(shell("a", "true", artifacts=(Artifact("x"),)), tmp_path, Status.of(outcome)).missing


def test_artifacts_outlive_their_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`gc` removes the rest, and the artifacts only when it is told to; what it says is freed is what goes."""
    script = "head -c 100000 /dev/zero > big; echo x > small"
    names = [f"2026010{day}T000000.000000" for day in (1, 2, 3)]
    states = [ran(tmp_path, script, Artifact("small"), session=name) for name in names]
    first = states[0].paths

    def run_gc(*options: str) -> str:
        assert main(["gc", "-d", str(tmp_path), "--keep", "1", *options]) == 0
        return capsys.readouterr().out

    said = run_gc()
    assert "Removed 2 sessions" in said
    assert "The artifacts of 2 jobs stay in .canary-wf/artifacts; --artifacts removes them." in said
    assert not first.folder.exists()
    assert sorted(str(path.relative_to(first.kept_artifacts)) for path in first.kept_artifacts.rglob("*")) == [
        *("a", "a/canary-artifacts", "a/canary-artifacts/small", "a/job.json")
    ]
    assert "(artifacts)" in run_gc("--artifacts", "--dry-run")
    assert first.kept_artifacts.exists()
    run_gc("--artifacts")
    assert not first.kept_artifacts.exists()
    assert states[2].paths.folder.exists()
