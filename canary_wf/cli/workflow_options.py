"""What the options about the workflow's text come to: the software of its rules, and its use in a larger one."""

import json
import os
from pathlib import Path
from typing import Any

from canary_wf.cli.software import environment_name
from canary_wf.workflow.snakefile import MODULE_FILE, WorkflowOptions


def workflow_settings(values: dict[str, Any], out: Path) -> WorkflowOptions:
    """Return what the workflow options say for a workflow in `out`."""
    module = out.name if values["module"] else None
    conda = None if values["conda"] is None else environment_name(values["conda"], "--conda")
    return WorkflowOptions(container=values["container"], conda=conda, module=module)


def module_lines(out: Path) -> str:
    """Return what a larger workflow in the current folder needs, and which file that is for."""
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
    """Return the larger workflow's Snakefile, where Snakemake looks for it; ours in `out` is not one."""
    places = [Path.cwd() / "Snakefile", Path.cwd() / "workflow" / "Snakefile"]
    return next((path for path in places if path.is_file() and path.parent.parent != out), places[0])
