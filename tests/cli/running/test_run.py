"""`canary-wf run`: what it plans, what it goes on with, what it runs again, and how it ends; Snakemake is a loop."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import CommandLine, Done, assert_one_line

from canary_wf.snakemake import child_process
from canary_wf.snakemake.lock import run_lock
from canary_wf.state.session_paths import SessionPaths, session_names

pytestmark = pytest.mark.usefixtures("quick_runs")


def run(cli: CommandLine, *arguments: str | Path) -> Done:
    """Run a command on the tree's workspace."""
    return cli("run", "-d", cli.out, *arguments)


def planned(cli: CommandLine, *arguments: str | Path) -> Done:
    """Plan the tree and run it."""
    return run(cli, cli.tree, *cli.PLANNED, *arguments)


def test_a_tree_is_planned_run_and_summed_up(small: CommandLine) -> None:
    """The words of `generate`, the failures, and the sum; what Snakemake said is in a file."""
    done = planned(small)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("Found 3 jobs in 1 file.\nPlanned ")
    assert "two.n=1" in done.out
    assert "profile" not in done.out
    (name,) = session_names(small.out)
    text = (small.out / ".canary-wf" / "sessions" / name / "snakemake.log").read_text()
    assert text.startswith("$ snakemake --profile local")
    assert "profile local\n" in text


def test_a_finished_session_is_not_run_again(small: CommandLine) -> None:
    """Without PATHs there is nothing to plan anew either; the exit code is that of `status`."""
    planned(small)
    again = run(small)
    assert again.code == 1
    assert "has nothing left to run; canary-wf run PATH starts anew.\n" in again.out
    assert again.out.splitlines()[-1] == "Again: canary-wf run --failed -d out"
    assert len(session_names(small.out)) == 1


def test_a_session_goes_on_where_it_was_left(small: CommandLine) -> None:
    """A planned session counts as one of which everything is left."""
    small.generate()
    done = run(small)
    assert done.code == 1
    assert "goes on: 3 of 3 jobs left to run" in done.out
    assert len(session_names(small.out)) == 1


def test_configured_paths_are_planned_anew_when_nothing_is_left(small: CommandLine) -> None:
    """As by `generate` without PATHs."""
    (small.folder / "canary-wf.yaml").write_text("paths: {tests: [tree]}\nbatch: {scheduler: local}\n")
    assert run(small).code == 1
    done = run(small)
    assert "has nothing left to run; planning anew.\nFound 3 jobs" in done.out
    assert len(session_names(small.out)) == 2


def test_failed_jobs_run_again_alone(small: CommandLine) -> None:
    """In the same session, with what they need."""
    planned(small)
    done = run(small, "--failed")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("Reset 2 jobs in ")
    small.write("other.jobs.yaml", "jobs: [{name: new, command: 'true'}]")
    assert run(small, "--only", "passed").out.startswith("Reset 1 job in ")
    assert len(session_names(small.out)) == 1


def test_only_failed_or_named_jobs_run_while_others_are_left(cli: CommandLine) -> None:
    """What they need runs with them; the counts and the exit code are theirs, and the session has a line."""
    commands = ["false", "true", "true", "true"]
    jobs = "".join(f"  - {{name: j{n}, command: '{word}', runtime: {9 - n}s}}\n" for n, word in enumerate(commands))
    cli.write("a.jobs.yaml", f"jobs:\n{jobs}  - {{name: last, command: 'true', runtime: 1s, depends_on: [j3]}}\n")
    assert planned(cli, "-b", "workers=1", "-b", "spec=count:1,layout:atomic", "-x").code == 1
    failed = run(cli, "--failed")
    assert (failed.code, failed.err) == (1, "")
    assert failed.out.startswith("Reset 1 job in 1 batch.\n")
    *_, total, session, go_on = failed.out.splitlines()
    assert total.startswith("1 failed in ")
    assert session == "Session: 1 failed, 4 not run; canary-wf status -d out"
    assert go_on == "Go on: canary-wf run -d out"
    named = run(cli, "last")
    assert (named.code, named.err) == (0, "")
    assert "With what these need: 2 jobs to run.\n" in named.out
    *_, total, session, go_on = named.out.splitlines()
    assert total.startswith("All 2 jobs passed in ")
    assert session == "Session: 2 passed, 1 failed, 2 not run; canary-wf status -d out"
    (name,) = session_names(cli.out)
    assert not SessionPaths(cli.out, name).chosen_jobs.exists()
    assert "goes on: 2 of 5 jobs left to run" in run(cli).out


def test_nothing_failed_runs_nothing(small: CommandLine) -> None:
    """Not even what was never run."""
    small.generate()
    done = run(small, "--failed")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "No job has failed; nothing to reset.",
        "3 jobs, not run yet",
        "Next: canary-wf run -d out",
    ]
    assert run(small, "--failed", "--json").json["counts"]["NONE"] == 3


def test_a_job_of_a_session_that_has_not_run_runs_alone(small: CommandLine) -> None:
    """There is nothing to reset; a dry run is refused, because jobs that did run would be reset for it."""
    small.generate()
    assert_one_line(run(small, "one", "--", "-n"), 2, "--: a dry run does not go with jobs that are to run again")
    done = run(small, "one")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 job to run for the first time.\n")
    assert "Session: 1 passed, 2 not run; canary-wf status -d out" in done.out.splitlines()


def test_a_test_file_that_has_changed_is_told(small: CommandLine) -> None:
    """Jobs run as they were planned, which is not what somebody expects who has just changed them."""
    planned(small)
    file = small.tree / "small.jobs.yaml"
    os.utime(file, (time.time() + 1, time.time() + 1))
    done = run(small, "--failed")
    warning = (
        "tree/small.jobs.yaml has changed since it was planned; canary-wf run tree --update -d out takes the change"
    )
    assert (done.code, done.err) == (1, f"canary-wf: warning: {warning}\n")


def test_another_first_run_meanwhile_is_told(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have planned, as a new folder has no lock yet; the newer session is the one that runs."""

    @contextmanager
    def lock(out: Path) -> Iterator[None]:
        with run_lock(out):
            (out / ".canary-wf" / "sessions" / "29991231T000000").mkdir()
            yield

    monkeypatch.setattr("canary_wf.cli.running.run.run_lock", lock)
    done = planned(small)
    assert done.code == 4
    assert done.err.endswith(
        "another canary-wf run has planned here meanwhile; canary-wf run goes on with its session\n"
    )


def test_a_named_job_that_passes_ends_with_0_beside_old_failures(small: CommandLine) -> None:
    """These are not told again, but counted."""
    planned(small)
    done = run(small, "--only", "passed")
    assert (done.code, done.err) == (0, "")
    assert "FAIL" not in done.out
    assert "The job passed in " in done.out
    assert "\nSession: 1 passed, 2 failed; canary-wf status -d out\n" in done.out


def test_what_snakemake_only_prints_is_shown(small: CommandLine) -> None:
    """The session stays what it was, and so does standard output under --json."""
    small.generate()
    dry = run(small, "--", "--say", "rule batch_x", "--end", "0")
    assert (dry.code, dry.err) == (0, "")
    assert dry.out.endswith("rule batch_x\n")
    assert "not run" not in dry.out
    told = run(small, "--json", "--", "--say", "rule batch_x", "--end", "0")
    assert (told.code, told.json["counts"]["NONE"]) == (0, 3)
    assert "rule batch_x" in told.err
    wrong = run(small, "--json", "--", "--say", "WorkflowError:\nNo space left\n", "--end", "1")
    assert (wrong.code, wrong.json["counts"]["NONE"]) == (4, 3)
    assert "Snakemake failed: No space left; " in wrong.err


@pytest.mark.parametrize("end", ["0", "2"])
def test_a_session_of_which_nothing_began_is_taken_back(small: CommandLine, end: str) -> None:
    """After a dry run, and an option that Snakemake does not know; the session before is the newest again."""
    planned(small)
    before = {path: path.read_bytes() for path in (small.out / "workflow").rglob("*") if path.is_file()}
    link = (small.out / "TestResults").readlink()
    done = planned(small, "--", "--say", "snakemake: error: no such thing", "--end", end)
    assert done.code == int(end)
    assert len(session_names(small.out)) == 1
    assert {path: path.read_bytes() for path in before} == before
    assert (small.out / "TestResults").readlink() == link
    assert "has nothing left to run" in run(small).out


@pytest.mark.parametrize("word", ["two.n=1", "two.*", "one"])
def test_named_jobs_run_again(small: CommandLine, word: str) -> None:
    """By name or pattern; a word that exists as a path is one."""
    planned(small)
    assert run(small, word).out.startswith("Reset ")


def test_words_that_do_not_go_together_are_told(small: CommandLine) -> None:
    """Paths with jobs, and jobs with a new plan."""
    planned(small)
    assert_one_line(run(small, small.tree, "two.n=1"), 2, "PATH", "is a file or folder, and 'two.n=1' is not")
    assert_one_line(run(small, "--failed", "-b", "spec=count:1"), 2, "-b", "does not go with --failed")
    assert_one_line(run(small, "--failed", small.tree), 2, "does not go with --failed")
    assert_one_line(run(small, "nosuch"), 2, "PATH or JOB: there is no file or job 'nosuch'")
    assert_one_line(run(small, "./treee/"), 2, "there is no file or job './treee/'; did you mean ./tree?")


def test_a_path_that_is_also_a_job_is_told(cli: CommandLine) -> None:
    """The PATH wins, and the warning says how to name the job."""
    cli.write("a.jobs.yaml", "jobs: [{name: tree, command: 'true'}]")
    assert planned(cli).code == 0
    done = run(cli, "tree", *cli.PLANNED)
    assert done.code == 0
    assert "warning: 'tree' is a file or folder here, and also a job; to run the job: canary-wf run " in done.err
    assert len(session_names(cli.out)) == 2
    job = done.err.split()[-1]
    assert run(cli, job).out.startswith("Reset 1 job in 1 batch.\n")


def test_a_mistake_leaves_nothing_behind(small: CommandLine) -> None:
    """No folder, and no process."""
    assert_one_line(run(small, "-k", "nosuch", small.tree, *small.PLANNED), 3)
    assert not small.out.exists()


def test_a_snakemake_that_fails_is_told_in_a_line(small: CommandLine) -> None:
    """With the reason, the file, and an exit code of its own."""
    error = "WorkflowError:\nFailed to open source file nowhere\n\n"
    done = planned(small, "--", "--say", error, "--end", "1")
    assert done.code == 4
    assert done.err.startswith("canary-wf: Snakemake failed: Failed to open source file nowhere; all it said: ")
    assert done.err.rstrip().endswith("snakemake.log")
    usage = run(small, "--", "--say", "snakemake: error: unrecognized arguments: --nosuch", "--end", "2")
    assert (usage.code, "unrecognized arguments: --nosuch" in usage.err) == (2, True)


def test_hostile_names_and_outputs_are_harmless(cli: CommandLine) -> None:
    """Neither the terminal nor a CI service sees a command in them."""
    name = "a\\e[2J::error::b"
    cli.write("a.jobs.yaml", f'jobs: [{{name: "{name}", command: [printf, "\\\\033]0;x\\\\a\\n::warning::x"]}}]')
    done = planned(cli)
    assert "\x1b" not in done.out + done.err
    assert not any(line.startswith("::") for line in done.out.splitlines())


def test_the_text_of_snakemake_must_be_writable(small: CommandLine) -> None:
    """A folder in its place is told, and nothing is run."""
    small.generate()
    (name,) = session_names(small.out)
    (small.out / ".canary-wf" / "sessions" / name / "snakemake.log").mkdir()
    done = run(small)
    assert done.code == 4
    assert "snakemake.log" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("option", [["-x"], ["--max-fail", "1"]])
def test_a_run_stops_at_the_first_failure(cli: CommandLine, option: list[str]) -> None:
    """Later batches start nothing, and the next run goes on with them."""
    jobs = "".join(f"  - {{name: j{n}, command: 'false', runtime: 1s}}\n" for n in range(4))
    cli.write("a.jobs.yaml", f"jobs:\n{jobs}")
    done = planned(cli, "-b", "workers=1", "-b", "spec=count:2", *option)
    assert done.code == 1
    assert "Stopped early because 1 job failed (--max-fail 1): 3 jobs not run.\n" in done.out
    assert done.out.splitlines()[-1] == "Go on: canary-wf run -d out"
    again = run(cli)
    assert "goes on: 3 of 4 jobs left to run" in again.out
    assert "4 failed" in again.out


def test_a_child_that_is_killed_is_told_with_what_to_type(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signal is named, and nothing is said about jobs."""
    monkeypatch.setattr(child_process, "COMMAND", ("sh", "-c", "read -r line; kill -KILL $$"))
    done = planned(small)
    assert (done.code, done.err) == (4, "canary-wf: Snakemake was ended by SIGKILL; to go on: canary-wf run -d out\n")


def test_a_child_that_cannot_load_snakemake_has_said_why(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ended before it is told what to run."""
    monkeypatch.setattr(child_process, "COMMAND", ("false",))
    assert planned(small).code == 4


def test_options_for_snakemake_are_passed_on(small: CommandLine) -> None:
    """All words after --, also those that look like ours."""
    planned(small, "--", "--say", "-x")
    (name,) = session_names(small.out)
    text = (small.out / ".canary-wf" / "sessions" / name / "snakemake.log").read_text()
    assert text.startswith("$ snakemake --profile local --say -x ")


def test_json_is_all_there_is_on_standard_output(small: CommandLine) -> None:
    """That of `status --json`."""
    done = planned(small, "--json")
    assert done.code == 1
    assert done.json["counts"]["FAIL"] == 2
    again = run(small, "--json")
    assert (again.code, again.json["counts"]["FAIL"]) == (1, 2)
