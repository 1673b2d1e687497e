"""Shell completion of options and arguments: names of jobs and sessions, outcomes, KEY=VALUE pairs."""

from contextlib import suppress
from pathlib import Path

import click

from canary_wf.cli.configured import Configured
from canary_wf.cli.workspace import find_workspace
from canary_wf.errors import CanaryWfError
from canary_wf.state.session_paths import absolute_path, session_names

_BATCH = (
    *("spec=duration:30m", "spec=count:", "spec=count:max", "spec=layout:atomic"),
    *(
        "scheduler=auto",
        "scheduler=local",
        "scheduler=slurm",
        "workers=",
        "fail_on=any",
        "fail_on=never",
        "retry=",
        "output_limit=",
    ),
)


def batch_pairs(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    """Return the KEY=VALUE pairs of `-b` that begin with `start`."""
    return [pair for pair in _BATCH if pair.startswith(start)]


def job_names(context: click.Context, _argument: click.Parameter, start: str) -> list[str]:
    """Return the names of the jobs of the chosen session that begin with `start`, or none without a session."""
    from canary_wf.plan.store import find_session, load_plan

    with suppress(CanaryWfError):  # completion in a shell must not print errors
        plan = load_plan(find_session(_out(context), context.params.get("session")).plan)
        return [job.name for job in plan.jobs if job.name.startswith(start)]
    return []


def session_names_from(context: click.Context, _argument: click.Parameter, start: str) -> list[str]:
    """Return the names of sessions that begin with `start`, newest first."""
    with suppress(CanaryWfError):
        return [name for name in reversed(session_names(_out(context))) if name.startswith(start)]
    return []


def statuses(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    """Return the words for the states of jobs in lower case that complete `start`, or its part after a comma."""
    from canary_wf.report.selection import WORDS

    before, comma, last = start.rpartition(",")
    return [f"{before}{comma}{word}" for word in WORDS if word.startswith(last.lower())]


def _out(context: click.Context) -> Path:
    """Return OUT as the command would get it: from its option, else the configuration, else the nearest workspace."""
    given = context.params.get("out")
    if given is not None and context.get_parameter_source("out") is click.core.ParameterSource.COMMANDLINE:
        return absolute_path(given)
    here = absolute_path(".")
    with suppress(CanaryWfError):
        configured = Configured(None).get("out")
        return absolute_path(str(configured)) if configured else find_workspace(here) or here
    return here
