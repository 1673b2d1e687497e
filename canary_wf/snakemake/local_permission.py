"""Whether a plan for cluster nodes may run on a machine that is not one of them."""

from collections.abc import Mapping

from canary_wf.errors import CanaryWfError

ALLOW_LOCAL = "CANARY_WF_ALLOW_LOCAL"
"""Set to 1, this variable says that batches planned for cluster nodes shall run on this machine."""

REMEDY = (
    "run snakemake --profile slurm, or plan for this machine with canary-wf generate -b scheduler=local"
    f" ({ALLOW_LOCAL}=1 runs it here all the same)"
)


def is_allowed_here(environment: Mapping[str, str]) -> bool:
    """Return whether `environment` says so."""
    return environment.get(ALLOW_LOCAL, "") not in {"", "0"}


def require_permission(where: str, environment: Mapping[str, str]) -> None:
    """Raise CanaryWfError for `where`, which was planned for cluster nodes, unless `environment` allows it here."""
    if not is_allowed_here(environment):
        what = "was planned for Slurm nodes, and this machine is not one of them"
        raise CanaryWfError(what, where=where, hint=REMEDY)
