"""The entry point of the command line: finds the module of a command, and reports errors."""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Literal

import click

from canary_wf._version import __version__
from canary_wf.cli.configured import ARGUMENTS, NOT_CONFIGURED, Configured
from canary_wf.cli.examples import EXAMPLES, PROGRAM
from canary_wf.cli.help_page import grouped_commands, write_examples
from canary_wf.cli.suggestions import suggested
from canary_wf.errors import CanaryWfError, ExitCode, MistakesError, one_line
from canary_wf.report.colour import choose_colour

COMMANDS = {
    "run": "find, plan and run jobs, and say what came of it",
    "generate": "find the jobs, plan batches, and write the workflow",
    "plan": "show what generate would plan; nothing is written",
    "find": "list the jobs",
    "describe": "show what one test file expands to",
    "status": "show where the newest session's jobs stand",
    "show": "show all that is known of one job",
    "log": "print a job's output",
    "location": "print where a job's working directory is",
    "cancel": "end the newest session's run for good",
    "rerun": "reset jobs, so that the next snakemake runs them again",
    "rebaseline": "make the results of jobs the new references",
    "diff": "show what changed from one session to another",
    "report": "write a report: html, junit, json, markdown or cdash",
    "sessions": "list the sessions, and what came of them",
    "history": "show, export, import or forget run times",
    "gc": "remove old sessions",
    "pool": "show the resource pool",
    "config": "show the configuration, and where each value comes from",
    "init": "write a commented canary-wf.yaml",
    "run-batch": "run one batch (what a generated rule calls)",
}
HIDDEN = ("gate", "write-reports")
"""Commands that only the generated rules call."""

FOLDERS = {
    "planning": ("generate", "plan", "find", "describe", "pool", "config", "init"),
    "running": ("run", "cancel", "rerun", "rebaseline", "gc", "run-batch", *HIDDEN),
    "results": ("status", "show", "log", "location", "diff", "report", "sessions", "history"),
}
"""The folders beside this file, and their commands."""

INTERRUPTED = 130

_COLLECTIONS = (100_000, 50, 100)
"""Thresholds of the garbage collector: a command makes many objects that stay, and scanning them takes time."""

COMPLETION = "_CANARY_WF_COMPLETE"
"""The variable with which a shell requests its completion script, and completions."""


class LazyGroup(click.Group):
    """Commands by name. A command's module is imported when it runs, so that `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command called `cmd_name`, or None."""
        del ctx
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        folder = next(folder for folder, commands in FOLDERS.items() if cmd_name in commands)
        module = importlib.import_module(f"canary_wf.cli.{folder}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` name, and the arguments for it. Raises UsageError with what may be meant."""
        word = args[0]
        if word.startswith("-") or self.get_command(ctx, word) is not None:
            return super().resolve_command(ctx, args)
        names = " or ".join(map(repr, suggested(word, COMMANDS)))
        raise click.UsageError(f"No such command {word!r}." + (f" Did you mean {names}?" if names else ""), ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        for title, commands in grouped_commands(COMMANDS).items():
            with formatter.section(title):
                formatter.write_dl(commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        write_examples(EXAMPLES[PROGRAM], formatter)


@click.group(cls=LazyGroup, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="canary-wf")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Read this configuration file.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour the output; auto goes by NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and the terminal.",
)
@click.option("--no-color", is_flag=True, help="The same as --color never.")
@click.pass_context
def application(
    context: click.Context,
    *,
    config: Path | None,
    debug: bool,
    color: Literal["auto", "always", "never"],
    no_color: bool,
) -> None:
    """Turn a tree of tests or simulations into a handful of cluster jobs, run by Snakemake."""
    choose_colour("never" if no_color else color)
    context.call_on_close(lambda: choose_colour("auto"))
    context.obj = configured = Configured(config)
    context.default_map = {name: configured for name in COMMANDS if name not in NOT_CONFIGURED}
    del debug  # read from the context where an error is shown


def main(arguments: list[str] | None = None) -> int:
    """Run the command line `arguments` (those of the process when None) and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(*_COLLECTIONS)
    try:
        return _run(arguments)
    except BrokenPipeError as error:
        # The reader (a pager, head) has closed the pipe. Python would report that again when it flushes at exit.
        from canary_wf.cli.output import mute_if_gone  # late, as it happens seldom

        mute_if_gone(error)
        return ExitCode.DONE
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _report("interrupted", INTERRUPTED)
    except click.ClickException as error:
        return _report(_usage_message(error, arguments), ExitCode.USAGE)
    except (CanaryWfError, OSError) as error:
        if "--debug" in arguments:
            raise
        return _report_error(error)


def _run(arguments: list[str]) -> int:
    # Do not use `application.main`, which has its own exit code for a closed pipe.
    if COMPLETION in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(application, {}, "canary-wf", COMPLETION, os.environ[COMPLETION])
    if not arguments:
        with application.make_context("canary-wf", [], resilient_parsing=True) as context:
            sys.stderr.write(f"{application.get_help(context)}\n")
        return ExitCode.USAGE
    try:
        with application.make_context("canary-wf", list(arguments)) as context:
            context.meta[ARGUMENTS] = tuple(arguments)
            result: Any = application.invoke(context)
    except click.exceptions.Exit as ended:
        result = ended.exit_code
    sys.stdout.flush()
    return result if isinstance(result, int) else ExitCode.DONE


def _report_error(error: CanaryWfError | OSError) -> int:
    if isinstance(error, MistakesError):
        for line in error.lines():
            _report(line, error.exit_code)
        return error.exit_code
    if isinstance(error, CanaryWfError):
        return _report(str(error), error.exit_code)
    # Expected errors of files are CanaryWfErrors. This is for unexpected ones, such as a folder that has disappeared.
    return _report(f"{error.filename or 'input or output'}: {error.strerror}", ExitCode.WORKSPACE)


def _usage_message(error: click.ClickException, arguments: list[str]) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if context is not None:
        takes_jobs = any(parameter.name in {"job", "jobs"} for parameter in context.command.params)
        if takes_jobs and isinstance(error, click.NoSuchOption):
            command = f"{context.command_path} -- {error.option_name}"
            return f"{text}; try {context.command_path} --help, or {command} for a job of that name"
        return f"{text}{_or_try(text)} {context.command_path} --help"
    # click reports an option without its argument without the command, so find the command among the words.
    command = next((f" {word}" for word in arguments if word in COMMANDS), "")
    return f"{text}; try canary-wf{command} --help"


def _or_try(text: str) -> str:
    """Return what leads from `text` to the command that helps. A question ("Did you mean …?") ends its sentence."""
    return " Or try" if text.endswith(("?", "?)")) else "; try"


def _report(message: str, code: int) -> int:
    sys.stderr.write(f"canary-wf: {one_line(message)}\n")
    return code
