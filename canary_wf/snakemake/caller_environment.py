"""What the shell that runs Snakemake says of the variables that Snakemake sets anew for every rule.

Facts: `snakemake/shell.py` sets the numbers of threads to those of the rule, and the folders for temporary files to
the rule's resource `tmpdir`, by default what `tempfile.gettempdir` returns. The process that reads the Snakefile, here
or in a Slurm job, still has the caller's values, so it leaves them in variables of ours, which Snakemake hands on.
"""

import os
from collections.abc import Mapping, MutableMapping

from canary_wf.errors import WorkspaceError

CALLER = "CANARY_WF_CALLER"
"""The folder that Snakemake takes for temporary files; with ``_NAME`` behind it the caller's own value of NAME."""

THREADS = (
    *("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")


def note_caller(environment: MutableMapping[str, str] = os.environ) -> None:
    """Leave in `environment`, that of Snakemake, what the runners of its batches shall find in theirs.

    Raises WorkspaceError where no folder for temporary files can be written, which Snakemake can do nothing without.
    """
    import tempfile  # late, as runners need it not

    try:
        environment[CALLER] = tempfile.gettempdir()
    except OSError as error:
        told = "no folder for temporary files can be written"
        raise WorkspaceError(told, where="TMPDIR", hint="free some space, or set TMPDIR to another one") from error
    for name in (*THREADS, *TEMPORARY):
        environment.pop(f"{CALLER}_{name}", None)
        if name in environment:
            environment[f"{CALLER}_{name}"] = environment[name]


def callers_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` as the caller of Snakemake has it; one that Snakemake did not make stays as it is.

    A folder for temporary files that somebody chose for the rule, by its resource `tmpdir`, is kept. What Snakemake
    itself is configured by is not handed on: a Snakemake inside of a job would take it for its own.
    """
    found = {name: value for name, value in environment.items() if not name.startswith((CALLER, "SNAKEMAKE_"))}
    if CALLER not in environment:
        return found
    for name in (*THREADS, *TEMPORARY):
        if name in TEMPORARY and found.get(name) != environment[CALLER]:
            continue
        found.pop(name, None)
        if (own := environment.get(f"{CALLER}_{name}")) is not None:
            found[name] = own
    return found
