"""What the rules of a generated workflow ask for as Snakemake reads them: the Python to call, what the site wants.

The profiles carry it as defaults, which can be edited there. One ``--default-resources`` on the command line replaces
all of a profile's, and a larger workflow has a profile of its own; the rules ask for what is missing then.
"""

import sys
from typing import Any

IN_CONTAINER = "python3"
"""How Python is called in an image, in which canary-wf must be installed."""


def python_for(workflow: Any) -> str:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Return the Python for rules with a container, which `workflow` uses or not, as `--sdm apptainer` says."""
    from snakemake.settings.types import DeploymentMethod  # type: ignore[import-untyped]

    used = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
    return IN_CONTAINER if used else sys.executable


def site_resources(workflow: Any, **wanted: str) -> dict[str, str]:  # noqa: ANN401 - Snakemake's, which has no public type
    """Return those of the `wanted` resources that no default of `workflow` says."""
    said = workflow.resource_settings.default_resources or ()
    return {name: value for name, value in wanted.items() if name not in said}


def slurms_memory(workflow: Any) -> dict[str, int]:  # noqa: ANN401 - see above
    """Return what makes a batch ask for no memory where only Snakemake would ask for some: Slurm's default holds then.

    With ``--default-resources`` Snakemake asks for 1 to 8 GB, by a formula that it does not write on command lines.
    """
    said = workflow.resource_settings.default_resources
    if said is None or "mem_mb" not in said or any(word.startswith("mem_mb=") for word in said.args):
        return {}
    return {"mem_mb": 0}
