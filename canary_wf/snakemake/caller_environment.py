"""The caller's values of variables that Snakemake overwrites for every rule.

Source: `snakemake/shell.py` sets the variables for numbers of threads to the rule's threads, and those for temporary
files to the rule's resource `tmpdir`, by default the result of `tempfile.gettempdir`. The process that reads the
Snakefile, here or in a Slurm job, still has the caller's values. It copies them to variables that Snakemake passes on.
"""

import os
from collections.abc import Mapping, MutableMapping

from canary_wf.errors import WorkspaceError

CALLER = "CANARY_WF_CALLER"
"""The folder that Snakemake uses for temporary files; with the suffix ``_NAME``, the caller's own value of NAME."""

RUN = "CANARY_WF_RUN"
"""The token of the `canary-wf run` that started Snakemake."""

THREADS = (
    *("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")


def note_caller(environment: MutableMapping[str, str] = os.environ) -> None:
    """Copy the caller's values in `environment`, Snakemake's own, to variables that runners of batches will read.

    Raises WorkspaceError if no folder for temporary files is writable, without which Snakemake can do nothing.
    """
    import tempfile  # late, as runners do not need it

    try:
        environment[CALLER] = tempfile.gettempdir()
    except OSError as error:
        what = "no folder for temporary files can be written"
        raise WorkspaceError(what, where="TMPDIR", hint="free some space, or set TMPDIR to another one") from error
    for name in (*THREADS, *TEMPORARY):
        environment.pop(f"{CALLER}_{name}", None)
        if name in environment:
            environment[f"{CALLER}_{name}"] = environment[name]


def callers_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with the caller's values restored; an environment not made by Snakemake stays as it is.

    A folder for temporary files that the rule's resource `tmpdir` names is kept. Snakemake's own settings are removed:
    a Snakemake inside a job would read them as its own.
    """
    found = {name: value for name, value in environment.items() if not name.startswith((CALLER, RUN, "SNAKEMAKE_"))}
    if CALLER not in environment:
        return found
    for name in (*THREADS, *TEMPORARY):
        if name in TEMPORARY and found.get(name) != environment[CALLER]:
            continue
        found.pop(name, None)
        if (own := environment.get(f"{CALLER}_{name}")) is not None:
            found[name] = own
    return found
