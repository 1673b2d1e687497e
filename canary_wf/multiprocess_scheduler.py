"""The multiprocess scheduler in the form of e3-testsuite's: units of work over a graph, dispatched to processes.

A thin façade over `canary_wf.api.scheduler`. `Worker.poll` returns True while the process runs, and `no_free_item` is
True while all waiting work depends on work that has not completed.
"""

from canary_wf.api.scheduler.dag import DAG, DAGError, DAGIterator
from canary_wf.api.scheduler.multiprocess import MultiprocessScheduler, logger
from canary_wf.api.scheduler.worker import (
    CollectResultCallback,
    JobFactoryCallback,
    SomeWorker,
    WorkData,
    Worker,
    compute_next_dyn_poll,
)
from canary_wf.process.ending import RunningProcess

__all__ = [
    "DAG",
    "CollectResultCallback",
    "DAGError",
    "DAGIterator",
    "JobFactoryCallback",
    "MultiprocessScheduler",
    "RunningProcess",
    "SomeWorker",
    "WorkData",
    "Worker",
    "compute_next_dyn_poll",
    "logger",
]
