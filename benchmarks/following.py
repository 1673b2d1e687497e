"""What the live view costs: CPU time of a look at a run in which nothing happened, and in which running jobs ended.

    PYTHONPATH=tests/support python benchmarks/following.py [--jobs N] [--batches N] [--rounds N]

Half of the batches are done and a tenth of them run, with eight jobs at a time. The journals are written as runners
write them, without a run. The times are medians of the rounds.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from factories import plan_of, spec

from canary_wf.files.json_files import encode, write_json
from canary_wf.plan.store import write_session
from canary_wf.process.process_identity import host_id, set_mark, start_ticks
from canary_wf.report.live.run_reader import BatchReader
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.state.attempt import AttemptFile
from canary_wf.state.events import AttemptEnded, AttemptStarted, Event, JobFinished, JobLaunched, JobStarted
from canary_wf.state.session_paths import SessionPaths

AT_ONCE = 8
BEGAN = time.time() - 600.0


def main() -> None:
    """Write a session and print what looks at it take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = _record(Path(name), options.batches, options.jobs // options.batches)
        _look(paths, options.rounds)


def _record(out: Path, batches: int, size: int) -> SessionPaths:
    plan = plan_of(*([spec(f"group{batch}/job.n={number}") for number in range(size)] for batch in range(batches)))
    paths = write_session(plan, out)
    set_mark("t", Path())
    done, begun = batches // 2, batches // 2 + max(1, batches // 10)
    for number, batch in enumerate(plan.batches[:begun]):
        ended = batch.jobs if number < done else batch.jobs[: size // 2]
        now = () if number < done else batch.jobs[size // 2 : size // 2 + AT_ONCE]
        _write(paths, batch, [event for job in ended for event in _run(job)], [_start(job) for job in now])
    return paths


def _write(paths: SessionPaths, batch: PlannedBatch, ended: list[Event], now: list[Event]) -> None:
    files = paths.batch(batch.id)
    files.folder.mkdir(parents=True)
    ending = [] if now else [AttemptEnded(time=BEGAN + 9, token="t", reason="complete")]  # noqa: S106 - no secret
    events = [AttemptStarted(time=BEGAN, token="t", host=host_id(), pid=1), *ended, *now, *ending]  # noqa: S106
    files.journal.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    if not now:
        write_json(files.result, {"session": paths.session})
    ticks = start_ticks(os.getpid()) if now else 1
    write_json(files.attempt, AttemptFile(host_id(), os.getpid(), ticks, token="t", ended=not now))  # noqa: S106


def _run(job: str) -> list[Event]:
    return [_start(job), JobLaunched(time=BEGAN, job=job, pid=1, started_ticks=1), _end(job)]


def _start(job: str) -> Event:
    return JobStarted(time=BEGAN, job=job, resources={"cpus": [{"id": "0", "slots": 1}]})


def _end(job: str) -> Event:
    measured = {"duration": 2.0, "cpu_user": 1.0, "cpu_system": 0.1, "max_rss": 40.0}
    return JobFinished(time=BEGAN + 2, job=job, outcome="SUCCESS", code=0, measurements=measured)


def _look(paths: SessionPaths, rounds: int) -> None:
    snapshots = Snapshots(paths)
    print(f"{'the first look':36} {_seconds(snapshots):8.3f} s")
    print(f"{'a look when nothing happened':36} {statistics.median(_seconds(snapshots) for _ in range(rounds)):8.3f} s")
    times = []
    for _ in range(rounds):
        for batch in snapshots.run.batches:
            _go_on(batch)
        times.append(_seconds(snapshots))
    print(f"{'a look when all running jobs ended':36} {statistics.median(times):8.3f} s")
    print(
        f"{'memory':36} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:8d} MiB, with what wrote the session"
    )


def _go_on(batch: BatchReader) -> None:
    """Let the running jobs of `batch` end and others start."""
    if batch.is_done or not batch.alive:
        return
    first = next(number for number, job in enumerate(batch.batch.jobs) if batch.records[job].finished is None)
    jobs = batch.batch.jobs[first : first + 2 * AT_ONCE]
    events = [*map(_end, jobs[:AT_ONCE]), *map(_start, jobs[AT_ONCE:])]
    with batch.files.journal.open("ab") as file:
        file.write(b"".join(encode(event) + b"\n" for event in events))


def _seconds(snapshots: Snapshots) -> float:
    before = time.process_time()
    snapshots.take()
    return time.process_time() - before


if __name__ == "__main__":
    main()
