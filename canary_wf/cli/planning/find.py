"""`canary-wf find`: the jobs under PATH, one on each line, with the reasons of masked jobs."""

import sys
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import discovery_options, json_option, selection_options
from canary_wf.cli.output import print_json
from canary_wf.discovery import DiscoveryOptions
from canary_wf.errors import one_line
from canary_wf.generation import check_paths, find_jobs
from canary_wf.report.columns import Column, table_lines
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.session_paths import relative_to_out

_COLUMNS = (Column("id"), Column("name", cut="middle"), Column("mask", cut="end"))


@click.command("find", cls=DocumentedCommand)
@selection_options
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Show masked jobs too, with the reason.")
def command(*, paths: tuple[str, ...], as_json: bool, verbose: bool, **selection: Any) -> None:  # noqa: ANN401
    """List the jobs under PATH."""
    options: DiscoveryOptions = discovery_options(selection)
    found = find_jobs(check_paths(paths), options, Path.cwd())
    if as_json:
        print_json({"jobs": [job_entry(job) for job in found.jobs]})
        return
    if not verbose:
        found.require_jobs()
    rows = [
        (job.id[:8], one_line(job.name), "" if job.mask is None else f"masked: {one_line(job.mask)}")
        for job in found.jobs
        if job.mask is None or verbose
    ]
    sys.stdout.writelines(f"{line}\n" for line in table_lines(_COLUMNS, rows, sys.stdout, heading=False))


def job_entry(job: JobSpec) -> dict[str, Any]:
    """Return the entry of `job` in `find --json` and `describe --json`."""
    return {
        "id": job.id,
        "name": job.name,
        "family": job.family,
        "file": relative_to_out(Path(job.file), Path.cwd()),
        "masked": job.mask,
        "parameters": job.parameters,
        "keywords": job.keywords,
        "owners": job.owners,
        "cpus": job.cpus,
        "gpus": job.gpus,
        "nodes": job.nodes,
        "memory": job.memory,
        "resources": job.resources,
        "timeout": job.timeout,
        "timeout_multiplier": job.timeout_multiplier,
        "runtime": job.runtime,
        "dependencies": job.dependencies,
    }
