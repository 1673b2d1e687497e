"""`canary-wf plan`: the page, the explanation, the warnings and the rules, on the command line."""

import pytest
from command_line import CommandLine, assert_one_line


def test_the_page_is_the_only_file_written(small: CommandLine) -> None:
    """One self-contained file, and the table as without it."""
    page = small.folder / "plan.html"
    done = small("plan", small.tree, "-d", small.out, *small.PLANNED, "--html", page)
    assert done.code == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert small.files() == []
    assert " → " in done.out


def test_a_page_that_cannot_be_written_is_told(small: CommandLine) -> None:
    """With its name, in one line."""
    assert_one_line(small("plan", small.tree, *small.PLANNED, "--html", "no/such/page.html"), 4, "no/such/page.html")


def test_a_job_is_explained(small: CommandLine) -> None:
    """In a handful of lines, or as JSON."""
    name = small("find", small.tree, "--json").json["jobs"][0]["name"]
    done = small("plan", small.tree, *small.PLANNED, "--explain", name)
    assert [line.split()[0] for line in done.out.splitlines()] == [
        "job",
        "asks",
        "waits",
        "level",
        "batch",
        "expected",
        "limit",
    ]
    found = small("plan", small.tree, *small.PLANNED, "--explain", name, "--json").json["explain"]
    assert found["name"] == name
    assert found["lines"] == done.out.splitlines()


def test_an_unknown_job_cannot_be_explained(small: CommandLine) -> None:
    """One line and exit code 2."""
    assert_one_line(small("plan", small.tree, *small.PLANNED, "--explain", "gone"), 2, "'gone'")


def test_a_job_that_is_left_out_is_explained_by_why(cli: CommandLine) -> None:
    """It is in no batch, and the reason is told."""
    cli.write("a.jobs.yaml", "jobs:\n  - {name: huge, command: x, cpus: 99}\n  - {name: small, command: x}\n")
    assert_one_line(cli("plan", cli.tree, *cli.PLANNED, "--explain", "huge"), 2, "huge", "99 cpus")
    left_out = cli("plan", cli.tree, *cli.PLANNED, "--json").json["left_out"][0]["id"]
    assert_one_line(cli("plan", cli.tree, *cli.PLANNED, "--explain", left_out[:8]), 2, left_out[:8], "99 cpus")


def test_warnings_and_notes_are_told_below_the_table_and_in_json(small: CommandLine) -> None:
    """Below the totals, one line each; in JSON as lists. Notes are told with -v only, but for one on guesses."""
    small.write("long.jobs.yaml", "jobs:\n  - {name: long, command: 'true', runtime: 1h, timeout: 2h}\n")
    line = ("plan", small.tree, *small.PLANNED)
    found = small(*line, "--json").json
    warnings = [f"warning: {text}" for text in found["warnings"]]
    notes = [f"note: {text}" for text in found["notes"]]
    assert warnings
    assert notes
    assert small(*line, "-v").out.splitlines()[-len(warnings + notes) :] == warnings + notes
    assert small(*line).out.splitlines()[-len(warnings) :] == warnings


def test_the_normal_plan_warns_of_nothing(small: CommandLine) -> None:
    """Batches are larger than their jobs, and the first plan has no history."""
    done = small("plan", small.tree, *small.PLANNED)
    assert (done.err, "warning" in done.out, "note" in done.out) == ("", False, False)
    small.write("guessed.jobs.yaml", "jobs:\n  - {name: guessed, command: 'true'}\n")
    last = small("plan", small.tree, *small.PLANNED).out.splitlines()[-1]
    assert last == "note: 1 of 4 run times are guessed; estimates get better after the first run"


@pytest.mark.parametrize(("rules", "told"), [("batch", "one rule for each batch"), ("shape", "2 rules of shapes")])
def test_the_kind_of_rules_is_told(small: CommandLine, rules: str, told: str) -> None:
    """As generate would write them."""
    assert told in small("plan", small.tree, *small.PLANNED, "--rules", rules).out


def test_other_kinds_of_rules_are_refused(small: CommandLine) -> None:
    """With those there are."""
    assert_one_line(small("plan", small.tree, "--rules", "loop"), 2, "--rules", "batch", "shape", "auto")
