"""`canary-wf report`: the newest session as a page, JUnit XML, JSON or Markdown."""

import stat
import sys
from pathlib import Path

import click

from canary_wf.cli.options import out_option
from canary_wf.json_files import not_writable, write_atomic
from canary_wf.plan.store import newest_session
from canary_wf.report.formats import FORMATS, reporter
from canary_wf.report.session import load_session

_ELSEWHERE = "name another file with -o"


def _kinds(_context: click.Context, _argument: click.Parameter, start: str) -> list[str]:
    return [kind for kind in sorted(FORMATS) if kind.startswith(start)]


@click.command("report")
@click.argument("kind", metavar="KIND", shell_complete=_kinds)
@out_option
@click.option("-o", "target", type=click.Path(path_type=Path), help="Write to this file, not to standard output.")
@click.pass_context
def command(context: click.Context, *, kind: str, out: Path, target: Path | None) -> None:
    """Write the newest session's report: KIND is html, json, junit, markdown, or the name of a plug-in."""
    write = reporter(kind)
    files = dict(text.split("=", 1) for text in context.lookup_default("report_files") or ())
    if target is None and kind in files:
        target = Path(files[kind])
    text = write(load_session(newest_session(out.absolute())))
    if target is None:
        sys.stdout.write(text)
    elif _is_pipe_or_device(target):
        _write_through(target, text)
    else:
        write_atomic(target, text.encode(), hint=_ELSEWHERE)


def _is_pipe_or_device(target: Path) -> bool:
    try:
        return stat.S_IFMT(target.stat().st_mode) not in {stat.S_IFREG, stat.S_IFDIR}
    except OSError:
        return False


def _write_through(target: Path, text: str) -> None:
    """Write to a pipe or device, such as /dev/stdout, which must not be replaced by a file."""
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise not_writable(target, error, _ELSEWHERE) from error
