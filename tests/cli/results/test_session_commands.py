"""Looking at sessions and looking after them: status in its forms, log -f, location, diff, gc, rerun by more words."""

import json
import os
import re
import threading
import time

import pytest
from command_line import CommandLine, assert_one_line
from sessions import recorded_session

from canary_wf.plan.store import load_plan, newest_session
from canary_wf.report.session import load_session
from canary_wf.state.session_paths import session_names
from canary_wf.verdict.status import Outcome

OK, FAILED, TIMEOUT = Outcome.SUCCESS, Outcome.FAILED, Outcome.TIMEOUT
FAILED_RUN = {"one": OK, "two.n=1": FAILED, "two.n=2": TIMEOUT}


def test_watching_a_run_that_is_over_shows_how_it_ended(small: CommandLine) -> None:
    """And has the exit code of status."""
    recorded_session(small, FAILED_RUN)
    done = small("status", "-d", small.out, "--watch")
    assert done.code == 1
    assert done.out == small("status", "-d", small.out).out
    assert "FAIL TIMEOUT two.n=2" in done.out


def test_log_follows_a_running_job_to_its_end(small: CommandLine) -> None:
    """What comes is printed as it comes, and a new file of a second start from its beginning."""
    paths = recorded_session(small, {}, running="one")
    plan = load_plan(paths.plan)
    output = paths.job("one") / "canary-out.txt"
    journal = paths.batch(plan.jobs[0].batch).journal

    def run() -> None:
        time.sleep(0.5)
        with output.open("a") as file:
            file.write("more\n")
        time.sleep(0.5)
        output.unlink()
        output.write_text("anew\n")
        finished = {"event": "job_finished", "time": 1009.0, "job": plan.jobs[0].id, "outcome": "SUCCESS", "code": 0}
        with journal.open("a") as file:
            file.write(json.dumps(finished) + "\n")

    thread = threading.Thread(target=run)
    thread.start()
    done = small("log", "one", "-f", "-d", small.out)
    thread.join()
    assert (done.code, done.out) == (0, "output\nmore\nanew\n")


def test_log_f_of_a_job_that_nobody_runs_ends(small: CommandLine) -> None:
    """It does not wait for ever for what will not come."""
    small.generate()
    assert_one_line(small("log", "one", "-f", "-d", small.out), 4, "job one", "nothing runs")


def test_location_is_the_folder_with_the_output(small: CommandLine) -> None:
    """By name or id, and before the job ran, too."""
    small.generate()
    plan = load_plan(newest_session(small.out).plan)
    told = small("location", "one", "-d", small.out).out
    assert told == small("location", plan.jobs[0].id[:8], "-d", small.out).out
    paths = recorded_session(small, FAILED_RUN)
    assert small("location", "one", "-d", small.out).out == f"{paths.jobs}/one\n"
    assert_one_line(small("location", "nobody", "-d", small.out), 2, "JOB")


@pytest.mark.parametrize(
    ("arguments", "reset"),
    [
        (["--only", "FAIL"], ["two.n=1", "two.n=2"]),
        (["--only", "pass"], ["one"]),
        (["two.*"], ["two.n=1", "two.n=2"]),
        (["-k", "*n=1"], ["two.n=1"]),
        (["--failed", "-k", "fast"], []),
        (["--only", "success,timeout", "-k", "fast"], ["one"]),
    ],
)
def test_rerun_by_category_pattern_and_keyword(small: CommandLine, arguments: list[str], reset: list[str]) -> None:
    """Each way to say which."""
    recorded_session(small, FAILED_RUN)
    answer = f"Reset {len(reset)} job" if reset else "No job matches; nothing to reset."
    assert small("rerun", *arguments, "-d", small.out).out.startswith(answer)
    assert [job.name for job in load_session(newest_session(small.out)).not_done] == reset


def test_a_pattern_that_names_nobody_is_a_wrong_command_line(small: CommandLine) -> None:
    """As an unknown name is."""
    recorded_session(small, FAILED_RUN)
    assert_one_line(small("rerun", "three.*", "-d", small.out), 2, "JOB", "three.*")


def test_diff_tells_what_changed_between_the_newest_two(small: CommandLine) -> None:
    """Exit code 1 says that something fails that did not."""
    first = recorded_session(small, {**FAILED_RUN, "two.n=1": OK})
    second = recorded_session(small, {"one": OK, "two.n=1": FAILED, "two.n=2": OK})
    done = small("diff", "-d", small.out)
    assert done.code == 1
    assert done.out.splitlines()[0] == f"From session {first.session} to {second.session}"
    assert "Newly failing: 1 job\n" in done.out
    assert re.search(r"  SUCCESS → FAILED  2.0s → 2.0s  [0-9a-f]{8}  two.n=1\n", done.out)
    assert "Fixed: 1 job\n" in done.out
    found = small("diff", "-d", small.out, "--json").json
    assert [job["name"] for job in found["newly_failing"]] == ["two.n=1"]
    backwards = small("diff", second.session, first.session, "-d", small.out)
    assert re.search(r"  SUCCESS → TIMEOUT  .*  two.n=2\n", backwards.out)
    same = small("diff", second.session, second.session, "-d", small.out)
    assert (same.code, "Still failing: 1 job" in same.out) == (0, True)


def test_diff_says_which_sessions_it_needs(small: CommandLine) -> None:
    """Two of them, by names that are clear."""
    small.generate()
    assert_one_line(small("diff", "-d", small.out), 4, "1 session here", "canary-wf run PATH")
    small.generate()
    assert_one_line(small("diff", "2", "x", "-d", small.out), 2, "SESSION", "names 2 sessions")
    name = session_names(small.out)[0]
    assert_one_line(small("diff", name, "x", "-d", small.out), 2, "there is no session 'x'")
    assert small("diff", "-d", small.out).out.endswith("Nothing changed.\n")


def test_diff_with_a_session_that_was_stopped_says_how_many_did_not_run(small: CommandLine) -> None:
    """What is not there is not told as if nothing had changed."""
    recorded_session(small, {"one": OK, "two.n=1": OK, "two.n=2": OK})
    recorded_session(small, {"one": OK})
    done = small("diff", "-d", small.out)
    assert (done.code, done.out.splitlines()[1:]) == (0, ["", "Not run any more: 2 jobs (two.n=1, two.n=2)"])
    assert small("diff", "-d", small.out, "--json").json["not_run"] == ["two.n=1", "two.n=2"]


def test_gc_says_what_it_frees_and_frees_it(small: CommandLine) -> None:
    """The dry run tells the same and leaves all as it was."""
    for _ in range(3):
        small.generate()
    names = session_names(small.out)
    dry = small("gc", "--keep", "1", "--dry-run", "-d", small.out)
    assert dry.out.splitlines()[-1].startswith("Would remove 2 sessions, ")
    assert session_names(small.out) == names
    found = small("gc", "--keep", "1", "--dry-run", "--json", "-d", small.out).json
    assert [one["session"] for one in found["sessions"]] == names[:2]
    assert found["freed"] == sum(one["freed"] for one in found["sessions"]) > 0
    done = small("gc", "--keep", "1", "-d", small.out)
    assert done.out == dry.out.replace("Would remove", "Removed")
    assert session_names(small.out) == names[2:]
    assert os.path.exists(small.out / "TestResults")  # noqa: PTH110 - follows the link
    assert small("gc", "-d", small.out).out == "Removed 0 sessions, 0 bytes.\n"


def test_gc_by_age(small: CommandLine) -> None:
    """Sessions of today are not a day old."""
    small.generate()
    small.generate()
    assert small("gc", "--older-than", "1d", "-d", small.out).out.startswith("Removed 0 ")
    assert_one_line(small("gc", "--older-than", "soon", "-d", small.out), 2, "--older-than", "soon")
    assert_one_line(small("gc", "--older-than", "-1", "-d", small.out), 2, "--older-than")
    assert_one_line(small("gc", "--keep", "0", "-d", small.out), 2, "--keep")
    time.sleep(1.1)
    assert small("gc", "--older-than", "0", "-d", small.out).out.splitlines()[-1].startswith("Removed 1 session")


def test_the_cdash_report_is_two_files(small: CommandLine) -> None:
    """In the folder that is named, under the names that are given."""
    recorded_session(small, FAILED_RUN)
    done = small("report", "cdash", "-d", small.out, "-o", "a/b", "--site", "node7")
    assert done == (0, "", "Wrote a/b/Build.xml\nWrote a/b/Test.xml\n")
    assert small("report", "cdash", "-d", small.out, "-o", "a", "--exit-code").code == 1
    assert sorted(path.name for path in (small.folder / "a" / "b").iterdir()) == ["Build.xml", "Test.xml"]
    assert 'Name="node7"' in (small.folder / "a" / "b" / "Test.xml").read_text()
    assert_one_line(small("report", "cdash", "-d", small.out), 2, "-o", "folder")
    (small.folder / "file").write_text("")
    assert_one_line(small("report", "cdash", "-d", small.out, "-o", "file"), 4, "file")


def test_github_gets_annotations_and_a_step_summary(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary is added to what is there; standard output has commands only, so no test can give any."""
    recorded_session(small, FAILED_RUN)
    step = small.folder / "step"
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(small.folder))
    done = small("report", "markdown", "--github", "-d", small.out)
    assert done.out.splitlines() == [
        "::error file=tree/small.jobs.yaml,title=two.n=1::FAILED%0Aoutput",
        "::error file=tree/small.jobs.yaml,title=two.n=2::TIMEOUT%0Aoutput",
    ]
    assert step.read_text().startswith("before\n# 3 jobs: did not pass\n")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert small("report", "markdown", "--github", "-d", small.out, "-o", "md").out == done.out
    assert (small.folder / "md").read_text() == small("report", "markdown", "-d", small.out).out
    assert_one_line(small("report", "json", "--github", "-d", small.out), 2, "--github")
