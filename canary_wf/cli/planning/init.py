"""`canary-wf init`: a commented configuration file in the current folder."""

import sys
from pathlib import Path

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.configuration.keys import template
from canary_wf.configuration.settings import FILE
from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import not_writable


@click.command("init", cls=DocumentedCommand)
def command() -> None:
    """Write canary-wf.yaml into the current folder, with every key commented out. An existing file is kept."""
    try:
        with Path(FILE).open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise WorkspaceError("already exists and is not overwritten", where=FILE) from None
    except OSError as error:
        raise not_writable(Path(FILE), error, "go to a folder that can be written") from error
    sys.stdout.write(
        f"Wrote {FILE}. Remove the # where you want another value; canary-wf config shows the values in effect.\n"
    )
