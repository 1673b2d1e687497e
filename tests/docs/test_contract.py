"""docs/reference/contract.md says what the program does: commands, keys, exit codes, states, fields, public names."""

import importlib
import re
from pathlib import Path

import msgspec
import pytest

from canary_wf.batch.specification import BatchSpecification
from canary_wf.cli.help_page import BATCH_PAIRS
from canary_wf.cli.main import COMMANDS
from canary_wf.errors import ExitCode
from canary_wf.plan.explanation.summary import PlanSummary
from canary_wf.state.session_paths import BatchPaths
from canary_wf.verdict.status import Category, JobPhase, Outcome, Status

pytestmark = pytest.mark.smoke

PAGES = Path(__file__).parents[2] / "docs" / "reference"
PAGE = PAGES.joinpath("contract.md").read_text()


def section(name: str) -> str:
    """Return the text below the heading `name`."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def rows(text: str) -> dict[str, str]:
    """Return the rows of the tables in `text`: the first cell, without marks of code, and the second one."""
    cells = re.findall(r"^\| (.+?) \| (.+?) \|", text, re.MULTILINE)
    return {first.replace("`", ""): second for first, second in cells if "---" not in first}


def test_every_command_is_in_the_table() -> None:
    """And none that there is not."""
    named = {word for row in rows(section("Commands")) for word in re.findall(r"^[a-z-]+|(?<=, )[a-z]+", row)}
    keys = {"spec", "scheduler", "workers", "fail_on", "retry", "output_limit"}
    assert set(COMMANDS) <= named
    assert named - set(COMMANDS) <= {*keys, "command", "key", "fail", "output", "--version"}


def test_exit_codes_and_states_are_those_of_the_program() -> None:
    """By number."""
    codes = {int(word) for row in rows(section("Exit codes")) for word in re.findall(r"\d+", row)}
    assert codes == {*map(int, ExitCode), 129, 130, 143}
    states = rows(section("States"))
    assert {phase.value for phase in JobPhase} <= set(re.findall(r"[A-Z]+", PAGE))
    for category in Category:
        outcomes = {f"{outcome.name} {int(outcome)}" for outcome in Outcome if Status.of(outcome).category is category}
        if category is not Category.NONE:
            assert set(states[category.value].split(", ")) == outcomes


def test_every_command_has_its_exit_codes() -> None:
    """On the page of them, where `snakemake` stands as well."""
    page = PAGES.joinpath("exit-codes.md").read_text()
    named = [word for row in rows(page) for word in row.split(", ")]
    assert sorted({*named} - {"command"}) == sorted({*COMMANDS, "snakemake"})


def test_keys_of_batches_are_those_of_the_program() -> None:
    """Of `-b`, and of a batch specification."""
    keys = {pair.partition("=")[0] for pair, _ in BATCH_PAIRS}
    assert (
        keys == {"spec", "scheduler", "workers", "fail_on", "retry", "output_limit"} <= set(rows(section("Commands")))
    )
    fields = {field.name for field in msgspec.structs.fields(BatchSpecification)}
    assert set(rows(section("Batch specification"))) - {"key"} == fields


def test_fields_and_files_are_those_of_the_program() -> None:
    """The summary of a plan, and what lies in a batch's folder."""
    json = section("JSON")
    assert {f"`{field.name}`" for field in msgspec.structs.fields(PlanSummary)} <= set(re.findall(r"`\w+`", json))
    paths = BatchPaths(Path())
    files = {path.name for path in (paths.journal, paths.result, paths.attempt, paths.submission, paths.log)}
    assert {f"`{name}`" for name in files} <= set(re.findall(r"`[\w.]+`", section("Files")))


def test_public_names_can_be_imported() -> None:
    """Modules by their whole name, functions from their module."""
    names = set(re.findall(r"`(canary_wf(?:\.\w+)+)", section("Python")))
    assert len(names) > 6
    for name in sorted(names):
        module, _, last = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            if module.count(".") and module.rpartition(".")[2][0].isupper():  # a method
                module, _, owner = module.rpartition(".")
                assert hasattr(getattr(importlib.import_module(module), owner), last), name
            else:
                assert hasattr(importlib.import_module(module), last), name
