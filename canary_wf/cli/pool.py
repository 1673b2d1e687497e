"""`canary-wf pool`: the resource pool that a plan would be made for, as YAML."""

import sys
from pathlib import Path

import click

from canary_wf.cli.options import pool_options, resource_requests
from canary_wf.resources.detection import detect_pool
from canary_wf.resources.options import pool_from_options


@click.command("pool")
@pool_options
def command(*, resources: tuple[str, ...], pool_file: Path | None, query_gpus: bool) -> None:
    """Show the resource pool of this machine, or the one that the options describe."""
    pool_from_options(resource_requests(resources), pool_file, detect_pool(query_libraries=query_gpus)).dump(sys.stdout)
