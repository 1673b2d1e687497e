"""What the options about the workflow's text come to: the software of its rules, and its use in a larger one."""

import json
import os
from pathlib import Path
from typing import Any

from canary_wf.errors import UsageError
from canary_wf.session_paths import relative_to_out
from canary_wf.workflow.snakefile import MODULE_FILE, WorkflowOptions


def workflow_settings(values: dict[str, Any], out: Path) -> WorkflowOptions:
    """Return what the workflow options say for a workflow in `out`."""
    module = out.absolute().name if values["module"] else None
    return WorkflowOptions(container=values["container"], conda=_environment(values["conda"]), module=module)


def module_lines(out: Path) -> str:
    """Return the lines with which a Snakefile in the current folder uses the workflow in `out`."""
    file = relative_to_out(os.path.normpath(out.absolute() / MODULE_FILE), Path.cwd())
    return f"""
module tests:
    snakefile: {json.dumps(file)}
    prefix: "tests"

use rule * from tests as tests_*
"""


def _environment(text: str | None) -> str | None:
    """Return the conda environment as rules name it: a file by its absolute path, else the name of one that exists."""
    if text is None or not text.endswith((".yaml", ".yml", ".txt")):
        return text
    if not Path(text).is_file():
        raise UsageError("there is no such file", where=f"--conda {text}")
    return str(Path(text).absolute())
