"""Pool, host-wide lease and scheduler, driven together by random steps beside a reference that is as simple as can be.

Several batches share the ids of one host. Their schedulers are the real ones with real pools, leases and journals;
only processes are not: the machine says which of them ends when, and how. After each step the reference, which counts
instead of handing out ids, has to have the same jobs running.
"""

import math
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, ClassVar
from unittest.mock import patch

from factories import plan_of, spec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis_profiles import examples

from canary_wf.hooks.dispatch import Hooks
from canary_wf.plan.store import slices, write_session
from canary_wf.process.out_of_memory import OomKills
from canary_wf.resources.leases.lease import HostLeases, LeaseGivenUpError
from canary_wf.resources.pool import ResourcePool
from canary_wf.run import scheduler as scheduling
from canary_wf.run.capacity import Capacity
from canary_wf.run.job import cleanup
from canary_wf.run.job.environment import base_environment
from canary_wf.run.retries import Retries
from canary_wf.run.run_context import Binding, RunContext
from canary_wf.run.scheduler import BatchScheduler
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.state.attempt import claim_batch
from canary_wf.state.events import AttemptStarted, JobStarted
from canary_wf.state.journal import read_journal
from canary_wf.state.recording import open_recorder
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

HOST = {"cpus": ["0", "1", "2", "3"], "gpus": ["0", "1"]}
RUNTIMES = [1.0, 2.0, 3.0]


class _Usage:
    ru_utime = ru_stime = 0.0
    ru_maxrss = 0


class _Monitor:
    """In the place of the process monitor: tells that it has nothing to do, and waits to be told who ended."""

    def __init__(self) -> None:
        self.idle: Queue[BaseException | None] = Queue()
        self.ended: Queue[list[int]] = Queue()
        self.signals: list[int] = []
        self.child_ended = False

    def watch(self, pid: int) -> None:
        """Know of `pid`; the machine knows of it already."""

    def wait(self, _timeout: float) -> list[int]:
        """Return who ended, once there is someone."""
        self.idle.put(None)
        return self.ended.get()


class _Orphans:
    """No process of a job that is none leaves anything behind."""

    unended: ClassVar[dict[int, str]] = {}

    def group_ended(self, _group: int, _job: str) -> None:
        """Forget it at once."""

    def has_any(self, _known: object) -> bool:
        """There are none."""
        return False

    def collect(self, _known: object) -> None:
        """There is nothing to collect."""

    def end_all(self, _known: object) -> int:
        """There is nothing to end."""
        return 0


class _Watchdog:
    pid = 0

    def started(self, group: int) -> None:
        """Know of `group`."""

    def ended(self, group: int) -> None:
        """Know of the end of `group`."""


class _Reference:
    """What should run, counting free slots: longest remaining path first, ties by id."""

    def __init__(self, jobs: list[PlannedJob], free: dict[str, int]) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.free = dict(free)
        self.running: set[str] = set()
        self.verdicts: dict[str, str] = {}
        path = {job.id: self._path(job) for job in jobs}
        self.order = sorted(self.jobs, key=lambda name: (-path[name], name))

    def _path(self, job: PlannedJob) -> float:
        behind = [other for other in self.jobs.values() if any(edge.job == job.id for edge in other.dependencies)]
        return job.runtime + max((self._path(other) for other in behind), default=0.0)

    def settle(self) -> None:
        """Block what cannot run any more and start what fits, until nothing changes."""
        changed = True
        while changed:
            changed = any(map(self._block, self.order)) or any(map(self._start, self.order))

    def _ready(self, name: str) -> bool:
        edges = self.jobs[name].dependencies
        return name not in self.verdicts and name not in self.running and all(e.job in self.verdicts for e in edges)

    def _block(self, name: str) -> bool:
        wanted = {"on_success": {"SUCCESS"}, "on_failure": {"FAILED"}}
        if not self._ready(name):
            return False
        if all(self.verdicts[edge.job] in wanted[edge.when] for edge in self.jobs[name].dependencies):
            return False
        self.verdicts[name] = "BLOCKED"
        return True

    def _start(self, name: str) -> bool:
        job = self.jobs[name]
        alone = bool(self.running) and (job.exclusive or any(self.jobs[other].exclusive for other in self.running))
        if not self._ready(name) or alone or job.cpus > self.free["cpus"] or job.gpus > self.free["gpus"]:
            return False
        self.running.add(name)
        self.free["cpus"] -= job.cpus
        self.free["gpus"] -= job.gpus
        return True

    def end(self, name: str, outcome: str) -> None:
        """Give the running job `name` its verdict."""
        self.running.remove(name)
        self.free["cpus"] += self.jobs[name].cpus
        self.free["gpus"] += self.jobs[name].gpus
        self.verdicts[name] = outcome


class _Batch:
    """One batch: the real scheduler in a thread that is always waiting when the machine looks."""

    def __init__(self, number: int, out: Path, jobs: list[JobSpec], lease: Any) -> None:  # noqa: ANN401 - a lease
        plan = plan_of(jobs, session=f"s{number}")
        runtimes = {job.id: RUNTIMES[place % len(RUNTIMES)] for place, job in enumerate(jobs)}
        (part,) = slices(plan)
        self.jobs = [_with_runtime(job, runtimes[job.id]) for job in part.jobs]
        self.paths: SessionPaths = write_session(plan, out)
        self.files = self.paths.batch(part.batch.id)
        self.lease = lease
        self.pool = ResourcePool({"resources": {kind: _slots(ids) for kind, ids in lease.ids.items()}})
        self.given: dict[str, dict[str, list[str]]] = {}
        self.job_of: dict[int, str] = {}
        self.codes: dict[int, int] = {}
        self.monitor = _Monitor()
        self.reference = _Reference(self.jobs, {kind: len(ids) for kind, ids in lease.ids.items()})
        attempt = claim_batch(self.files.attempt)
        recorder = open_recorder(self.paths, part.batch.id, self.jobs, ())
        recorder(AttemptStarted(time=1.0, token=attempt.token, host="h", pid=1))
        self.scheduler = BatchScheduler(
            self.jobs,
            {},
            {job.id: job.name for job in self.jobs},
            capacity=Capacity(self.pool, None, None),
            hooks=Hooks([recorder, self._note]),
            paths=self.paths,
            context=RunContext(
                environment=base_environment({"PATH": "/bin:/usr/bin"}),
                retries=Retries(part.retry, recorder.state.jobs),
                binding=Binding(everyone=False, ids_are_cpus=False, report=lambda _: None),
                oom_kills=OomKills(),
                tick=lambda: math.inf,
            ),
            attempt=attempt,
        )
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            self.scheduler.run(self.monitor, _Watchdog(), _Orphans())  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 - told to the machine, which fails with it
            failure = error
        self.thread_ended = True
        self.monitor.idle.put(failure)

    thread_ended = False

    def _note(self, event: object) -> None:
        if isinstance(event, JobStarted):
            self.given[event.job] = {kind: [i["id"] for i in items] for kind, items in event.resources.items()}

    def until_idle(self) -> None:
        """Wait until the scheduler has done all it can; raise what it raised."""
        failure = self.monitor.idle.get(timeout=60)
        if failure is not None:
            raise failure

    @property
    def running(self) -> set[str]:
        """The jobs whose processes run."""
        return set(self.job_of.values())


def _with_runtime(job: PlannedJob, runtime: float) -> PlannedJob:
    fields = {name: getattr(job, name) for name in job.__struct_fields__}
    return PlannedJob(**{**fields, "runtime": runtime})


def _slots(ids: list[str]) -> list[dict[str, Any]]:
    return [{"id": name, "slots": 1} for name in ids]


@st.composite
def _job_sets(draw: st.DrawFn) -> tuple[list[dict[str, Any]], int, int]:
    """Return the fields of up to eight jobs, and how many CPUs and GPUs their batch leases."""
    cpus, gpus = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    jobs = []
    for number in range(draw(st.integers(1, 8))):
        edges = [(other, draw(st.sampled_from(["on_success", "on_failure"]))) for other in range(number)]
        jobs.append(
            {
                "cpus": draw(st.integers(1, cpus)),
                "gpus": draw(st.integers(0, gpus)),
                "exclusive": draw(st.integers(0, 7)) == 0,
                "edges": [edge for edge in edges if draw(st.integers(0, 4)) == 0],
            }
        )
    return jobs, cpus, gpus


class Host(RuleBasedStateMachine):
    """A host on which batches come, wait for ids, run their jobs and go."""

    @initialize()
    def set_up(self) -> None:
        """Begin with an empty folder."""
        self.folder = tempfile.TemporaryDirectory(prefix="canary-wf-model-")
        self.out = Path(self.folder.name)
        self.leases = HostLeases(self.out / "leases")
        self.batches: list[_Batch] = []
        self.made = 0
        self.pids = 1 << 23  # no process has such a number

    @rule(drawn=_job_sets())
    def submit(self, drawn: tuple[list[dict[str, Any]], int, int]) -> None:
        """Start a batch if its ids are free; the reference says whether they are."""
        jobs, cpus, gpus = drawn
        free = {kind: len(ids) - sum(len(b.lease.ids[kind]) for b in self.batches) for kind, ids in HOST.items()}
        wanted = {"cpus": cpus, "gpus": gpus}
        told: list[str] = []
        try:
            lease = self.leases.acquire(wanted, HOST, on_wait=told.append, give_up=lambda: True)
        except LeaseGivenUpError:
            assert any(wanted[kind] > free[kind] for kind in wanted)
            assert told[0].startswith("waiting for ")
            return
        assert all(wanted[kind] <= free[kind] for kind in wanted)
        self.made += 1
        batch = _Batch(self.made, self.out, [_spec(place, job, self.made) for place, job in enumerate(jobs)], lease)
        self.batches.append(batch)
        with self._no_processes(batch):
            batch.thread.start()
            batch.until_idle()
        self._follow(batch)

    @precondition(lambda self: any(batch.job_of for batch in self.batches))
    @rule(data=st.data(), code=st.sampled_from([0, 0, 0, 1]))
    def end_a_job(self, data: st.DataObject, code: int) -> None:
        """Let one process end; what becomes ready starts, and no more."""
        batch = data.draw(st.sampled_from([batch for batch in self.batches if batch.job_of]))
        pid = data.draw(st.sampled_from(sorted(batch.job_of)))
        batch.reference.end(batch.job_of.pop(pid), "FAILED" if code else "SUCCESS")
        batch.codes[pid] = code << 8
        with self._no_processes(batch):
            batch.monitor.ended.put([pid])
            batch.until_idle()
        self._follow(batch)

    @contextmanager
    def _no_processes(self, batch: _Batch) -> Iterator[None]:
        """Let the scheduler start processes that are only numbers."""

        def launch(_argv: object, folder: str, *_: object) -> int:
            self.pids += 1
            batch.job_of[self.pids] = next(
                job.id for job in batch.jobs if folder == batch.paths.job_folder(job.directory)
            )
            return self.pids

        def reap(pid: int) -> Any:  # noqa: ANN401 - an Exit
            return scheduling_exit(batch.codes[pid])

        with (
            patch.object(scheduling, "launch", launch),
            patch.object(cleanup, "reap", reap),
            patch.object(scheduling, "signal_group", lambda *_: True),
            patch.object(cleanup, "signal_group", lambda *_: True),
        ):
            yield

    def _follow(self, batch: _Batch) -> None:
        """Compare with the reference, and end a batch that is through."""
        batch.reference.settle()
        assert batch.running == batch.reference.running
        verdicts = {job: status.outcome.name for job, status in batch.scheduler.verdicts.items()}
        assert verdicts == batch.reference.verdicts
        if batch.running:
            return
        assert batch.thread_ended
        assert not batch.scheduler.unplaced
        assert verdicts.keys() == {job.id for job in batch.jobs}
        kept = read_journal(batch.files.journal).jobs
        assert {job: record.status.outcome.name for job, record in kept.items()} == verdicts
        for kind, ids in batch.lease.ids.items():  # every slot came back
            if ids:
                batch.pool.checkin(batch.pool.checkout([{"type": kind, "slots": 1} for _ in ids]))
        batch.lease.release()
        self.batches.remove(batch)

    @invariant()
    def no_id_is_handed_out_twice(self) -> None:
        """Of all running jobs of all batches, no two have an id in common, and each has as many as it asked for."""
        batches = getattr(self, "batches", [])
        for kind in HOST:
            held = [name for b in batches for job in b.running for name in b.given[job].get(kind, [])]
            asked = [getattr(b.reference.jobs[job], kind) for b in batches for job in b.running]
            assert len(held) == len(set(held)) == sum(asked)
            leased = [name for batch in batches for name in batch.lease.ids[kind]]
            assert set(held) <= set(leased)
            assert len(leased) == len(set(leased))

    def teardown(self) -> None:
        """End all jobs, so that every batch has to come to its end; then every id is free."""
        if not hasattr(self, "batches"):
            return
        while self.batches:
            batch = self.batches[0]
            if not batch.job_of:
                return  # a step failed, and that is what has to be told
            pid = min(batch.job_of)
            batch.reference.end(batch.job_of.pop(pid), "SUCCESS")
            batch.codes[pid] = 0
            with self._no_processes(batch):
                batch.monitor.ended.put([pid])
                batch.until_idle()
            self._follow(batch)
        wanted = {kind: len(ids) for kind, ids in HOST.items()}
        self.leases.acquire(wanted, HOST, on_wait=lambda _: None, give_up=lambda: True).release()
        self.folder.cleanup()


def scheduling_exit(status: int) -> Any:  # noqa: ANN401 - an Exit
    """Return how a process ended that used nothing."""
    from canary_wf.process.process_watch import Exit

    return Exit(status, _Usage())  # type: ignore[arg-type]


def _spec(place: int, fields: dict[str, Any], batch: int) -> JobSpec:
    name = f"b{batch}j{place}"
    edges = tuple(DependencyEdge(spec(f"b{batch}j{other}").id, when) for other, when in fields["edges"])
    return spec(name, cpus=fields["cpus"], gpus=fields["gpus"], exclusive=fields["exclusive"], dependencies=edges)


TestHost = Host.TestCase
TestHost.settings = settings(max_examples=examples(25), stateful_step_count=30, deadline=None)


def test_the_reference_blocks_and_starts_as_the_words_say() -> None:
    """The reference is checked by hand once: the long path first, the blocked one never."""
    jobs = [_with_runtime(job, 1.0) for job in plan_of([spec("a"), spec("b", "a"), spec("c")]).jobs]
    reference = _Reference(jobs, {"cpus": 1, "gpus": 0})
    reference.settle()
    names = {job.id: job.name for job in jobs}
    assert {names[job] for job in reference.running} == {"a"}
    reference.end(jobs[0].id, Outcome.FAILED.name)
    reference.settle()
    assert {names[job] for job in reference.running} == {"c"}
    assert reference.verdicts[jobs[1].id] == "BLOCKED"
