"""Snakemake's executor for Slurm with a pause between status queries that does not grow: for tests only.

The plug-in that it changes has no types.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from snakemake_executor_plugin_slurm import Executor as _Executor  # type: ignore[import-untyped]
from snakemake_executor_plugin_slurm import ExecutorSettings, common_settings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


class Executor(_Executor):  # type: ignore[misc]
    """Looks after its jobs as often as `seconds-between-status-checks` says."""

    async def check_active_jobs(self, active_jobs: Sequence[Any]) -> AsyncIterator[Any]:
        """Do as the executor does, and forget how long it wants to wait."""
        async for job in super().check_active_jobs(active_jobs):
            yield job
        self.next_seconds_between_status_checks = self.workflow.remote_execution_settings.seconds_between_status_checks
