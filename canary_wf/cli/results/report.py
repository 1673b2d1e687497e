"""`canary-wf report`: a session as a page, JUnit XML, JSON or Markdown."""

import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import session_option, workspace_option
from canary_wf.cli.output import print_utf8, say_written
from canary_wf.errors import ExitCode, UsageError, one_line
from canary_wf.files.json_files import not_writable, write_for_user
from canary_wf.plan.store import find_session
from canary_wf.report.formats.registry import CDASH, FORMATS, reporter
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.session_paths import absolute_path

_STANDARD_OUTPUT = Path("-")
_PAGES = ("html", "summary")
_ELSEWHERE = "name another file with -o"


def _format_names(_context: click.Context, _argument: click.Parameter, start: str) -> list[str]:
    return [format_name for format_name in sorted({*FORMATS, CDASH}) if format_name.startswith(start)]


@click.command("report", cls=DocumentedCommand)
@click.argument("format_name", metavar="KIND", shell_complete=_format_names)
@click.argument("parts", nargs=-1, metavar="[PART]...", type=click.Path())
@workspace_option
@session_option
@click.option("-o", "target", type=click.Path(path_type=Path), help="Write to this file (- is standard output).")
@click.option("--exit-code", "judging", is_flag=True, help="End with 1 if jobs failed.")
@click.option("--github", is_flag=True, help="markdown: annotate a GitHub run, and add to its step summary.")
@click.option("--site", default="", metavar="NAME", help="cdash: the machine's name (default: this one's).")
@click.option("--build", default="canary-wf", metavar="NAME", help="cdash: the build's name.")
@click.option("--track", default="Experimental", metavar="NAME", help="cdash: the build's group, such as Nightly.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    format_name: str,
    parts: tuple[str, ...],
    out: Path,
    session: str | None,
    target: Path | None,
    judging: bool,
    github: bool,
    **names: str,
) -> int:
    """Write a session's report. KIND is html, json, junit, markdown, summary, cdash, or that of a plug-in.

    With PARTs, it is one report on all of them: workspaces in which parts of a suite ran (run --shard), or the JSON
    reports of these, which have no outputs.

    cdash writes Build.xml and Test.xml into the folder that -o names. The exit code is 0 whether jobs failed or not;
    --exit-code makes it 1 if they did.
    """
    files = dict(text.split("=", 1) for text in context.lookup_default("report_files") or ())
    if target is None and format_name in files:
        target = Path(files[format_name])
    if target is None and format_name in _PAGES and sys.stdout.isatty():
        name = "report" if format_name == "html" else format_name
        hint = f"write it to a file: canary-wf report {format_name} -o {name}.html"
        raise UsageError("is a page for a browser, not for a terminal", where=format_name, hint=hint)
    if target == _STANDARD_OUTPUT:
        target = None
    if format_name == CDASH:
        state = _write_cdash(lambda: _load(parts, out, session), target, names)
        return ExitCode.JOBS_FAILED if judging and state.failed else ExitCode.DONE
    write = reporter(format_name)
    if github and format_name != "markdown":
        raise UsageError(f"does not go with {format_name}", where="--github", hint="write report markdown --github")
    state = _load(parts, out, session)
    text = write(state)
    if github:
        _annotate(state, text, target)
    elif target is None:
        print_utf8(text)
    else:
        _write(target, text)
    return ExitCode.JOBS_FAILED if judging and state.failed else ExitCode.DONE


def _load(parts: Sequence[str], out: Path, session: str | None) -> SessionState:
    """Return the state to report on: that of a session, or that of all `parts` together."""
    if not parts:
        return load_session(find_session(out, session))
    if session is not None:
        raise UsageError("does not go with PARTs", where="--session", hint="of each part the newest session counts")
    from canary_wf.report.formats.parts import load_parts

    state, warnings = load_parts(parts)
    sys.stderr.writelines(f"canary-wf: warning: {one_line(warning)}\n" for warning in warnings)
    return state


def _write_cdash(load: Callable[[], SessionState], target: Path | None, names: Mapping[str, str]) -> SessionState:
    from canary_wf.report.formats.cdash import CDashBuild, cdash_report

    if target is None:
        raise UsageError("is missing", where="-o", hint="name the folder for Build.xml and Test.xml")
    state = load()
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(target, error, _ELSEWHERE) from error
    for name, text in cdash_report(state, CDashBuild(**names)).items():
        write_for_user(target / name, text.encode(), _ELSEWHERE)
        say_written(target / name)
    return state


def _annotate(state: SessionState, text: str, target: Path | None) -> None:
    """Print annotations, and nothing else: the output of tests could contain commands to GitHub's runner."""
    from canary_wf.report.formats.github import annotations

    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if target is not None:
        _write(target, text)
    elif summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise not_writable(Path(summary), error, _ELSEWHERE) from error
    sys.stdout.write(annotations(state, absolute_path(os.environ.get("GITHUB_WORKSPACE") or ".")))


def _write(target: Path, text: str) -> None:
    if _is_pipe_or_device(target):
        _write_through(target, text)
    else:
        write_for_user(target, text.encode(), _ELSEWHERE)
        say_written(target)


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
