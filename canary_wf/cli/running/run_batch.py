"""`canary-wf run-batch` when it follows other options. The runner parses its own options."""

import click

from canary_wf.run.runner import main


@click.command("run-batch", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, arguments: tuple[str, ...]) -> int:
    """Run one batch of a plan."""
    return main(arguments)
