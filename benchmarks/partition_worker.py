"""Partitions the jobs it is sent, with this package or with canary-wm: the measured process of `partition.py`.

    PYTHON partition_worker.py wf|canary < request.json

The request is ``{"node", "jobs", "layout", "duration" | "count", "rounds"}``, the answer ``{"batches": [[ids]],
"seconds" (CPU, median of the rounds), "mib" (peak)}`` or ``{"error"}``. Only the call of the partitioner is timed. For
canary-wm the tasks are made as canary's own batching makes them from jobs.
"""

import json
import math
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Batches = list[list[str]]


def ours(request: dict[str, Any]) -> Callable[[], Batches]:
    """Return the call of this package's partitioner."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from partition_sets import problem_of

    from canary_wf.batch.partition import partition
    from canary_wf.batch.specification import BatchSpecification

    target = f"duration:{request['duration']}" if request["duration"] else f"count:{request['count']}"
    spec = BatchSpecification.parse(f"layout:{request['layout']},{target}")
    problem = problem_of(request["jobs"])
    return lambda: [[problem.ids[task] for task in batch.tasks] for batch in partition(problem, spec)]


def peers(request: dict[str, Any]) -> Callable[[], Batches]:
    """Return the call of canary-wm's partitioner; there is none for atomic with a duration."""
    from _canary.util import schedulepack as peer

    if request["layout"] == "atomic" and request["duration"]:
        raise ValueError("no such mode")
    jobs, node = request["jobs"], request["node"]
    width = node["cpus"]
    work = sum(job["cpus"] * job["runtime"] for job in jobs)
    scale = max(work / width, *(job["runtime"] for job in jobs))
    tasks = []
    for job in jobs:
        amounts = [peer.ResourceAmount(kind, job[kind]) for kind in node if job[kind]]
        tasks.append(
            peer.ScheduleTask(
                job["id"],
                job["cpus"],
                job["runtime"],
                tuple(job["deps"]),
                priority=math.hypot(job["cpus"] / width, job["runtime"] / scale),
                demands=(peer.NodeDemand(tuple(amounts), exclusive=job["exclusive"]),),
            )
        )
    common = {"width": width, "resource_capacity": node, "node_count": 1}
    if request["duration"]:
        packed = lambda: peer.pack_to_height_simulated(tasks, height=request["duration"], **common)  # noqa: E731
    elif request["layout"] == "atomic":
        packed = lambda: peer.pack_by_count_atomic_simulated(tasks, count=request["count"], **common)  # noqa: E731
    else:
        packed = lambda: peer.pack_by_count_simulated(tasks, count=request["count"], **common)  # noqa: E731
    return lambda: [batch.ids for batch in packed()]


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    try:
        call = (ours if sys.argv[1] == "wf" else peers)(request)
        seconds, batches = [], []
        for _ in range(request["rounds"]):
            started = time.process_time()
            batches = call()
            seconds.append(time.process_time() - started)
    except ValueError as error:
        json.dump({"error": str(error)}, sys.stdout)
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump({"batches": batches, "seconds": statistics.median(seconds), "mib": peak}, sys.stdout)


if __name__ == "__main__":
    main()
