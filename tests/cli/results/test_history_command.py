"""`canary-wf history`: shown, exported, imported, forgotten."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded

from canary_wf.history.run_times import history_file, load_history, record_session
from canary_wf.plan.store import load_plan, newest_session, slices
from canary_wf.state.events import JobFinished, JobStarted
from canary_wf.state.recording import open_recorder
from canary_wf.verdict.status import Outcome, Status

OK, BAD = Outcome.SUCCESS, Outcome.FAILED


def _imported(small: CommandLine, **seconds: float) -> None:
    """Let the newest session's jobs, by name, be known to take so many seconds."""
    file = small.folder / "durations"
    file.write_text(json.dumps(seconds))
    assert small("history", "import", file, "-d", small.out).code == 0


def _names(small: CommandLine) -> dict[str, str]:
    return {job.name: job.id for job in load_plan(newest_session(small.out).plan).jobs}


@pytest.fixture
def known(small: CommandLine) -> CommandLine:
    """Return a workspace in which all jobs but one have a history, and its first job's name is known."""
    assert small.generate().code == 0
    first, second, *_ = sorted(_names(small))
    _imported(small, **{first: 2.0, second: 40.0})
    return small


def test_the_table_tells_who_takes_how_long(known: CommandLine) -> None:
    """A line a job, and how many of the newest session have none."""
    done = known("history", "-d", known.out)
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["id", "name", "runs", "median", "mean", "spread", "last", "runs"]
    assert len(done.out.splitlines()) == 4
    assert "40s" in done.out
    assert "Run times of 2 jobs are known; 1 job of the newest session without." in done.out


def test_the_json_has_every_run(known: CommandLine) -> None:
    """With id, name, what they say together, and the sessions they are from."""
    found = known("history", "-d", known.out, "--json").json["jobs"]
    assert {job["name"]: job["median"] for job in found} == dict(
        zip(sorted(_names(known))[:2], (2.0, 40.0), strict=True)
    )
    assert found[0]["runs"][0]["session"] == "pytest-split"
    of_times = {"id", "name", "file", "median", "mean", "spread", "outliers", "runs"}
    assert found[0].keys() == of_times | {"flaky", "failed", "sessions", "failures", "retries"}


def test_what_is_exported_is_imported_elsewhere(known: CommandLine, tmp_path: Path) -> None:
    """By job id, so the other workspace needs no session."""
    other, file = tmp_path / "other", tmp_path / "export.json"
    assert known("history", "export", file, "-d", known.out).code == 0
    done = known("history", "import", file, "-d", other)
    assert done.out == f"Imported run times of 2 jobs from {file}.\n"
    assert load_history(other).runtimes == load_history(known.out).runtimes


def test_the_next_plan_uses_what_was_imported(known: CommandLine) -> None:
    """CTest's costs, by the names of the jobs; other names are counted."""
    first = min(_names(known))
    file = known.folder / "CTestCostData.txt"
    file.write_text(f"{first} 4 7.5\ngone 1 1\n---\n")
    assert "; 1 name in it named no job" in known("history", "import", file, "-d", known.out).out
    told = known("plan", known.tree, "-d", known.out, *known.PLANNED, "--explain", first).out
    assert "the median of its last 2 runs" in told


def test_what_is_forgotten_is_gone(known: CommandLine) -> None:
    """By name or by the start of an id; the workspace may stand before the word, too."""
    names = _names(known)
    first, second, *_ = sorted(names)
    assert known("history", "-d", known.out, "forget", first, names[second][:8]).out == (
        "Forgot the run times of 2 jobs.\n"
    )
    assert known("history", "-d", known.out, "--json").json == {"jobs": []}


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["forget", "gone"], 2, "'gone'"),
        (["forget", "onne"], 2, "did you mean one? canary-wf history lists them"),
        (["forget"], 2, "JOB"),
        (["import", "gone"], 3, "gone"),
        (["import", "nonsense"], 3, "nonsense:1"),
        (["import", "unknown"], 3, "none of its names is a job"),
        (["import"], 2, "FILE"),
        (["export", "no/such/folder"], 4, "no/such/folder"),
        (["bake"], 2, "bake"),
    ],
)
def test_mistakes_are_told_in_one_line(known: CommandLine, arguments: list[str], code: int, word: str) -> None:
    """With the file or the job, and nothing is changed."""
    Path("nonsense").write_text("what is this\n")
    Path("unknown").write_text("other 1 1\n")
    before = history_file(known.out).read_bytes()
    assert_one_line(known("history", "-d", known.out, *arguments), code, word)
    assert history_file(known.out).read_bytes() == before


def test_names_need_a_session(small: CommandLine) -> None:
    """Another program's names say nothing where no job is known."""
    Path("costs").write_text("a 1 1\n")
    assert_one_line(small("history", "import", "costs", "-d", small.out), 4, "there is no session")


def test_an_empty_history_is_no_mistake(small: CommandLine) -> None:
    """Nothing is known yet, and that is told; where there is no workspace at all, that is."""
    assert_one_line(small("history", "-d", small.out), 4, "there is no session")
    assert_one_line(small("history", "export", "x", "-d", small.out), 4, "there is no session")
    assert_one_line(small("history", "forget", "one", "-d", small.out), 4, "there is no session")
    assert not small.out.exists()
    assert small.generate().code == 0
    done = small("history", "-d", small.out)
    assert (done.code, done.out) == (0, "Run times of 0 jobs are known; 3 jobs of the newest session without.\n")


def test_names_stay_known_after_a_session_of_a_part(known: CommandLine) -> None:
    """A job that the newest session does not have is shown, and forgotten, by its name."""
    names = sorted(_names(known))
    assert known.generate("-k", "fast").code == 0
    assert list(_names(known)) == names[:1]
    told = known("history", "-d", known.out).out
    assert [name in told for name in names] == [True, True, False]
    found = known("history", "-d", known.out, "--json").json["jobs"]
    assert {(job["name"], job["file"]) for job in found} == {(name, "small.jobs.yaml") for name in names[:2]}
    assert known("history", "-d", known.out, "forget", names[1]).code == 0
    assert names[1] not in known("history", "-d", known.out).out
    export = known.folder / "export.json"
    known("history", "export", export, "-d", known.out)
    known("history", "import", export, "-d", known.folder / "elsewhere")
    assert names[0] in known("history", "-d", known.folder / "elsewhere").out


def test_what_is_no_number_is_skipped_with_a_warning(small: CommandLine) -> None:
    """The others are imported."""
    small.generate()
    file = small.folder / "durations"
    file.write_text('{"one": 3, "two.n=1": -1, "two.n=2": "x"}')
    done = small("history", "import", file, "-d", small.out)
    assert (done.code, done.out) == (0, f"Imported run times of 1 job from {file}.\n")
    told = f"{file}: 'two.n=1', 'two.n=2' skipped, not a number of seconds from zero to ten years"
    assert done.err == f"canary-wf: warning: {told}\n"


def test_an_imported_time_above_the_limit_is_cut_to_it_and_told(small: CommandLine) -> None:
    """One odd number does not make a batch of days."""
    small.generate()
    _imported(small, one=1_000_000.0)
    done = small.generate("-b", "spec=count:1,layout:atomic")
    assert "longer than the job's own time limit, which ends it; set a longer timeout: one (11d13h" in done.err
    plan = load_plan(newest_session(small.out).plan)
    assert max(job.runtime for job in plan.jobs) <= 300.0
    assert plan.batches[0].time_limit < 3600.0


@pytest.fixture
def flaky(cli: CommandLine) -> CommandLine:
    """Return a workspace with three sessions: `a` passed, `b` failed in one of them, `c` always; two are kept."""
    fates = [(OK, OK, BAD), (OK, BAD, BAD), (OK, OK, BAD)]
    for number, outcomes in enumerate(fates, 1):
        plan = plan_of([spec(name) for name in "abc"], session=f"2026010{number}T000000.000000")
        paths = recorded(cli.folder, plan, dict(zip("abc", outcomes, strict=True)))
        record_session(paths, paths.batches())
    return cli


def test_failures_of_the_last_sessions_are_counted(flaky: CommandLine) -> None:
    """A job that always fails has no run time and is not flaky."""
    heading, a, b, c, last = flaky("history").out.splitlines()
    assert heading.split()[:5] == ["id", "name", "runs", "failed", "median"]
    assert [row.split()[1:3] for row in (a, b, c)] == [["a", "3"], ["b", "2"], ["c", "0"]]
    assert "1 of 3" in b
    assert c.endswith("3 of 3")
    assert last == (
        "Run times of 2 jobs are known; 1 job of the newest session without."
        " Flaky: 1 job, see canary-wf history --flaky."
    )


def test_flaky_jobs_are_listed(flaky: CommandLine) -> None:
    """Those alone, as a table and as JSON."""
    _, b, last = flaky("history", "--flaky").out.splitlines()
    assert b.split()[1] == "b"
    assert last == "1 job passed and failed, or ran again, in the last 10 sessions."
    (found,) = flaky("history", "--flaky", "--json").json["jobs"]
    assert (found["name"], found["failed"], found["sessions"], found["flaky"]) == ("b", 1, 3, True)
    assert found["failures"] == [{"session": "20260102T000000.000000", "outcome": "FAILED"}]


def test_names_stay_known_after_a_session_of_few_jobs(flaky: CommandLine) -> None:
    """The history has them itself, so a job can be forgotten by its name although no session knows it any more."""
    for folder in (flaky.folder / ".canary-wf" / "sessions").iterdir():
        shutil.rmtree(folder)
    recorded(flaky.folder, plan_of([spec("z")], session="20270101T000000.000000"), {"z": OK})
    assert {job["name"] for job in flaky("history", "--json").json["jobs"]} == {"a", "b", "c", "z"}
    assert flaky("history", "forget", "b", "c").out == "Forgot the run times of 2 jobs.\n"
    assert {job["name"] for job in flaky("history", "--json").json["jobs"]} == {"a", "z"}


def test_the_slowest_jobs_come_first(known: CommandLine) -> None:
    """Ten of them, or as many as asked for."""
    names = sorted(_names(known))
    listed = known("history", "--slowest", "-d", known.out).out.splitlines()[1:-1]
    assert [line.split()[1] for line in listed] == [names[1], names[0]]
    assert len(known("history", "--slowest", "1", "-d", known.out).out.splitlines()) == 3
    assert [job["name"] for job in known("history", "--slowest", "1", "-d", known.out, "--json").json["jobs"]] == [
        names[1]
    ]


def test_failures_go_along_into_another_workspace(flaky: CommandLine, tmp_path: Path) -> None:
    """Such as that of the next run of a CI service."""
    file = tmp_path / "export.json"
    assert flaky("history", "export", file).code == 0
    assert flaky("history", "import", file, "-d", tmp_path / "other").code == 0
    assert load_history(tmp_path / "other").failures == load_history(flaky.folder).failures
    assert flaky("history", "import", file).code == 0
    (found,) = flaky("history", "--flaky", "--json").json["jobs"]
    assert (found["failed"], found["sessions"]) == (1, 3)


def test_a_job_that_passed_when_it_ran_again_is_flaky(cli: CommandLine) -> None:
    """Nothing has changed between its two runs in one session, of which the first one is in no journal any more."""
    plan = plan_of([spec("a")], session="20260101T000000.000000")
    paths = recorded(cli.folder, plan, {"a": BAD})
    record_session(paths, paths.batches())
    assert "0 jobs passed and failed" in cli("history", "--flaky").out
    assert cli("rerun").out.startswith("Reset 1 job ")
    (part,) = slices(plan)
    recorder = open_recorder(paths, part.batch.id, part.jobs, part.upstreams)
    recorder(JobStarted(time=2000.0, job=spec("a").id))
    recorder(JobFinished.of(spec("a").id, Status.of(OK), 2002.0))
    recorder.close()
    record_session(paths, paths.batches())
    (found,) = cli("history", "--flaky", "--json").json["jobs"]
    assert (found["failed"], found["sessions"], found["retries"]) == (0, 1, [paths.session])
