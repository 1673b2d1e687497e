"""Jobs and batches that several threads hold, as programs around `MultiprocessScheduler` do."""

import copy
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from factories import spec

from canary_wf.api.job.execution_space import ExecutionSpace
from canary_wf.batchspec import BatchSpec, TestBatch
from canary_wf.errors import CanaryWfError
from canary_wf.job import Job, ProcessLauncher, load_job_from_file

SECONDS = 0.4
THREADS = 8


def _job(folder: Path, name: str = "a", command: tuple[str, ...] = ("true",)) -> Job:
    job = Job(spec(name, command=command), ExecutionSpace(folder, Path(name)))
    job.launcher = ProcessLauncher()
    return job


def _together(*actions: Callable[[], object]) -> None:
    """Repeat each action in threads of its own for a moment, at least once; an exception in any of them is raised."""
    end = time.monotonic() + SECONDS

    def repeat(action: Callable[[], object]) -> None:
        action()
        while time.monotonic() < end:
            action()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(repeat, actions))


def test_one_job_in_many_threads(tmp_path: Path) -> None:
    """What one thread changes while another stores it is stored before or after, never half."""
    job = _job(tmp_path)
    numbers = iter(range(10**9))
    _together(
        lambda: job.add_measurement(f"m{next(numbers) % 500}", 1),
        lambda: job.set_attribute(f"a{next(numbers) % 500}", [1]),
        lambda: job.add_variables(**{f"v{next(numbers) % 500}": "x"}),
        lambda: job.measurements.reset() if next(numbers) % 100 == 0 else None,
        job.save,
        job.save,
        job.getstate,
        job.refresh,
    )
    assert load_job_from_file(job.workspace.dir).id == job.id


def test_one_file_by_many_jobs(tmp_path: Path) -> None:
    """Threads with objects of their own for one job do not write into each other's files."""
    jobs = [_job(tmp_path) for _ in range(THREADS)]
    _together(*(job.save for job in jobs))
    assert load_job_from_file(jobs[0].workspace.dir).id == jobs[0].id
    assert [path.name for path in jobs[0].workspace.dir.iterdir()] == ["job.json"]


def test_a_batch_in_many_threads(tmp_path: Path) -> None:
    """A batch and its jobs can be stored, refreshed and judged at once."""
    jobs = [_job(tmp_path, name) for name in "abc"]
    batch = TestBatch(BatchSpec("flat", jobs), ExecutionSpace(tmp_path, Path("batch")))
    _together(
        batch.save,
        batch.getstate,
        batch.refresh,
        lambda: batch.set_status(outcome="FAILED"),
        lambda: batch.add_measurement("x", 1),
        lambda: jobs[0].set_status(outcome="SUCCESS"),
        lambda: batch.setstate(batch.getstate()),
        batch.refresh_readiness,
    )
    assert TestBatch.loadconfig(str(batch.workspace.dir))["id"] == batch.id


def test_resources_are_given_back_once(tmp_path: Path) -> None:
    """Of threads that free what a job holds, one gets it."""
    job = _job(tmp_path)
    for _ in range(200):
        job.assign_resources({"cpus": [{"id": "0", "slots": 1}]})
        with ThreadPoolExecutor(4) as pool:
            freed = list(pool.map(lambda _: job.free_resources(), range(4)))
        assert sum(map(bool, freed)) == 1


def test_a_job_runs_once_at_a_time(tmp_path: Path) -> None:
    """A second thread, and a second process, are refused while one runs it; so are references from it."""
    job = _job(
        tmp_path, command=("sh", "-c", f"touch {tmp_path}/began; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done")
    )
    job.setup()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(job.run)
        while not (tmp_path / "began").exists():
            time.sleep(0.005)
        with pytest.raises(CanaryWfError, match="job a: is being run by another thread"):
            job.run()
        with pytest.raises(CanaryWfError, match="job a: is running, so its results are not complete"):
            job.do_baseline()
        other = load_job_from_file(job.workspace.dir)
        with pytest.raises(CanaryWfError, match="is running, so"):
            other.do_baseline()
        code = (
            "import sys; from pathlib import Path; from canary_wf.job import load_job_from_file\n"
            "from canary_wf.job import ProcessLauncher\n"
            "job = load_job_from_file(Path(sys.argv[1])); job.launcher = ProcessLauncher(); job.run()"
        )
        command = [sys.executable, "-c", code, str(job.workspace.dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "job a: is being run by process" in done.stderr
        (tmp_path / "go").touch()
        first.result()
    assert job.status.outcome.name == "SUCCESS"
    job.run()


def test_copies_have_locks_of_their_own(tmp_path: Path) -> None:
    """A job can be copied and sent to another process, also by a thread that holds it."""
    job = _job(tmp_path)
    for other in (copy.deepcopy(job), copy.copy(job), pickle.loads(pickle.dumps(job))):  # noqa: S301 - our own
        other.setstate(job.getstate())
        other.save()
        assert other._lock is not job._lock
