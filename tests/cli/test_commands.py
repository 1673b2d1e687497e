"""The commands' answers: what they print, in words and as JSON, and with which exit code."""

import itertools
import json
import shutil
import xml.etree.ElementTree as ET

import pytest
import yaml
from command_line import CommandLine, assert_one_line
from sessions import recorded_session

from canary_wf import __version__
from canary_wf.cli.main import COMMANDS
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.report.session import load_session
from canary_wf.verdict.status import Outcome

FAILED_RUN = {"one": Outcome.SUCCESS, "two.n=1": Outcome.FAILED, "two.n=2": Outcome.TIMEOUT}


def _ran(cli: CommandLine, outcomes: dict[str, Outcome]) -> None:
    recorded_session(cli, outcomes, output="what it said\n")


def test_version_and_help(cli: CommandLine) -> None:
    """The version is the package's; help lists every command."""
    assert cli("--version").out == f"canary-wf, version {__version__}\n"
    done = cli("--help")
    assert done.code == 0
    assert all(f"  {name} " in done.out for name in COMMANDS)
    alone = cli()
    assert (alone.code, alone.out, alone.err) == (2, "", done.out)
    assert_one_line(cli("--debug"), 2, "Missing command", "--help")
    assert_one_line(cli("bogus"), 2, "'bogus'", "--help")


def test_colours_are_always_or_never_there_for_who_asks(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a pipe, as in the log of a CI service; a later command is not affected."""
    _ran(small, FAILED_RUN)
    status = ("status", "-d", small.out, "-r", "all")
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    assert "\x1b[31m" in small("--color", "always", *status).out
    assert "\x1b" not in small(*status).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31m" in small(*status).out
    for option in (["--color=never"], ["--no-color"]):
        assert "\x1b" not in small(*option, *status).out
    assert_one_line(small("--color=red", *status), 2, "--color", "'always'")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "run-batch"])
def test_every_command_has_help(cli: CommandLine, name: str) -> None:
    """Usage, what it does, and its options."""
    done = cli(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: canary-wf {name} ")
    assert "-h, --help" in done.out


def test_run_batch_has_help_too(cli: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    """The runner parses its own options."""
    with pytest.raises(SystemExit) as ended:
        cli("run-batch", "--help")
    assert ended.value.code == 0
    assert "--plan" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["abc"], ["abc", "--plan", "gone", "--workers", "0"], ["abc", "--plan", "gone", "--workers", "x"]]
)
def test_run_batch_tells_a_wrong_command_line_in_one_line(
    cli: CommandLine, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As every other command does."""
    with pytest.raises(SystemExit) as ended:
        cli("run-batch", *arguments)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("canary-wf: ")
    assert told.count("\n") == 1


def test_find_lists_the_jobs(small: CommandLine) -> None:
    """One a line, with the start of its id."""
    done = small("find", small.tree)
    assert [line.split()[1] for line in done.out.splitlines()] == ["one", "two.n=1", "two.n=2"]
    ids = [line.split()[0] for line in done.out.splitlines()]
    assert ids == [job["id"][:8] for job in small("find", small.tree, "--json").json["jobs"]]


def test_find_json_has_the_contracts_fields(small: CommandLine) -> None:
    """Masked jobs are there with their reason."""
    done = small("find", small.tree, "--json", "-k", "fast")
    assert done.err == ""
    jobs = {job["name"]: job for job in done.json["jobs"]}
    assert set(jobs["one"]) >= {"id", "name", "file", "masked"}
    assert jobs["one"]["masked"] is None
    assert jobs["one"]["file"] == "tree/small.jobs.yaml"
    assert jobs["two.n=1"]["masked"] == "keyword expression 'fast' does not hold"
    assert jobs["two.n=2"]["parameters"] == {"n": 2}
    assert jobs["two.n=2"]["dependencies"] == [{"job": jobs["one"]["id"], "when": "on_success"}]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (["-k", "fast"], "one"),
        (["--owner", "ada"], "one"),
        (["-k", "one or two"], "one two.n=1 two.n=2"),
        (["-p", "n=2"], ""),
        (["--regex", "echo first"], "one two.n=1 two.n=2"),
    ],
)
def test_find_shows_what_is_selected_and_with_v_the_rest(small: CommandLine, selection: list[str], names: str) -> None:
    """A job whose upstream is not selected is not run either."""
    assert [line.split()[1] for line in small("find", small.tree, *selection).out.splitlines()] == names.split()
    shown = small("find", small.tree, "-v", *selection).out
    assert shown.count("\n") == 3
    assert shown.count("masked: ") == 3 - len(names.split())


def test_describe_shows_what_a_file_expands_to(small: CommandLine) -> None:
    """In words and as JSON."""
    file = small.tree / "small.jobs.yaml"
    done = small("describe", file)
    assert done.code == 0
    assert "two.n=1\n" in done.out
    assert "    depends on: one (on_success)\n" in done.out
    assert [job["name"] for job in small("describe", file, "--json").json["jobs"]] == ["one", "two.n=1", "two.n=2"]
    assert_one_line(small("describe", small.tree), 2, "is a folder", "find")
    assert_one_line(small("describe", "gone.pyt"), 3, "gone.pyt")


def test_describe_has_the_ids_of_find(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folder that FILE begins with, of the configured PATHs, or of the newest session."""
    small.write("sub/deep/b.jobs.yaml", "jobs:\n  - {name: b, command: 'true'}\n")
    file = "tree/sub/deep/b.jobs.yaml"

    def ids(*arguments: str) -> list[str]:
        return [job["id"] for job in small(*arguments, "--json").json["jobs"] if job["name"] == "b"]

    assert ids("describe", file) == ids("find", "tree")
    assert ids("describe", str(small.folder / file)) == ids("find", "tree")
    small.folder.joinpath("canary-wf.yaml").write_text("paths: {tests: [tree/sub]}\n")
    assert ids("describe", file) == ids("find") == ids("find", "tree/sub")
    small.folder.joinpath("canary-wf.yaml").unlink()
    assert small("generate", ".", *small.PLANNED).code == 0
    assert ids("describe", file) == ids("find", ".") != ids("find", "tree")
    found = ids("describe", file)[0]
    assert small("plan", ".", *small.PLANNED, "--explain", found[:8]).code == 0
    monkeypatch.chdir(small.tree)
    assert ids("describe", "small.jobs.yaml") == []
    assert ids("describe", "sub/deep/b.jobs.yaml") == [found]  # of the workspace above
    shutil.rmtree(small.folder / ".canary-wf")
    assert ids("describe", "../tree/sub/deep/b.jobs.yaml") == ids("find", "sub")


def test_generate_says_what_it_planned_and_what_to_type_next(small: CommandLine) -> None:
    """With the folder to go to, quoted for a shell."""
    done = small("generate", small.tree, "-d", "my out", *small.PLANNED)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "Found 3 jobs in 1 file."
    assert lines[1].startswith("Planned 2 batches for this machine (2 cpus)")
    assert lines[-2:] == ["Next: canary-wf run -d 'my out'", "Or:   cd 'my out' && snakemake --profile local"]
    *_, next_line, or_line = small("generate", small.tree, *small.PLANNED).out.splitlines()
    assert (next_line, or_line) == ("Next: canary-wf run", "Or:   snakemake --profile local")


def test_generate_json_is_all_of_standard_output(small: CommandLine) -> None:
    """It names the plan relative to OUT."""
    found = small.generate("--json").json
    assert (found["jobs"], found["batches"], found["left_out"], found["warnings"]) == (3, 2, [], [])
    assert load_plan(small.out / found["plan"]).session == found["session"]


def test_an_edited_profile_is_kept_with_a_warning_on_standard_error(small: CommandLine) -> None:
    """The JSON stays alone on standard output."""
    small.generate()
    profile = small.out / "local" / "config.yaml"
    profile.write_text(profile.read_text().replace("cores: 2", "cores: 1"))
    done = small.generate("--json")
    assert done.err.startswith(f"canary-wf: warning: {profile}: was edited and is kept; it differs")
    assert done.err.endswith("in: cores\n")
    assert len(done.json["warnings"]) == 1
    assert "cores: 1" in profile.read_text()


def test_plan_writes_nothing_and_says_what_generate_would_do(small: CommandLine) -> None:
    """Its batches are those of the generated plan."""
    done = small("plan", small.tree, "-d", small.out, *small.PLANNED, "--json")
    assert done.err == ""
    assert small.files() == []
    assert set(done.json) == {"jobs", "batches", "left_out", "summary", "warnings", "notes"}
    assert set(done.json["summary"]) == {
        *("jobs", "batches", "batches_nominal", "makespan", "critical_path"),
        *("core_hours", "gpu_hours", "submissions"),
    }
    assert done.json["jobs"] == 3
    small.generate()
    written = load_plan(newest_session(small.out).plan)
    assert [batch["id"] for batch in done.json["batches"]] == [batch.id for batch in written.batches]
    shown = small("plan", small.tree, "-d", small.out, *small.PLANNED)
    assert all(batch.id in shown.out for batch in written.batches)


def test_plan_knows_the_run_times_of_the_session_before(small: CommandLine) -> None:
    """As generate does, also when that session ended without its report."""
    _ran(small, FAILED_RUN)
    done = small("plan", small.tree, "-d", small.out, *small.PLANNED, "--json").json
    assert done["batches"][0]["runtime"] == 2.0
    small.generate()
    assert load_plan(newest_session(small.out).plan).jobs[0].runtime_source == "history"


def test_folders_that_are_called_like_ours_may_hold_tests(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the folder that the command is run in, and beside what `generate` wrote there."""
    for folder in ("local", "workflow", "TestResults"):
        cli.write(f"{folder}/{folder}.jobs.yaml", f"jobs: [{{name: {folder}, command: 'true'}}]\n")
    monkeypatch.chdir(cli.tree)
    assert [line.split()[1] for line in cli("find").out.splitlines()] == ["TestResults", "local", "workflow"]
    assert cli("find", "local").out.endswith("  local\n")
    (cli.tree / "TestResults" / "TestResults.jobs.yaml").unlink()
    (cli.tree / "TestResults").rmdir()
    for folder in ("local", "workflow"):
        (cli.tree / folder / f"{folder}.jobs.yaml").rename(cli.tree / f"{folder}.jobs.yaml")
    assert cli("generate", *cli.PLANNED).code == 0
    for folder in ("local", "workflow"):
        (cli.tree / f"{folder}.jobs.yaml").rename(cli.tree / folder / f"{folder}.jobs.yaml")
    assert [line.split()[1] for line in cli("find").out.splitlines()] == ["local", "workflow"]


@pytest.mark.parametrize("pool", [["--resource-pool-file", "pool.yaml"], ["-r", "fpgas=1"]])
def test_a_parameter_named_like_a_resource_of_the_pool_asks_for_it(cli: CommandLine, pool: list[str]) -> None:
    """Be it a pool file or -r that tells of the type; `generate` and `plan` agree."""
    cli.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true', parameters: {fpgas: [1, 2]}}\n")
    cli.write("b.pyt", "import canary\ncanary.directives.parameterize('fpgas', [1, 2])\n")
    content = {"resource_pool": {"resources": {"cpus": [{"id": "0"}], "fpgas": [{"id": "x"}]}}}
    (cli.folder / "pool.yaml").write_text(json.dumps(content))
    assert cli.generate(*pool).code == 0
    plan = load_plan(newest_session(cli.out).plan)
    assert {job.name: job.resources for job in plan.jobs} == {"a.fpgas=1": {"fpgas": 1}, "b.fpgas=1": {"fpgas": 1}}
    left_out = cli("plan", cli.tree, "--json", "-b", "scheduler=local", *pool).json["left_out"]
    assert [job["name"] for job in left_out] == ["a.fpgas=2", "b.fpgas=2"]


def test_plan_tells_the_makespan_of_a_cluster(small: CommandLine) -> None:
    """Fewer nodes take longer, and no node is refused."""
    small.write(
        "more.jobs.yaml", "jobs:\n  - {name: m, command: 'true', runtime: 4m, cpus: 2, parameters: {n: [1, 2]}}\n"
    )
    line = ("plan", small.tree, *small.PLANNED, "-b", "spec=count:max", "--json", "--cluster-nodes")
    one, four = (small(*line, nodes).json["summary"]["makespan"] for nodes in ("1", "4"))
    assert one > four >= 240
    assert_one_line(small(*line, "0"), 2, "--cluster-nodes")
    assert_one_line(small(*line, "x"), 2, "--cluster-nodes", "'x' is not a valid whole number")


def test_pool_prints_the_pool_as_yaml(cli: CommandLine) -> None:
    """Ids with their slots."""
    done = cli("pool", "-r", "cpus=2", "-r", "gpus=1", "-r", "fpgas=1")
    assert (done.code, done.err) == (0, "")
    pool = yaml.safe_load(done.out)["resource_pool"]["resources"]
    assert {kind: len(ids) for kind, ids in pool.items()} == {"cpus": 2, "gpus": 1, "fpgas": 1}
    (cli.folder / "pool.yaml").write_text(done.out)
    assert cli("pool", "--resource-pool-file", "pool.yaml").out == done.out


def test_status_before_during_and_after(small: CommandLine) -> None:
    """Exit code 1 until all is done and nothing failed."""
    small.generate()
    done = small("status", "-d", small.out)
    assert (done.code, done.err) == (1, "")
    assert "3 jobs, not run yet" in done.out
    _ran(small, FAILED_RUN)
    done = small("status", "-d", small.out)
    assert done.code == 1
    assert "1 passed, 2 failed in 2.0s" in done.out


def test_status_json_is_the_contracts(small: CommandLine) -> None:
    """Counts of all jobs, and the jobs that were asked for."""
    _ran(small, FAILED_RUN)
    done = small("status", "-d", small.out, "--json", "-r", "timeout")
    assert (done.code, done.err) == (1, "")
    assert set(done.json) == {"session", "counts", "jobs"}
    assert done.json["counts"] == {"PASS": 1, "FAIL": 2, "CANCEL": 0, "SKIP": 0, "NONE": 0}
    assert [job["name"] for job in done.json["jobs"]] == ["two.n=2"]
    assert_one_line(small("status", "-d", small.out, "-r", "bogus"), 2, "-r: 'bogus' is not known")


def test_log_prints_the_output_of_a_job(small: CommandLine) -> None:
    """By name, by the start of its id in any case; nothing else is printed."""
    _ran(small, FAILED_RUN)
    jobs = load_plan(newest_session(small.out).plan).jobs
    for wanted in ("one", jobs[0].id, jobs[0].id[:8].upper()):
        assert small("log", wanted, "-d", small.out).out == "what it said\n"


@pytest.mark.parametrize("command", [["log"], ["rerun"]])
@pytest.mark.parametrize("wanted", ["nobody", "two", "", "0123456789abcdef0123"])
def test_an_unknown_job_is_a_wrong_command_line(small: CommandLine, command: list[str], wanted: str) -> None:
    """Exit code 2, with where the jobs are listed; a family is not a job."""
    _ran(small, FAILED_RUN)
    assert_one_line(small(*command, wanted, "-d", small.out), 2, "JOB", "canary-wf status")


def test_a_prefix_of_several_ids_is_refused(cli: CommandLine) -> None:
    """Which are meant is told."""
    cli.write("many.jobs.yaml", f"jobs:\n  - {{name: j, command: 'true', parameters: {{n: {list(range(700))}}}}}\n")
    cli.generate("-b", "spec=count:1")
    ids = sorted(job.id[:4] for job in load_plan(newest_session(cli.out).plan).jobs)
    twice = next(one for one, other in itertools.pairwise(ids) if one == other)
    assert_one_line(cli("log", twice, "-d", cli.out), 2, "names 2 jobs", "more of the id")


def test_log_of_a_job_that_did_not_start(small: CommandLine) -> None:
    """There is nothing to print, and that is told."""
    small.generate()
    assert_one_line(small("log", "one", "-d", small.out), 4, "job one", "no output")


@pytest.mark.parametrize(
    ("arguments", "reset"),
    [
        ([], ["two.n=1", "two.n=2"]),
        (["--failed"], ["two.n=1", "two.n=2"]),
        (["--only", "TIMEOUT"], ["two.n=2"]),
        (["--only", "timeout", "failed"], ["two.n=1", "two.n=2"]),
        (["--only", "TIMEOUT,FAILED"], ["two.n=1", "two.n=2"]),
        (["--only", "SKIPPED"], []),
        (["one"], ["one"]),
    ],
)
def test_rerun_resets_what_is_asked_for(small: CommandLine, arguments: list[str], reset: list[str]) -> None:
    """The rest keeps its verdict, and the next command is told when there is something to run."""
    _ran(small, FAILED_RUN)
    done = small("rerun", *arguments, "-d", small.out)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Reset {len(reset)} job" if reset else "No job matches; nothing to reset.")
    assert ("Next: canary-wf run -d out\n" in done.out) is bool(reset)
    state = load_session(newest_session(small.out))
    assert [job.name for job in state.not_done] == reset


def test_rerun_refuses_what_it_cannot_do(small: CommandLine) -> None:
    """An unknown outcome, and a session that never ran."""
    small.generate()
    assert_one_line(small("rerun", "one", "-d", small.out), 4, "has not run yet", "canary-wf run -d out")
    _ran(small, FAILED_RUN)
    assert_one_line(small("rerun", "--only", "BAD", "-d", small.out), 2, "--only", "timeout")


def test_rerun_resets_verdicts_that_were_carried_over(small: CommandLine) -> None:
    """A session that has not run yet, but took verdicts over, has something to reset."""
    _ran(small, FAILED_RUN)
    assert small.generate("--update").code == 0
    assert small("rerun", "-d", small.out).out.startswith("Reset 2 jobs in ")
    state = load_session(newest_session(small.out))
    assert [job.name for job in state.not_done] == ["two.n=1", "two.n=2"]


def test_reports_go_to_standard_output_or_to_a_file(small: CommandLine) -> None:
    """The same text; each format is what it says."""
    _ran(small, FAILED_RUN)
    for kind in ("json", "junit", "markdown", "html", "summary"):
        done = small("report", kind, "-d", small.out)
        text = done.out
        assert (done.code, done.err) == (0, "")  # though jobs failed
        assert small("report", kind, "-d", small.out, "--exit-code").code == 1
        assert small("report", kind, "-d", small.out, "-o", "report") == (0, "", "Wrote report\n")
        assert (small.folder / "report").read_text() == text
    told = small("status", "-d", small.out, "--json").json
    assert small("report", "json", "-d", small.out).json == {"seconds": 2.0, **told}
    root = ET.fromstring(small("report", "junit", "-d", small.out).out)  # noqa: S314 - our own report
    assert root.get("failures") == "2"
    assert_one_line(small("report", "word", "-d", small.out), 2, "'word'", "html, json, junit, markdown")
    assert_one_line(small("report", "json", "-d", small.out, "-o", "no/such/folder"), 4, "no/such/folder")
    assert_one_line(small("report", "json", "-d", small.out, "-o", small.tree), 4, "tree")


def test_a_page_is_not_poured_into_a_terminal(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs a browser; a text does not, and -o - still means what it says in a pipe."""
    _ran(small, FAILED_RUN)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    told = "write it to a file: canary-wf report html -o report.html"
    assert_one_line(small("report", "html", "-d", small.out), 2, "not for a terminal", told)
    assert small("report", "markdown", "-d", small.out).out
    assert small("report", "html", "-d", small.out, "-o", "report.html") == (0, "", "Wrote report.html\n")


def test_exit_code_judges_only_failures(small: CommandLine) -> None:
    """As `status` does."""
    _ran(small, dict.fromkeys(FAILED_RUN, Outcome.SUCCESS))
    assert small("report", "json", "-d", small.out, "--exit-code").code == 0


def test_the_gate_and_the_reports_of_the_rules(small: CommandLine) -> None:
    """What the generated rules call: the reports succeed whatever the verdicts, the gate does not."""
    _ran(small, FAILED_RUN)
    plan = newest_session(small.out).plan
    kinds = ("html", "json", "junit", "markdown", "summary")
    files = [part for kind in kinds for part in (f"--{kind}", f"report/{kind}")]
    assert small("write-reports", "--plan", plan, *files).code == 0
    assert sorted(path.name for path in (small.folder / "report").iterdir()) == list(kinds)
    done = small("gate", "--plan", plan, "--result", "gate.json", "--log", "gate.txt")
    assert done.code == 1
    assert "2 of 3 jobs did not pass" in done.err
    assert not (small.folder / "gate.json").exists()
    assert (small.folder / "gate.txt").read_text() == done.err
