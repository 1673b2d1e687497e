"""Evaluates the options about the workflow: the software of its rules, and its use in a larger workflow."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from canary_wf.errors import UsageError
from canary_wf.state.session_paths import absolute_path

if TYPE_CHECKING:
    from canary_wf.plan.software import SoftwareChoice
    from canary_wf.workflow.snakefile import WorkflowOptions


def software_choices(containers: Iterable[str], condas: Iterable[str]) -> "tuple[SoftwareChoice, ...]":
    """Parse texts ``EXPR=IMAGE`` and ``EXPR=FILE`` into choices of software, in their order. Raises UsageError."""
    from canary_wf.plan.software import Software, SoftwareChoice

    images = [SoftwareChoice(jobs, Software(container=image)) for jobs, image in _pairs(containers, "--container-for")]
    environments = [
        SoftwareChoice(jobs, Software(conda=environment_name(name, f"--conda-for {jobs}=")))
        for jobs, name in _pairs(condas, "--conda-for")
    ]
    return (*images, *environments)


def environment_name(text: str, option: str) -> str:
    """Return the conda environment as rules name it: the absolute path of a file, else the name of an environment."""
    if not text.endswith((".yaml", ".yml", ".txt")):
        return text
    if not Path(text).is_file():
        raise UsageError(f"there is no file {text!r}", where=option.removesuffix("="))
    return str(absolute_path(text))


def _pairs(texts: Iterable[str], option: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        jobs, equals, value = text.rpartition("=")  # names of jobs may contain =, images hardly do
        if not equals or not jobs.strip() or not value.strip():
            hint = "write EXPR=VALUE, such as gpu=docker://nvidia/cuda:12.8.0-base-ubuntu24.04"
            raise UsageError(f"{text!r} is not understood", where=option, hint=hint)
        yield jobs.strip(), value.strip()


def workflow_settings(values: dict[str, Any], out: Path) -> "WorkflowOptions":
    """Return the workflow options for a workflow in `out`."""
    from canary_wf.workflow.snakefile import WorkflowOptions

    module = out.name if values["module"] else None
    conda = None if values["conda"] is None else environment_name(values["conda"], "--conda")
    return WorkflowOptions(container=values["container"], conda=conda, module=module)


def module_lines(out: Path) -> str:
    """Return the lines that a larger workflow in the current folder needs, and name the file for them."""
    from canary_wf.workflow.snakefile import MODULE_FILE

    snakefile = _snakefile(out)
    file = os.path.normpath(out / MODULE_FILE)
    if Path(file).is_relative_to(Path.cwd()):
        file = os.path.relpath(file, snakefile.parent)
    into = "your Snakefile" if snakefile.parent == Path.cwd() else str(snakefile.relative_to(Path.cwd()))
    return f"""put this into {into} (paths are relative to it):

module tests:
    snakefile: {json.dumps(file)}
    prefix: "results/tests"

use rule * from tests as tests_*
"""


def _snakefile(out: Path) -> Path:
    """Return the larger workflow's Snakefile, where Snakemake looks for it, but not ours in `out`."""
    places = [Path.cwd() / "Snakefile", Path.cwd() / "workflow" / "Snakefile"]
    return next((path for path in places if path.is_file() and path.parent.parent != out), places[0])
