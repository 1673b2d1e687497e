"""The Python that a batch's rule calls: the one that runs Snakemake, or a container's own inside of it."""

import sys
from typing import Any

IN_CONTAINER = "python3"
"""How Python is called in an image, in which canary-wf must be installed."""


def python_for(workflow: Any) -> str:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Return the Python for rules with a container, which `workflow` uses or not, as `--sdm apptainer` says."""
    from snakemake.settings.types import DeploymentMethod  # type: ignore[import-untyped]

    used = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
    return IN_CONTAINER if used else sys.executable
