"""`canary-wf run`: find the jobs, plan batches, run them by Snakemake, and say what came of it."""

import os
import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.jobs import similar_paths
from canary_wf.cli.options import WholeNumber
from canary_wf.cli.output import mute_if_gone, print_json, write_or_mute
from canary_wf.cli.planning.generate import generate, generate_options, planned_lines, print_warnings
from canary_wf.cli.running.rerun import only_option, reset, with_needed
from canary_wf.cli.running.snakemake_run import (
    Ended,
    View,
    exit_code,
    is_unused,
    only_prints,
    print_end,
    print_fault,
    run_session,
    text_of,
)
from canary_wf.cli.workspace import nearest_workspace
from canary_wf.errors import CanaryWfError, ExitCode, UsageError, WorkspaceError, one_line
from canary_wf.generation import WORKFLOW
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.report.closing import closing_lines, from_here
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.child_process import SnakemakeProcess
from canary_wf.snakemake.in_use import check_unlocked
from canary_wf.snakemake.lock import run_lock
from canary_wf.state.session_paths import STATE_FOLDER, SessionPaths, absolute_path, session_names
from canary_wf.state.trust import require_trusted
from canary_wf.wording import count, run_command, some
from canary_wf.workflow.kept_workflow import KeptWorkflow

_SNAKEMAKE_OPTIONS = "canary_wf.snakemake_options"
_NO_PLANNING = frozenset({"paths", "out", "as_json", "failed", "only", "verbose", "max_fail", "keyword_expression"})
"""Parameters that do not ask for a new plan; `-k` selects among the jobs to run again, too."""


class _RunCommand(DocumentedCommand):
    """A command whose words after ``--`` are Snakemake's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before ``--``."""
        own = args[: args.index("--")] if "--" in args else args
        ctx.meta[_SNAKEMAKE_OPTIONS] = tuple(args[len(own) + 1 :])
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line."""
        pieces = super().collect_usage_pieces(ctx)
        return [*(piece.replace("PATH", "PATH|JOB") for piece in pieces), "[-- SNAKEMAKE_OPTION...]"]


@click.command("run", cls=_RunCommand)
@generate_options
@click.option("--failed", is_flag=True, help="Run again what failed in the newest session.")
@only_option
@click.option(
    "--max-fail",
    type=WholeNumber(1),
    metavar="N",
    help="Start no more jobs once N have failed; what runs then goes on to its end.",
)
@click.option("-x", "max_fail", flag_value=1, type=int, help="The same as --max-fail 1.")
@click.option("-v", "--verbose", is_flag=True, help="Show what Snakemake says, instead of keeping it in a file.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    as_json: bool,
    failed: bool,
    only: tuple[str, ...],
    max_fail: int | None,
    verbose: bool,
    **values: Any,  # noqa: ANN401 - what the options of `generate` hold
) -> int:
    """Find the jobs under PATH, plan batches, run them here or by Slurm, and end with what came of it.

    Instead of PATH, jobs of the newest session can be named, by an id prefix, a name or a pattern such as 'mesh.*':
    they run again. Without PATH and options, the newest session goes on where it was left, in the nearest workspace
    here or above. Options after -- are Snakemake's.
    """
    start = _start_of(context)
    view = View.SNAKEMAKE if verbose else View.NOTHING if as_json else View.LIVE
    with ExitStack() as stack:
        is_locked = (start.out / STATE_FOLDER).is_dir()  # a mistake in the input leaves no new folder behind
        if is_locked:
            stack.enter_context(run_lock(start.out))
            check_unlocked(start.out)
        child = stack.enter_context(SnakemakeProcess())
        options = context.meta[_SNAKEMAKE_OPTIONS]
        quiet = as_json or only_prints(options)
        jobs: Collection[str] | None = None
        before = session_names(start.out)
        kept = KeptWorkflow(start.out, WORKFLOW) if before else None
        state: SessionState | ExitCode
        if start.kind == "again":
            state, jobs = _reset(start.out, start.jobs, only, values["keyword_expression"], failed=failed, quiet=quiet)
        elif start.kind == "anew":
            _warn_of_jobs_named_like(values["paths"], start.out)
            state = _generate(values, start.out, quiet=quiet)
        else:
            state = _resume(values, start.out, quiet=quiet)
        if isinstance(state, ExitCode):
            if as_json:
                print_json(load_session(newest_session(start.out)).as_dict())
            return state
        if not is_locked:
            stack.enter_context(run_lock(start.out))
            _require_newest(state.paths)
        ended = run_session(child, state, options, view=view, max_fail=max_fail, jobs=jobs)
        _print(ended, as_json=as_json)
        if kept is not None and state.paths.session not in before and is_unused(ended):
            kept.put_back(state.paths)
    return exit_code(ended)


def _print(ended: Ended, *, as_json: bool) -> None:
    """Print how the run `ended`."""
    try:
        if as_json:
            if not ended.has_begun and not ended.code:
                sys.stderr.write(text_of(ended))
            print_fault(ended)
            print_json(ended.state.as_dict())
        else:
            print_end(ended)
        sys.stdout.flush()
    except OSError as error:
        mute_if_gone(error)


def _require_newest(paths: SessionPaths) -> None:
    """Raise WorkspaceError if another first run in a new folder has planned after this one."""
    if newest_session(paths.out) != paths:
        what = "another canary-wf run has planned here meanwhile"
        raise WorkspaceError(what, where=paths.out, hint="canary-wf run goes on with its session")


class _Start(NamedTuple):
    """What a run starts with: jobs of the newest session again, a new plan, or what is left of the newest session.

    `jobs` are the words that name jobs, `out` is the workspace.
    """

    kind: Literal["again", "anew", "resume"]
    out: Path
    jobs: tuple[str, ...] = ()


def _start_of(context: click.Context) -> _Start:
    """Return what the command line asks for. Raises UsageError for words that do not go together."""
    values = context.params
    out: Path = values["out"]
    words = values["paths"] if _is_given(context, "paths") else ()
    jobs = tuple(word for word in words if not os.path.lexists(word))
    planning = [name for name in values if name not in _NO_PLANNING and _is_given(context, name)]
    is_again = values["failed"] or bool(values["only"] or jobs)
    if is_again:
        _check_again(context, words, jobs, planning)
        if only_prints(context.meta[_SNAKEMAKE_OPTIONS]):
            hint = "jobs are reset before Snakemake looks at them; canary-wf status -r failed lists what failed"
            raise UsageError("a dry run does not go with jobs that are to run again", where="--", hint=hint)
    elif words or planning or _is_given(context, "keyword_expression"):
        return _Start("anew", out)
    if context.get_parameter_source("out") is click.core.ParameterSource.DEFAULT:
        out = nearest_workspace()
    if not is_again and not session_names(out):
        return _Start("anew", out)
    require_trusted(out, [newest_session(out).session])
    return _Start("again" if is_again else "resume", out, jobs)


def _is_given(context: click.Context, name: str) -> bool:
    """Return whether the parameter `name` was on the command line."""
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _check_again(context: click.Context, words: Sequence[str], names: Sequence[str], planning: Sequence[str]) -> None:
    """Raise UsageError when jobs are to run again and the command line asks for a new plan as well."""
    files = [word for word in words if word not in names]
    if names and files:
        what = f"{files[0]!r} is a file or folder, and {names[0]!r} is not"
        raise UsageError(what, where="PATH", hint="name files and folders, or jobs, but not both")
    if files or planning:
        options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
        other = "--failed" if context.params["failed"] else "--only" if context.params["only"] else f"JOB {names[0]}"
        hint = "jobs run again as they were planned; leave it out, or plan anew with canary-wf run PATH"
        raise UsageError(f"does not go with {other}", where=options[planning[0]] if planning else files[0], hint=hint)


def _warn_of_jobs_named_like(words: Sequence[str], out: Path) -> None:
    """Say of each PATH that is also the name of a job that the PATH was meant, and how to name the job."""
    names = {word for word in words if os.path.basename(word) == word}  # noqa: PTH119 - a text
    sessions = session_names(out)
    if not names or not sessions:
        return
    with suppress(CanaryWfError):  # a damaged session does not prevent a new one
        for job in load_plan(SessionPaths(out, sessions[-1]).plan).jobs:
            if job.name in names:
                what = (
                    f"{job.name!r} is a file or folder here, and also a job; to run the job: canary-wf run {job.id[:8]}"
                )
                print_warnings([what])


def _generate(values: dict[str, Any], out: Path, *, quiet: bool) -> SessionState:
    generated = generate(values, out)
    if not quiet:
        write_or_mute("".join(f"{line}\n" for line in planned_lines(generated)))
    return load_session(generated.paths)


def _reset(
    out: Path, names: tuple[str, ...], only: tuple[str, ...], keywords: str | None, *, failed: bool, quiet: bool
) -> tuple[SessionState | ExitCode, Collection[str]]:
    """Reset jobs of the newest session; return it with the jobs to run, or the exit code when there are none."""
    try:
        done = reset(out, names, only, keywords, failed=failed, may_be_new=True)
    except UsageError as error:
        if error.where != "JOB":
            raise
        what = error.what.replace("there is no job", "there is no file or job")  # as likely a path that is misspelt
        similar = [path for name in names if repr(name) in what for path in similar_paths(name)]
        hint = f"did you mean {some(similar)}?" if similar else error.hint
        raise UsageError(what, where="PATH or JOB", hint=hint) from None
    state = load_session(done.state.paths)
    jobs = with_needed(state, done.jobs)
    print_warnings(_changed_files(state, done.jobs))
    lines = [str(done)]
    if len(jobs) > len(done.jobs):
        lines.append(f"With what these need: {count(len(jobs), 'job')} to run.")
    if not jobs:
        lines += closing_lines(state, over=True)
    if not quiet:
        write_or_mute("".join(f"{line}\n" for line in lines))
    return state if jobs else ExitCode.DONE, jobs


def _changed_files(state: SessionState, jobs: Collection[str]) -> list[str]:
    """Return a warning if test files of `jobs` have changed since they were planned; CMake writes CTest's anew."""
    roots: dict[str, str] = {}
    for job in state.plan.jobs:
        if job.id in jobs and job.kind != "ctest":
            file = str(state.paths.out / job.file)
            roots.setdefault(file, file.removesuffix(f"/{job.path}"))
    changed = [file for file in roots if _modified(file) > state.plan.created]
    if not changed:
        return []
    names = some([from_here(absolute_path(file)) for file in changed])
    has = "has changed since it was" if len(changed) == 1 else "have changed since they were"
    root = from_here(absolute_path(roots[changed[0]]))
    return [f"{names} {has} planned; {run_command(state.paths.out, root, '--update')} takes the change"]


def _modified(file: str) -> float:
    """Return when `file` was modified (epoch seconds), 0 if that is not known."""
    try:
        return os.stat(file).st_mtime  # noqa: PTH116 - a text
    except OSError:
        return 0.0


def _resume(values: dict[str, Any], out: Path, *, quiet: bool) -> SessionState | ExitCode:
    """Return the newest session if it has work left, else a new one of the configured PATHs, or the exit code."""
    state = load_session(newest_session(out))
    name = one_line(state.plan.session)
    left = len(state.unfinished)
    goes_on = left > 0 or not (state.paths.report / "report.json").exists()
    if left:
        line = f"Session {name} goes on: {left} of {count(len(state.plan.jobs), 'job')} left to run."
    elif goes_on:
        line = f"Session {name} goes on: all jobs are done, and its reports are left to write."
    elif values["paths"]:
        line = f"Session {name} has nothing left to run; planning anew."
    else:
        line = f"Session {name} has nothing left to run; canary-wf run PATH starts anew."
        line = "\n".join([line, *closing_lines(state, over=True)])
    if not quiet:
        write_or_mute(f"{line}\n")
    if goes_on:
        return state
    return _generate(values, out, quiet=quiet) if values["paths"] else _code(state)


def _code(state: SessionState) -> ExitCode:
    """Return the exit code for a session in which nothing is left to run."""
    return ExitCode.JOBS_FAILED if state.failed and state.plan.fail_on == "any" else ExitCode.DONE
