"""How `--help` looks: the options in groups where there are many, and examples below them."""

from collections.abc import Mapping, Sequence

import click

from canary_wf.cli.examples import EXAMPLES, Example

OPTION_GROUPS: Mapping[str, frozenset[str]] = {
    "Which jobs": frozenset(
        {
            *("keyword_expression", "names_matching", "names_not_matching", "labels_matching", "labels_not_matching"),
            *("parameter_expression", "names", "owners", "regex", "ctest_config", "shard"),
        }
    ),
    "Run again, and when to stop": frozenset({"failed", "only", "max_fail"}),
    "How they run": frozenset({"timeouts", "batch", "repeat_until_pass", "bind", "rules", "strict", "hooks"}),
    "Nodes and Slurm": frozenset({"resources", "pool_file", "query_gpus", "slurm", "cluster_nodes"}),
    "Containers and conda": frozenset({"containers_for", "condas_for", "container", "conda"}),
}
"""Groups of options by the names of their parameters, in the order of the help; all others are simply options."""

COMMAND_GROUPS: Mapping[str, frozenset[str]] = {
    "Find, plan and run": frozenset({"run", "generate", "plan", "find", "describe"}),
    "Look at a run": frozenset({"status", "show", "log", "location", "report", "diff", "history", "sessions"}),
    "Act on a run": frozenset({"cancel", "rerun", "rebaseline"}),
    "Set up, tidy up": frozenset({"init", "config", "pool", "gc"}),
    "In a generated workflow": frozenset({"run-batch"}),
}
"""Groups of commands, in the order of the help."""

BATCH_PAIRS = (
    ("spec=duration:30m", "Batches of about 30 minutes (the default)."),
    ("spec=count:8", "At most 8 batches; count:max is a batch for each job."),
    (
        "spec=layout:atomic",
        "Jobs that depend on each other share a batch; also count:8,layout:atomic.",
    ),
    ("scheduler=local|slurm|auto", "Plan for this machine, for Slurm's nodes, or for these if sinfo answers."),
    ("workers=N", "At most N jobs of a batch at once."),
    ("fail_on=any|never", "Whether the run fails when jobs failed (any) or not (never)."),
    ("retry=CLASS:N,…", "Run a job of this class again up to N times, such as timeout:1,any:2."),
    ("output_limit=SIZE", "What a job may print, such as 500MB (default: 4GiB)."),
)
"""The values of `-b`, with what they mean."""

OTHER_OPTIONS = "Options"
_MANY = 12
"""A command with at least this many options shows them in groups."""


class DocumentedCommand(click.Command):
    """A command whose help has its options in groups, and examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: by group where there are many."""
        for title, options in grouped_options(self, ctx).items():
            with formatter.section(title):
                formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])
            if any(option.name == "batch" for option in options):
                with formatter.section("Values of -b"):
                    formatter.write_dl(BATCH_PAIRS)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        write_examples(EXAMPLES.get(self.name or "", ()), formatter)


class DocumentedGroup(click.Group):
    """A command with commands of its own, whose help has examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        del ctx
        write_examples(EXAMPLES.get(self.name or "", ()), formatter)


def grouped_options(command: click.Command, context: click.Context) -> dict[str, list[click.Option]]:
    """Return the options that the help of `command` shows, by the title of their group."""
    parameters = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    shown = [option for option in parameters if option.get_help_record(context)]
    if len(shown) < _MANY:
        return {OTHER_OPTIONS: shown}
    groups: dict[str, list[click.Option]] = {title: [] for title in (*OPTION_GROUPS, OTHER_OPTIONS)}
    for option in shown:
        title = next((title for title, names in OPTION_GROUPS.items() if option.name in names), OTHER_OPTIONS)
        groups[title].append(option)
    return {title: options for title, options in groups.items() if options}


def grouped_commands(commands: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return `commands`, what each does by its name, as pairs by the title of their group."""
    return {
        title: [(name, text) for name, text in commands.items() if name in names]
        for title, names in COMMAND_GROUPS.items()
    }


def write_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """Write each of `examples` below what it is for, as lines that can be copied."""
    if not examples:
        return
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        formatter.write("".join(f"{indent}# {example.purpose}\n{indent}{example.command}\n" for example in examples))
