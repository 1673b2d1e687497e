"""What the process that submits does first: it sees to its variables, and to which `sbatch` is called."""

import os
import sys
from collections.abc import MutableMapping
from typing import Any

from canary_wf.submission.search_path import put_before
from canary_wf.submission.variables import ignored_warning, overruling


def submission_started(workflow: Any, environment: MutableMapping[str, str] = os.environ) -> None:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Prepare this process to submit to Slurm; one that runs the batches itself is left as it is."""
    if workflow.local_exec:
        return
    told = ignored_warning(environment)
    if told is not None:
        sys.stderr.write(f"canary-wf: {told}\n")
    for name in overruling(environment):
        del environment[name]
    put_before(environment)
