"""The folder of packages for users' test scripts: the small `canary` (and `canary_pyt`) that they import.

The launcher puts `RUNTIME` on the PYTHONPATH of each job; discovery puts it on the path of its reader. The packages are
self-contained: they do not import canary-wf, and ``import canary`` by itself imports nothing.
"""

from pathlib import Path

RUNTIME = Path(__file__).resolve().parent
"""The folder to put on a job's PYTHONPATH."""

JOB_VARIABLE = "CANARY_WF_JOB"
"""The environment variable with the path of a job's `job.json`; the default is the one in the current folder."""
