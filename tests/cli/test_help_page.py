"""What `--help` shows: options in groups that have all of them, and examples."""

import click
import pytest
from command_line import CommandLine

from canary_wf.cli.help_page import COMMAND_GROUPS, OPTION_GROUPS, grouped_options
from canary_wf.cli.main import COMMANDS, application

WIDTH = 80


def _command(name: str) -> tuple[click.Command, click.Context]:
    with application.make_context("canary-wf", ["--version"], resilient_parsing=True) as context:
        command = application.get_command(context, name)
        assert command is not None
        return command, click.Context(command, info_name=name, parent=context)


def test_every_command_is_in_one_group() -> None:
    """A new one is not forgotten."""
    grouped = [name for names in COMMAND_GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(COMMANDS) <= set(grouped)


def test_every_option_of_run_is_shown_once() -> None:
    """Those of a group below its title, the rest at the end."""
    command, context = _command("run")
    groups = grouped_options(command, context)
    assert list(groups) == [*OPTION_GROUPS, "Options"]
    shown = [option.opts[0] for options in groups.values() for option in options]
    assert len(shown) == len(set(shown))
    assert set(shown) == {each.opts[0] for each in command.get_params(context) if isinstance(each, click.Option)}
    assert len(groups["Options"]) < 8


def test_groups_name_only_options_that_there_are() -> None:
    """A renamed option does not fall out of its group unseen."""
    known = {each.name for name in ("run", "plan") for each in _command(name)[0].params}
    assert frozenset().union(*OPTION_GROUPS.values()) <= known


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "run-batch"])
def test_the_help_of_a_command_fits_and_has_examples(
    name: str, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that are copied are not broken."""
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    text = cli(name, "--help").out
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    examples = text.partition("\nExamples:\n")[2].splitlines()
    assert len(examples) >= 2
    assert all(line.startswith("  # ") for line in examples[::2])
    assert all(f"canary-wf {name}" in line for line in examples[1::2])


def test_the_help_of_the_program_has_groups_and_examples(cli: CommandLine) -> None:
    """A newcomer sees what to type first."""
    text = cli("--help").out
    assert "\nFind, plan and run:\n" in text
    assert "\nExamples:\n  # find the jobs" in text
