"""What the program says to a word that is no command."""

import pytest
from command_line import CommandLine, assert_one_line

from canary_wf.cli.main import COMMANDS
from canary_wf.cli.suggestions import MEANINGS, suggested


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("genrate", ["generate"]),
        ("stat", ["status"]),
        ("Status", ["status"]),
        ("list", ["find", "status"]),
        ("ls", ["find", "status"]),
        ("stop", ["cancel"]),
        ("xyzzy", []),
    ],
)
def test_a_word_that_is_no_command_is_answered_by_what_it_may_mean(
    word: str, meant: list[str], cli: CommandLine
) -> None:
    """By its letters, or by what other programs call the same."""
    assert suggested(word, COMMANDS) == meant
    assert_one_line(cli(word), 2, f"No such command {word!r}", *map(repr, meant), "canary-wf --help")


def test_no_meaning_is_a_command_itself() -> None:
    """Otherwise it would never be looked up."""
    assert MEANINGS.keys().isdisjoint(COMMANDS)


def test_subcommands_and_options_are_suggested_as_well(small: CommandLine) -> None:
    """In the same words."""
    told = small("history", "forgt").err
    assert told == ("canary-wf: No such command 'forgt'. Did you mean 'forget'? Or try canary-wf history --help\n")
    assert small("status", "--wach").err == (
        "canary-wf: No such option '--wach'. Did you mean '--watch'? Or try canary-wf status --help\n"
    )
