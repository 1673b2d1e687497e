"""Reports on several parts of a suite: workspaces, JSON reports, and both."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from command_line import CommandLine, assert_one_line
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import InputError
from canary_wf.plan.model import Origin
from canary_wf.report.formats.parts import load_parts
from canary_wf.report.formats.registry import FORMATS
from canary_wf.verdict.status import Outcome


@pytest.fixture
def parts(tmp_path: Path) -> list[str]:
    """Return two workspaces with three jobs together, of which one failed in each."""
    first = plan_of([spec("a"), spec("b")])
    recorded(tmp_path / "one", first, {"a": Outcome.SUCCESS, "b": Outcome.FAILED}, output="from one\n")
    second = plan_of([spec("c"), spec("d", "c")])
    recorded(tmp_path / "two", second, {"c": Outcome.DIFFED, "d": Outcome.BLOCKED}, output="from two\n")
    return [str(tmp_path / "one"), str(tmp_path / "two")]


def as_json(parts: list[str], cli: CommandLine) -> list[str]:
    """Return the JSON reports of `parts`."""
    files = [f"{part}.json" for part in parts]
    for part, file in zip(parts, files, strict=True):
        assert cli("report", "json", "-d", part, "-o", file).code == 0
    return files


def test_all_jobs_are_in_each_report_with_their_outputs(parts: list[str], cli: CommandLine) -> None:
    """By the command, in every format."""
    found = cli("report", "json", *parts).json
    assert found["counts"] == {"PASS": 1, "FAIL": 2, "CANCEL": 0, "SKIP": 1, "NONE": 0}
    assert [job["name"] for job in found["jobs"]] == ["a", "b", "c", "d"]
    junit = cli("report", "junit", *parts).out
    assert len(ET.fromstring(junit).findall(".//testcase")) == 4  # noqa: S314 - written just now
    assert "from one" in junit
    assert "from two" in junit
    for kind in ("markdown", "html", "summary"):
        text = cli("report", kind, *parts).out
        assert "b" in text
    assert cli("report", "cdash", *parts, "-o", cli.folder / "cdash").code == 0
    assert "from two" in (cli.folder / "cdash" / "Test.xml").read_text()
    assert cli("report", "junit", *parts, "--exit-code").code == 1


def test_json_reports_are_parts_too(parts: list[str], cli: CommandLine) -> None:
    """Alone or mixed with workspaces; counts and verdicts are the same."""
    files = as_json(parts, cli)
    whole = cli("report", "json", *parts).json
    for names in (files, [parts[0], files[1]]):
        found = cli("report", "json", *names).json
        assert found["counts"] == whole["counts"]
        assert [job["outcome"] for job in found["jobs"]] == [job["outcome"] for job in whole["jobs"]]
        state, _ = load_parts(names)
        for write in FORMATS.values():
            assert write(state)


def test_flaky_jobs_stay_flaky(parts: list[str], cli: CommandLine) -> None:
    """A JSON report tells how often a job ran."""
    file = Path(as_json(parts, cli)[0])
    content = json.loads(file.read_text())
    content["jobs"][0]["attempts"] = 3
    file.write_text(json.dumps(content))
    state, _ = load_parts([str(file)])
    assert [job.name for job in state.plan.jobs if state.record(job).is_flaky] == ["a"]


def test_a_job_in_two_parts_is_a_mistake(parts: list[str]) -> None:
    """It would count twice."""
    with pytest.raises(InputError, match=r"job a is in .*one, too; name each part once"):
        load_parts([parts[0], parts[0]])


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"session": "s", "jobs": [{"id": "a", "name": "b", "phase": "DONE", "outcome": "?"}]}']
)
def test_what_is_no_part_is_told(text: str, cli: CommandLine) -> None:
    """In one line, with the file."""
    (cli.folder / "x.json").write_text(text)
    done = cli("report", "junit", "x.json")
    assert done.code in {3, 4}
    assert_one_line(done, done.code, "x.json", "canary-wf report json -o FILE")


def test_a_report_leads_nowhere(parts: list[str], cli: CommandLine) -> None:
    """What a JSON report says of folders reads no file outside of its own."""
    file = Path(as_json(parts, cli)[0])
    secret = file.parent / "secret"
    secret.mkdir()
    (secret / "canary-out.txt").write_text("secret\n")
    content = json.loads(file.read_text())
    for place in (str(secret), "../secret"):
        content["jobs"][1]["directory"] = place
        inner = file.parent / "inner" / "part.json"
        inner.parent.mkdir(exist_ok=True)
        inner.write_text(json.dumps(content))
        assert "secret" not in cli("report", "junit", inner).out


def test_parts_that_are_missing_are_told(cli: CommandLine) -> None:
    """From the jobs that the named parts left to others."""
    cli.write("a.jobs.yaml", "jobs:\n  - {name: a, command: 'true'}\n  - {name: b, command: 'true'}\n")
    outs = [cli.folder / name for name in ("one", "two")]
    for number, out in enumerate(outs, 1):
        assert cli("generate", cli.tree, "-d", out, *cli.PLANNED, "--shard", f"{number}/2").code == 0
    alone = cli("report", "json", outs[0])
    assert alone.err.startswith("canary-wf: warning: these jobs are in parts that are not named: ")
    both = cli("report", "json", *outs)
    assert (both.err, len(both.json["jobs"])) == ("", 2)
    assert_one_line(cli("report", "json", *outs, "--session", "-1"), 2, "--session", "does not go with PARTs")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("batch", "../../../../tmp/x", "batch '../../../../tmp/x' is not an id"),
        ("batch", "", "batch '' is not an id"),
        ("id", "a\x1b", "has an invalid id"),
        ("session", "../../x", "'../../x' is not the name of a session"),
        ("session", "..", "'..' is not the name of a session"),
    ],
)
def test_no_name_in_a_part_leads_elsewhere(
    parts: list[str], cli: CommandLine, field: str, value: str, said: str
) -> None:
    """Names of batches and sessions become parts of paths."""
    file = Path(as_json(parts, cli)[0])
    content = json.loads(file.read_text())
    (content if field == "session" else content["jobs"][0])[field] = value
    file.write_text(json.dumps(content))
    done = cli("report", "markdown", file)
    assert_one_line(done, 3)
    assert said in done.err


def test_a_part_may_name_no_batch(parts: list[str], cli: CommandLine) -> None:
    """As reports that others write."""
    file = Path(as_json(parts, cli)[0])
    content = json.loads(file.read_text())
    content["jobs"][0]["batch"] = None
    del content["jobs"][1]["batch"]
    file.write_text(json.dumps(content))
    state, _ = load_parts([str(file)])
    assert all(write(state) for write in FORMATS.values())


def test_nothing_passed_where_there_is_no_job(parts: list[str], cli: CommandLine) -> None:
    """An empty part beside others is fine, alone it is no success."""
    file = Path(as_json(parts, cli)[0])
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "jobs": []}))
    done = cli("report", "markdown", file)
    assert done.code == 3
    assert "there is no job to report on" in done.err
    assert cli("report", "markdown", file, parts[1]).code == 0


def test_a_page_on_parts_names_their_sessions_and_no_command(tmp_path: Path, cli: CommandLine) -> None:
    """Each part had its own; that of the first would be mistaken for that of all."""
    parts = []
    for number, commit in ((1, "a" * 40), (2, "b" * 40)):
        origin = Origin(host=f"n{number}", command=("canary-wf", "run", f"--shard={number}/2"), commit=commit)
        name = f"2026010{number}T000000.000000"
        outcomes = {f"j{number}": Outcome.CANCELLED if number == 1 else Outcome.SUCCESS}
        recorded(tmp_path / str(number), plan_of([spec(f"j{number}")], session=name, origin=origin), outcomes)
        parts.append(str(tmp_path / str(number)))
    text = cli("report", "html", *parts).out
    assert "20260101T000000.000000, 20260102T000000.000000" in text
    assert "n1, n2" in text
    assert [word in text for word in ("--shard", "a" * 12, "b" * 12, "1 failed")] == [False] * 4
    assert "1 cancelled (2 parts)</title>" in text
    assert "--shard=1/2" in cli("report", "html", parts[0]).out
