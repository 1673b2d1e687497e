"""Whether output is coloured: the option `--color`, then NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, then the terminal.

This is the order of other programs: https://no-color.org, https://force-color.org and https://bixense.com/clicolors.
"""

import os
from collections.abc import Mapping
from typing import Literal, TextIO

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
