"""`canary-wf describe`: the jobs that one test file expands to, in full."""

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from canary_wf.cli.help_page import DocumentedCommand
from canary_wf.cli.options import discovery_options, json_option
from canary_wf.cli.output import print_json
from canary_wf.cli.planning.find import job_entry
from canary_wf.cli.workspace import find_workspace
from canary_wf.discovery import Discovery
from canary_wf.durations import format_duration
from canary_wf.errors import UsageError, WorkspaceError, one_line
from canary_wf.generation import find_jobs
from canary_wf.plan.store import load_plan, newest_session
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.session_paths import absolute_path
from canary_wf.verdict.exit_code import ANY_FAILURE, DIFFED, describe_exit
from canary_wf.wording import amount


@click.command("describe", cls=DocumentedCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "names", multiple=True, metavar="NAME", help="Turn the option NAME on for when='options=NAME'.")
@click.option("-v", "--verbose", is_flag=True, help="Show the files and attributes of each job too.")
@json_option
@click.pass_context
def command(context: click.Context, /, *, file: Path, names: tuple[str, ...], as_json: bool, verbose: bool) -> None:
    """Show the jobs that FILE expands to. Dependencies on jobs of other files are shown as patterns.

    Ids are those of the newest session here if it has FILE. Otherwise they are those of find with the configured PATH
    that holds FILE, or with the first folder of FILE as written: for tests/sub/a.pyt those of find tests.
    """
    if file.is_dir():
        raise UsageError("is a folder", where=file, hint="give one test file, or use canary-wf find")
    selection = {"names": names, "keyword_expression": None, "parameter_expression": None, "owners": (), "regex": None}
    options = discovery_options({**selection, "timeouts": ()})
    path = _path_in_tree(file, context.lookup_default("paths") or ())
    found = find_jobs([file], msgspec.structs.replace(options, alone=True, path=path), Path.cwd())
    sys.stderr.writelines(f"canary-wf: warning: {one_line(text)}\n" for text in found.warnings)
    if as_json:
        entries = [{**job_entry(job), "depends_elsewhere": found.elsewhere.get(job.id, ())} for job in found.jobs]
        print_json({"jobs": entries})
        return
    names_by_id = {job.id: job.name for job in found.jobs}
    for job in found.jobs:
        shown = _shown(job, names_by_id, found) | (_more(job) if verbose else {})
        rest = (f"    {key}: {one_line(str(value))}" for key, value in shown.items() if value)
        sys.stdout.write("\n".join([f"{job.id[:8]}  {one_line(job.name)}", *rest]) + "\n")


def _path_in_tree(file: Path, configured: Iterable[str]) -> str | None:
    """Return the path of `file` from the top of its tree, or None if the top is its own folder."""
    absolute = str(absolute_path(file))
    known = _path_in_session(absolute)
    if known is not None:
        return known
    first = Path(os.path.relpath(absolute)).parts[0]
    for top in (*configured, first):
        folder = str(absolute_path(top))
        if absolute.startswith(f"{folder}/") and first != os.pardir:
            return os.path.relpath(absolute, folder)
    return None


def _path_in_session(absolute: str) -> str | None:
    """Return the path that the newest session in the nearest workspace has for the file `absolute`."""
    try:
        out = find_workspace(Path.cwd()) or Path.cwd()
        jobs = load_plan(newest_session(out).plan).jobs
    except WorkspaceError:
        return None  # no readable session
    return next((job.path for job in jobs if os.path.normpath(out / job.file) == absolute), None)


def _shown(job: JobSpec, names: dict[str, str], found: Discovery) -> dict[str, Any]:
    limit = f", ended after {format_duration(job.limit)}" if job.limit != job.timeout else ""
    here = [f"{names.get(edge.job, edge.job)} ({edge.when})" for edge in job.dependencies]
    return {
        "masked": job.mask,
        "keywords": ", ".join(job.keywords),
        "resources": ", ".join(amount(count, resource_type) for resource_type, count in job.requested.items() if count),
        "memory": None if job.memory is None else f"{job.memory} MiB",
        "nodes": job.nodes if job.nodes > 1 else None,
        "timeout": f"{format_duration(job.timeout)}{limit}",
        "depends on": ", ".join(here),
        "depends on jobs of other files": ", ".join(found.elsewhere.get(job.id, ())),
        "owners": ", ".join(job.owners),
    }


def _more(job: JobSpec) -> dict[str, Any]:
    around = job.preparation
    return {
        "command": shlex.join(job.command),
        "parameters": ", ".join(f"{name}={value!r}" for name, value in job.parameters.items()),
        "exclusive": "yes" if job.exclusive else None,
        "expected": _expected(job.xstatus),
        "files": ", ".join(f"{asset.action} {asset.source}" for asset in job.assets),
        "environment": ", ".join(f"{name}={value}" for name, value in job.environment.items()),
        "modules": ", ".join(module.name for module in around.modules) if around else None,
        "rc files": ", ".join(around.rcfiles) if around else None,
        "setup": around.setup if around else None,
        "teardown": around.teardown if around else None,
        "artifacts": ", ".join(f"{artifact.file} ({artifact.save_on})" for artifact in job.artifacts),
        "baselines": ", ".join(each.source or " ".join(each.arguments) for each in job.baselines),
        "attributes": ", ".join(f"{name}={value!r}" for name, value in job.attributes.items()),
        "stages": ", ".join(job.stages),
        "sources": ", ".join(job.sources),
    }


def _expected(xstatus: int) -> str | None:
    """Return in words the expected end of a job that is not expected to pass (see `verdict.exit_code`)."""
    if xstatus in {0, DIFFED}:
        return "a difference" if xstatus else None
    return "any failure" if xstatus == ANY_FAILURE else describe_exit(xstatus)
