"""What the options about the workflow's text come to: the software of its rules, and its use in a larger one."""

import json
import os
from pathlib import Path
from typing import Any

from canary_wf.cli.software import environment_name
from canary_wf.session_paths import relative_to_out
from canary_wf.workflow.snakefile import MODULE_FILE, WorkflowOptions


def workflow_settings(values: dict[str, Any], out: Path) -> WorkflowOptions:
    """Return what the workflow options say for a workflow in `out`."""
    module = out.absolute().name if values["module"] else None
    conda = None if values["conda"] is None else environment_name(values["conda"], "--conda")
    return WorkflowOptions(container=values["container"], conda=conda, module=module)


def module_lines(out: Path) -> str:
    """Return the lines with which a Snakefile in the current folder uses the workflow in `out`."""
    file = relative_to_out(os.path.normpath(out.absolute() / MODULE_FILE), Path.cwd())
    return f"""
module tests:
    snakefile: {json.dumps(file)}
    prefix: "tests"

use rule * from tests as tests_*
"""
