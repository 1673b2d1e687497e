"""`canary-wf describe`: what one test file expands to, in full."""

import sys
from pathlib import Path
from typing import Any

import click

from canary_wf.cli.find import job_entry
from canary_wf.cli.options import discovery_options, json_option
from canary_wf.durations import format_duration
from canary_wf.errors import UsageError, one_line
from canary_wf.generation import find_jobs
from canary_wf.job.spec import JobSpec
from canary_wf.json_files import encode


@click.command("describe")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "names", multiple=True, metavar="NAME", help="Turn the option NAME on for when='options=NAME'.")
@json_option
def command(*, file: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Show the jobs that FILE expands to. Dependencies on jobs of other files need a PATH: see canary-wf find."""
    if file.is_dir():
        raise UsageError("is a folder", where=file, hint="give one test file, or use canary-wf find")
    selection = {"names": names, "keyword_expression": None, "parameter_expression": None, "owners": (), "regex": None}
    found = find_jobs([file], discovery_options({**selection, "timeouts": ()}), Path.cwd())
    if as_json:
        sys.stdout.write(encode({"jobs": [job_entry(job) for job in found.jobs]}).decode() + "\n")
        return
    for job in found.jobs:
        sys.stdout.write("\n".join(_lines(job, {other.id: other.name for other in found.jobs})) + "\n")


def _lines(job: JobSpec, names: dict[str, str]) -> list[str]:
    shown: dict[str, Any] = {
        "masked": job.mask,
        "keywords": ", ".join(job.keywords),
        "resources": ", ".join(
            f"{count} {kind}" for kind, count in {"cpus": job.cpus, "gpus": job.gpus, **job.resources}.items() if count
        ),
        "nodes": job.nodes if job.nodes > 1 else None,
        "timeout": format_duration(job.timeout),
        "depends on": ", ".join(f"{names.get(edge.job, edge.job)} ({edge.when})" for edge in job.dependencies),
        "owners": ", ".join(job.owners),
    }
    rest = (f"    {key}: {one_line(str(value))}" for key, value in shown.items() if value)
    return [f"{job.id[:8]}  {one_line(job.name)}", *rest]
