"""The folder that other people's test scripts see: it holds the small `canary` (and `canary_pyt`) they import.

The launcher puts `RUNTIME` on the PYTHONPATH of each job, discovery on the path of its reader. The modules in it
stand alone: nothing of canary-wf is imported there, and nothing at all when a script says ``import canary``.
"""

from pathlib import Path

RUNTIME = Path(__file__).resolve().parent
"""The folder to put on a job's PYTHONPATH."""

JOB_VARIABLE = "CANARY_WF_JOB"
"""The environment variable that tells a job where its `job.json` is; without it, the current folder's is taken."""
