"""`canary-wf report`: the newest session as JUnit XML, JSON or Markdown."""

import sys
from pathlib import Path

import click

from canary_wf.cli.options import out_option
from canary_wf.json_files import write_atomic
from canary_wf.plan.store import newest_session
from canary_wf.report.formats import FORMATS
from canary_wf.report.session import load_session


@click.command("report")
@click.argument("kind", type=click.Choice(sorted(FORMATS)))
@out_option
@click.option("-o", "target", type=click.Path(path_type=Path), help="Write to this file, not to standard output.")
def command(*, kind: str, out: Path, target: Path | None) -> None:
    """Write the newest session's report."""
    text = FORMATS[kind](load_session(newest_session(out.absolute())))
    if target is None:
        sys.stdout.write(text)
    else:
        write_atomic(target, text.encode())
