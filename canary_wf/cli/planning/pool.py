"""`canary-wf pool`: the resource pool for which a plan would be made, as YAML."""

import sys
from pathlib import Path

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import pool_options, resource_requests
from canary_wf.resources.detection import detect_pool, origin_of_cpus, origin_of_gpus
from canary_wf.resources.options import pool_from_options, read_pool


@click.command("pool", cls=DocumentedCommand)
@pool_options
def command(*, resources: tuple[str, ...], pool_file: Path | None, query_gpus: bool) -> None:
    """Show the resource pool of this machine, or the one that the options describe.

    Comments in the output say where detected numbers come from.
    """
    requested = resource_requests(resources)
    pool = pool_from_options(requested, pool_file, detect_pool(query_libraries=query_gpus))
    listed = {} if pool_file is None else {"gpus": [], **read_pool(pool_file).resources}
    origins = {"cpus": origin_of_cpus(), "gpus": origin_of_gpus(query_libraries=query_gpus)}
    for resource_type, origin in origins.items():
        if resource_type not in requested and resource_type not in listed:
            sys.stdout.write(f"# {resource_type}: {origin}\n")
    pool.dump(sys.stdout)
