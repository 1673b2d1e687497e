"""Whether output is coloured, and in which colours states are shown.

The option `--color` decides, then NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, then the terminal. This is the order of
other programs: https://no-color.org, https://force-color.org and https://bixense.com/clicolors.
"""

import os
from collections.abc import Callable, Mapping
from typing import Literal, TextIO

COLOURS = {
    "PASS": "green",
    "FAIL": "red",
    "CANCEL": "magenta",
    "SKIP": "yellow",
    "NONE": "blue",
}
"""The colour of each category of states."""

Choice = Literal["auto", "always", "never"]

_choice: Choice = "auto"


def choose_colour(choice: Choice) -> None:
    """Set what the user wants for this process. It stays out of the environment, which jobs and Snakemake inherit."""
    global _choice  # noqa: PLW0603 - a choice for the whole process, like the environment that it precedes
    _choice = choice


def is_coloured(file: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Return whether output to `file` has colours, by the choice, the variables of `environment`, and the terminal."""
    if _choice != "auto":
        return _choice == "always"
    variables = os.environ if environment is None else environment
    if variables.get("NO_COLOR"):
        return False
    if any(variables.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return file.isatty() and variables.get("TERM") != "dumb"


def painter(file: TextIO) -> Callable[[str, str], str]:
    """Return a function that colours a text by its category where colours are wanted."""
    if not is_coloured(file):
        return lambda text, _: text
    import click

    return lambda text, category: str(click.style(text, fg=COLOURS[category]))
