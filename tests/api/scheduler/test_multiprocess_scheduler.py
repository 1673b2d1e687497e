"""The scheduler with e3-testsuite's interface, on real processes."""

import itertools
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_jobs import assert_gone

from canary_wf.api.scheduler import multiprocess
from canary_wf.errors import InputError
from canary_wf.multiprocess_scheduler import (
    DAG,
    DAGError,
    DAGIterator,
    MultiprocessScheduler,
    Worker,
    compute_next_dyn_poll,
    logger,
)
from canary_wf.process import ending
from canary_wf.resources.pool import ResourcePool, ResourceUnavailable

PACKAGE = str(Path(multiprocess.__file__).parents[2])


class Command(Worker):
    """A worker whose process is a command."""

    def __init__(self, uid: str, data: list[str], slot: int) -> None:
        super().__init__(uid, None, "run", slot, None)
        self.data = data

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the command in a session of its own."""
        return subprocess.Popen(self.data, start_new_session=True)


def graph(edges: dict[str, list[str]], command: Callable[[str], list[str]] | None = None) -> DAG[list[str]]:
    """Return a graph of units that run ``true``, or what `command` says."""
    dag: DAG[list[str]] = DAG()
    for uid, before in edges.items():
        dag.add_vertex(uid, command(uid) if command else ["true"], before)
    return dag


def run(dag: DAG[list[str]], jobs: int = 2, **options: Any) -> tuple[list[str], "MultiprocessScheduler[Any, Any]"]:  # noqa: ANN401
    """Run `dag`; return what happened as ``+uid`` and ``-uid``, and the scheduler."""
    log: list[str] = []

    def factory(uid: str, data: list[str], slot: int) -> Command:
        log.append(f"+{uid}")
        return Command(uid, data, slot)

    scheduler = MultiprocessScheduler(dag, factory, lambda worker: log.append(f"-{worker.uid}"), jobs, **options)
    scheduler.run()
    return log, scheduler


def test_a_chain_runs_in_order() -> None:
    """Each unit begins when the one before it has ended."""
    log, scheduler = run(graph({"a": [], "b": ["a"], "c": ["b"]}))
    assert log == ["+a", "-a", "+b", "-b", "+c", "-c"]
    assert (scheduler.active_workers, scheduler.no_work_left, scheduler.workers) == (0, True, [None, None])


def test_a_failure_does_not_block_what_follows() -> None:
    """The scheduler does not judge exit codes."""
    log, _ = run(graph({"a": [], "b": ["a"]}, lambda uid: ["false"] if uid == "a" else ["true"]))
    assert log == ["+a", "-a", "+b", "-b"]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_no_more_at_once_than_jobs(jobs: int) -> None:
    """Slots bound what runs, and are all used."""
    log, _ = run(graph({name: [] for name in "abcdef"}, lambda _: ["sleep", "0.05"]), jobs)
    running = most = 0
    for entry in log:
        running += 1 if entry[0] == "+" else -1
        most = max(most, running)
    assert most == jobs


def test_the_longest_path_goes_first() -> None:
    """With run times known, the unit with most behind it begins first."""
    runtimes = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 9.0}
    log, _ = run(graph({"a": [], "b": [], "c": [], "d": ["c"]}), 1, runtime=lambda uid, _: runtimes[uid])
    assert [entry for entry in log if entry[0] == "+"] == ["+c", "+d", "+a", "+b"]


def test_resources_and_exclusive_units_are_respected() -> None:
    """A unit starts when the pool has what it asks for, and an exclusive one alone; ids come back in the end."""
    pool = ResourcePool()
    pool.populate(cpus=2)
    log, scheduler = run(
        graph({name: [] for name in "abcd"}, lambda _: ["sleep", "0.05"]),
        4,
        pool=pool,
        request=lambda uid, _: [{"type": "cpus", "slots": 1}] * (2 if uid == "a" else 1),
        exclusive=lambda uid, _: uid == "d",
    )
    assert log[:2] == ["+a", "-a"]
    assert log[-2:] == ["+d", "-d"]
    assert scheduler.allocations == {}
    assert [entry["slots"] for entry in pool.resources["cpus"]] == [1, 1]


def test_a_request_that_can_never_be_met_is_refused() -> None:
    """Nobody waits for ever."""
    pool = ResourcePool()
    pool.populate(cpus=1)
    with pytest.raises(ResourceUnavailable, match="can never run"):
        run(graph({"a": []}), pool=pool, request=lambda *_: [{"type": "cpus", "slots": 2}])


def test_a_unit_over_its_time_is_ended() -> None:
    """The limit is seconds; the result is collected as usual."""
    before = time.monotonic()
    log, _ = run(graph({"a": []}, lambda _: ["sleep", "60"]), timeout=lambda *_: 0.2)
    assert log == ["+a", "-a"]
    assert time.monotonic() - before < 20


def _alive(processes: list["subprocess.Popen[bytes]"]) -> list[int]:
    return [process.pid for process in processes if process.poll() is None]


@pytest.mark.parametrize("culprit", ["factory", "command", "collector", "interrupt"])
def test_whatever_goes_wrong_no_process_and_no_slot_is_left(culprit: str) -> None:
    """A failing factory, a missing command, a failing collector and Ctrl-C all end what runs and are raised."""
    started: list[subprocess.Popen[bytes]] = []

    class Watched(Command):
        """A worker that notes its process."""

        def start(self) -> "subprocess.Popen[bytes]":
            """Start the command."""
            if culprit == "command" and self.uid == "z":
                return subprocess.Popen(["no-such-command-anywhere"])
            process = super().start()
            started.append(process)
            return process

    def factory(uid: str, data: list[str], slot: int) -> Watched:
        if culprit == "factory" and uid == "z":
            raise RuntimeError("factory")
        return Watched(uid, data, slot)

    def collect(worker: Worker) -> None:
        if culprit == "interrupt":
            raise KeyboardInterrupt
        if culprit == "collector":
            raise RuntimeError("collector")
        del worker

    dag = graph({"a": [], "b": [], "z": ["b"]}, lambda uid: ["sleep", "60"] if uid == "a" else ["true"])
    scheduler = MultiprocessScheduler(dag, factory, collect, 2)
    with pytest.raises((RuntimeError, FileNotFoundError, KeyboardInterrupt)):
        scheduler.run()
    assert _alive(started) == []
    assert scheduler.active_workers == 0
    assert scheduler.workers == [None, None]


def test_a_cycle_is_refused_and_named() -> None:
    """Before anything runs."""
    with pytest.raises(DAGError, match="a → b → c → a"):
        MultiprocessScheduler(graph({"a": ["c"], "b": ["a"], "c": ["b"]}), Command, print)


def test_a_missing_predecessor_is_refused_and_named() -> None:
    """An edge to nowhere is a slip."""
    with pytest.raises(DAGError, match="'nope', which is not in the graph"):
        graph({"a": ["nope"]}).check()


def test_the_iterator_waits_for_busy_vertices() -> None:
    """Nothing is handed out while all that is left waits; the end comes when everything was handed out."""
    dag: DAG[str] = DAG()
    dag.add_vertex("a", "a-data")
    dag.add_vertex("b", "b-data", ["a"])
    walk = DAGIterator(dag)
    assert next(walk) == ("a", "a-data")
    assert next(walk) == (None, None)
    walk.leave("a")
    assert next(walk) == ("b", "b-data")
    with pytest.raises(StopIteration):
        next(walk)
    walk.leave("b")
    with pytest.raises(DAGError, match="was not handed out"):
        walk.leave("b")


def test_processes_that_cannot_be_watched_are_polled() -> None:
    """The documented polling is the fallback; its interval adapts."""

    class Fake:
        """A process without a process id of its own."""

        pid = 2**22 + 1

        def __init__(self) -> None:
            self.polls = 0

        def poll(self) -> int | None:
            """End after a few polls."""
            self.polls += 1
            return None if self.polls < 5 else 0

        def wait(self, timeout: float | None = None) -> int:
            """Return at once."""
            del timeout
            return 0

        def terminate(self) -> None:
            """Do nothing."""

        kill = terminate

    class Polled(Worker):
        """A worker around it."""

        def start(self) -> Fake:
            """Return the fake."""
            return Fake()

    dag: DAG[int] = DAG()
    dag.add_vertex("a", 1)
    collected: list[str] = []
    scheduler = MultiprocessScheduler(
        dag, lambda uid, _, slot: Polled(uid, None, "x", slot, None), lambda worker: collected.append(worker.uid), 1
    )
    scheduler.run()
    assert collected == ["a"]
    assert scheduler.poll_interval < 0.1


@pytest.mark.parametrize(
    ("counter", "interval", "expected"),
    [(1, 0.1, 0.075), (9, 0.1, 0.125), (9, 1.0, 0.75), (1, 0.0001, 0.0001), (9, 0.00005, 0.0000625), (100, 0.9, 1.125)],
)
def test_the_polling_interval_adapts_as_documented(counter: int, interval: float, expected: float) -> None:
    """Faster after results, slower without."""
    assert compute_next_dyn_poll(counter, interval) == pytest.approx(expected)


class TheirGraph:
    """A graph as e3-core's are: iterated over as pairs, with its data and predecessors to be asked for."""

    def __init__(self, edges: dict[str, set[str]]) -> None:
        self.edges = edges
        self.vertex_data = {uid: ["true"] for uid in edges}

    def get_predecessors(self, uid: str) -> frozenset[str]:
        """Return what comes before `uid`."""
        return frozenset(self.edges[uid])

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        return iter(self.vertex_data.items())


class LikeOurs:
    """A graph that offers what ours does, without being one."""

    def __init__(self, edges: dict[str, set[str]]) -> None:
        self.edges = edges

    def __iter__(self) -> Iterator[str]:
        return iter(self.edges)

    def __getitem__(self, uid: str) -> list[str]:
        return ["true"]

    def predecessors(self, uid: str) -> list[str]:
        """Return what comes before `uid`."""
        return sorted(self.edges[uid])


@pytest.mark.parametrize("kind", [TheirGraph, LikeOurs])
def test_graphs_of_others_are_taken(kind: Any) -> None:  # noqa: ANN401 - a class
    """What a graph offers counts, not its class; a cycle is found in it too."""
    dag = kind({"c": {"a", "b"}, "a": set(), "b": {"a"}})
    log, scheduler = run(dag)
    assert log == ["+a", "-a", "+b", "-b", "+c", "-c"]
    assert scheduler.dag is dag
    with pytest.raises(DAGError, match="depends on itself"):
        run(kind({"a": {"b"}, "b": {"a"}}))


@pytest.mark.parametrize("graph_of_none", [None, {"a": []}, ["a"], "a", object()])
def test_what_is_no_graph_is_refused(graph_of_none: object) -> None:
    """The error says what was given and what is taken."""
    with pytest.raises(DAGError, match=r"dag: \w+ is not a graph of work; use canary_wf"):
        MultiprocessScheduler(graph_of_none, Command, lambda _: None)  # type: ignore[arg-type]


def test_a_loop_that_leaves_nothing_ends() -> None:
    """A list of the iterator, which nobody leaves a vertex of, would otherwise never be complete."""
    with pytest.raises(DAGError, match="vertex a: is waited for in a loop that does not leave it"):
        list(DAGIterator(graph({"a": [], "b": ["a"]})))
    assert len(list(DAGIterator(graph({"a": [], "b": []})))) == 2


def test_a_loop_may_poll() -> None:
    """One that asks again and again until a vertex is left gets the next."""
    walk = DAGIterator(graph({"a": [], "b": ["a"]}))
    seen: list[str | None] = []
    for uid, _ in walk:
        seen.append(uid)
        if seen.count(None) == 900 and "b" not in seen:
            walk.leave("a")
    assert [uid for uid in seen if uid] == ["a", "b"]


class Status:
    """The running status of a testsuite."""

    def __init__(self) -> None:
        self.aborted_too_many_failures = False


def test_a_running_status_in_fourth_place_ends_the_run() -> None:
    """As newer releases of e3-testsuite call it: nothing more is begun once there were too many failures."""
    status = Status()
    done: list[str] = []

    def collect(worker: Command) -> None:
        done.append(worker.uid)
        status.aborted_too_many_failures = len(done) == 2

    dag = graph({name: [] for name in "abcd"})
    theirs: Any = MultiprocessScheduler
    scheduler = theirs(dag, Command, collect, status, jobs=1)
    scheduler.run()
    assert (done, scheduler.parallelism, scheduler.running_status) == (["a", "b"], 1, status)
    assert MultiprocessScheduler(dag, Command, collect, 3, False).parallelism == 3


@given(st.lists(st.integers(0, 11), min_size=1, max_size=12))
def test_any_acyclic_graph_is_walked_in_an_order_that_respects_it(seeds: list[int]) -> None:
    """Every vertex comes once, after all before it."""
    dag: DAG[None] = DAG()
    for number, seed in enumerate(seeds):
        dag.add_vertex(str(number), None, [str(before) for before in range(number) if seed >> (before % 4) & 1])
    seen: list[str] = []
    walk = DAGIterator(dag)
    for uid, _ in walk:
        assert uid is not None
        assert set(dag.predecessors(uid)) <= set(seen)
        seen.append(uid)
        walk.leave(uid)
    assert sorted(seen) == sorted(dag)


def test_slots_are_the_workers_places() -> None:
    """self.workers[N].slot == N for all present workers."""
    places: list[bool] = []

    class Looking(Command):
        """A worker that compares."""

        def poll(self, scheduler: MultiprocessScheduler[Any, Any]) -> bool:
            """Note whether the places agree."""
            places.extend(worker is None or worker.slot == slot for slot, worker in enumerate(scheduler.workers))
            return super().poll(scheduler)

    MultiprocessScheduler(graph({name: [] for name in "abcd"}), Looking, lambda _: None, 3).run()
    assert places
    assert all(places)


@pytest.mark.parametrize("culprit", ["factory", "command", "collector"])
def test_whatever_goes_wrong_no_id_of_a_pool_is_lost(culprit: str) -> None:
    """What the failing unit and those beside it had checked out is back."""
    pool = ResourcePool()
    pool.populate(cpus=3)

    def factory(uid: str, data: list[str], slot: int) -> Command:
        if culprit == "factory" and uid == "z":
            raise RuntimeError("factory")
        return Command(uid, ["no-such-command-anywhere"] if (culprit, uid) == ("command", "z") else data, slot)

    def collect(worker: Worker) -> None:
        if culprit == "collector":
            raise RuntimeError(worker.uid)

    dag = graph({"a": [], "b": [], "z": ["b"]}, lambda uid: ["sleep", "60"] if uid == "a" else ["true"])
    scheduler = MultiprocessScheduler(dag, factory, collect, 3, pool=pool, request=lambda *_: ONE_CPU)
    with pytest.raises((RuntimeError, FileNotFoundError)):
        scheduler.run()
    assert [entry["slots"] for entry in pool.resources["cpus"]] == [1, 1, 1]
    assert scheduler.allocations == {}


ONE_CPU = [{"type": "cpus", "slots": 1}]

INTERRUPTED = """
import os, signal, subprocess, sys, threading, time
from canary_wf.multiprocess_scheduler import DAG, MultiprocessScheduler, Worker

class Command(Worker):
    def start(self):
        process = subprocess.Popen(["sleep", "60"], start_new_session=True)
        print(process.pid, flush=True)
        return process

dag = DAG()
for name in "ab":
    dag.add_vertex(name, None)
scheduler = MultiprocessScheduler(dag, lambda uid, _, slot: Command(uid, None, "x", slot, None), print, 2)
try:
    scheduler.run()
except KeyboardInterrupt:
    print("interrupted", scheduler.active_workers, scheduler.workers)
"""


def test_a_real_ctrl_c_while_it_sleeps_ends_what_runs() -> None:
    """SIGINT comes in the middle of waiting."""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(process.stdout.readline()) for _ in range(2)]
    time.sleep(0.2)  # into the wait; if it comes earlier, the same holds
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert said.split("\n")[0] == "interrupted 0 [None, None]"
    for pid in pids:
        assert_gone(pid)


class Stubborn(subprocess.Popen[bytes]):
    """A process that ignores SIGTERM."""

    def __init__(self) -> None:
        text = "trap '' TERM; echo; exec sleep 60"
        super().__init__(["sh", "-c", text], start_new_session=True, stdout=subprocess.PIPE)
        assert self.stdout is not None
        self.stdout.readline()  # the trap is set
        self.stdout.close()


def _press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_kills_at_once_what_will_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while what runs is asked to end; no process, no slot and no id is left."""
    monkeypatch.setattr(ending, "GRACE", 3600.0)
    made: list[Stubborn] = []
    naps: list[float] = []
    sleep = time.sleep

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            _press_ctrl_c()
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", nap)

    class Worst(Command):
        """A worker with a stubborn process."""

        def start(self) -> "subprocess.Popen[bytes]":
            """Start it."""
            if self.uid == "quick":
                return super().start()
            made.append(Stubborn())
            return made[-1]

    pool = ResourcePool()
    pool.populate(cpus=3)
    dag = graph({"a": [], "b": [], "quick": []})
    scheduler = MultiprocessScheduler(dag, Worst, lambda _: _press_ctrl_c(), 3, pool=pool, request=lambda *_: ONE_CPU)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert [process.returncode for process in made] == [-signal.SIGKILL, -signal.SIGKILL]
    assert len(naps) < 1000  # the grace was cut short
    assert (scheduler.active_workers, scheduler.workers) == (0, [None] * 3)
    assert [entry["slots"] for entry in pool.resources["cpus"]] == [1, 1, 1]
    assert signal.getsignal(signal.SIGINT) == before


def test_a_ctrl_c_in_the_moment_of_a_start_leaves_no_process() -> None:
    """The process is in its slot before the interrupt is raised."""
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(Command):
        """A worker that is interrupted when its process is there."""

        def start(self) -> "subprocess.Popen[bytes]":
            """Start it."""
            started.append(super().start())
            _press_ctrl_c()
            return started[-1]

    scheduler = MultiprocessScheduler(graph({"a": []}, lambda _: ["sleep", "60"]), Interrupted, print, 1)
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert _alive(started) == []
    assert scheduler.workers == [None]


def test_a_program_with_many_open_files_is_no_trouble() -> None:
    """Descriptors may have any number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("no more files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    descriptors = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        log, _ = run(graph({"a": []}))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert log == ["+a", "-a"]


def test_while_others_hold_the_pool_it_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing of its own running it looks again after the polling interval, which adapts."""
    pool = ResourcePool()
    pool.populate(cpus=1)
    lent = pool.checkout(ONE_CPU)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            pool.checkin(lent)

    monkeypatch.setattr("canary_wf.api.scheduler.multiprocess.time.sleep", nap)
    asked: list[str] = []

    def request(uid: str, _data: list[str]) -> list[dict[str, Any]]:
        asked.append(uid)
        assert len(asked) < 100, "it asks without a pause"
        return ONE_CPU

    log, _ = run(graph({"a": []}), 1, pool=pool, request=request)
    assert log == ["+a", "-a"]
    assert naps[:3] == pytest.approx([0.1, 0.075, 0.05625])


@pytest.mark.parametrize("grace", [0.0, 3600.0])
def test_a_unit_over_its_time_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, grace: float) -> None:
    """While it is given its grace, what else ends is collected; it is killed when that is over."""
    monkeypatch.setattr(ending, "GRACE", grace)
    made: list[Stubborn] = []

    class Late(Command):
        """A worker whose process `slow` ignores that it is asked to end."""

        def start(self) -> "subprocess.Popen[bytes]":
            """Start it."""
            if self.uid != "slow":
                return super().start()
            made.append(Stubborn())
            return made[-1]

    ended: list[tuple[str, int | None]] = []

    def collect(worker: Worker) -> None:
        ended.append((worker.uid, made[0].returncode))
        if worker.uid == "b" and grace:
            made[0].kill()

    dag = graph({"slow": [], "a": [], "b": ["a"]})
    scheduler = MultiprocessScheduler(dag, Late, collect, 2, timeout=lambda uid, _: 0.0 if uid == "slow" else None)
    scheduler.run()
    assert sorted(uid for uid, _ in ended) == ["a", "b", "slow"]
    assert dict(ended)["slow"] == -signal.SIGKILL
    if grace:
        assert ended[:2] == [("a", None), ("b", None)]


def _pressing_at(moments: set[int]) -> Callable[[FrameType, str, object], Any]:
    """Return a tracer that presses Ctrl-C at those of the package's steps, counted from 1."""
    steps = itertools.count(1)

    def trace(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 - itself, or nothing
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event in {"line", "return"} and next(steps) in moments:
            _press_ctrl_c()
        return trace

    return trace


@pytest.mark.parametrize("again", [0, 1, 6])
def test_a_ctrl_c_at_any_step_leaves_nothing(again: int) -> None:
    """Nor does a second one so many steps later; of all steps of a short run, every ninth is tried."""
    for step in range(1, 900, 9):
        started: list[subprocess.Popen[bytes]] = []

        class Noted(Command):
            """A worker that notes its process."""

            def start(self) -> "subprocess.Popen[bytes]":
                """Start it."""
                started.append(super().start())  # noqa: B023 - used within the turn
                return started[-1]  # noqa: B023 - used within the turn

        pool = ResourcePool()
        pool.populate(cpus=2)
        dag = graph({"a": [], "b": []}, lambda uid: ["sleep", "60"] if uid == "a" else ["true"])
        scheduler = MultiprocessScheduler(dag, Noted, _fail, 2, pool=pool, request=lambda *_: ONE_CPU)
        handler, tracer = signal.getsignal(signal.SIGINT), sys.gettrace()
        sys.settrace(_pressing_at({step, step + again}))
        try:
            with pytest.raises((KeyboardInterrupt, RuntimeError)):
                scheduler.run()
        finally:
            sys.settrace(tracer)
        assert _alive(started) == []
        assert (scheduler.active_workers, scheduler.workers, scheduler.allocations) == (0, [None, None], {})
        assert [entry["slots"] for entry in pool.resources["cpus"]] == [1, 1]
        assert signal.getsignal(signal.SIGINT) == handler


def _fail(_worker: Worker) -> None:
    raise RuntimeError("collector")


def test_an_exclusive_unit_that_could_not_begin_bars_nobody() -> None:
    """After an error what is left of the work may be run."""

    def factory(uid: str, data: list[str], slot: int) -> Command:
        if uid == "a":
            raise RuntimeError("factory")
        return Command(uid, data, slot)

    log: list[str] = []
    scheduler = MultiprocessScheduler(
        graph({"a": [], "b": []}),
        factory,
        lambda worker: log.append(worker.uid),
        1,
        exclusive=lambda uid, _: uid == "a",
    )
    with pytest.raises(RuntimeError, match="factory"):
        scheduler.run()
    scheduler.run()
    assert log == ["b"]


def test_starts_and_ends_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """By the module's logger, for who debugs."""
    caplog.set_level(logging.DEBUG, logger.name)
    _, scheduler = run(graph({"a": []}), 1)
    assert [text.partition(",")[0] for text in caplog.messages] == ["a started in slot 0", "a ended in slot 0"]
    assert logger.name == "canary_wf.multiprocess_scheduler"
    assert scheduler.workers == [None]


@pytest.mark.parametrize("at_once", [1, 2])
def test_without_pidfd_a_signal_wakes_it(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """No polling is needed where SIGCHLD tells of an end; its handler is put back."""
    monkeypatch.delattr(os, "pidfd_open", raising=False)

    def polled(*_: object) -> float:
        pytest.fail("it polls")

    monkeypatch.setattr(multiprocess, "compute_next_dyn_poll", polled)
    before = signal.getsignal(signal.SIGCHLD)
    log, _ = run(graph({"a": [], "b": ["a"], "c": []}, lambda _: ["sleep", "0.05"]), at_once)
    assert sorted(log) == sorted(f"{what}{uid}" for uid in "abc" for what in "+-")
    assert signal.getsignal(signal.SIGCHLD) == before


class Counted:
    """What its caller made of a process: it says how it is, and has no number."""

    def __init__(self, polls: int) -> None:
        self.polls = polls

    def poll(self) -> int | None:
        """Be over after some polls."""
        self.polls -= 1
        return 0 if self.polls < 0 else None


class WithoutEnd(Worker):
    """A worker around it."""

    def start(self) -> Any:  # noqa: ANN401 - less than is asked for, on purpose
        """Return it."""
        return Counted(2)


def test_what_only_says_whether_it_runs_is_polled() -> None:
    """As the documented loop needs no more of it."""
    collected: list[str] = []
    MultiprocessScheduler(
        graph({"a": [], "b": ["a"]}),
        lambda uid, _, slot: WithoutEnd(uid, None, "x", slot, None),
        lambda worker: collected.append(worker.uid),
    ).run()
    assert collected == ["a", "b"]


class Foreign:
    """A process of another library: `wait` takes no time, and there is no `terminate`."""

    def __init__(self) -> None:
        self.inner = subprocess.Popen(["sleep", "60"])
        self.pid = self.inner.pid

    def poll(self) -> int | None:
        """Tell how it is."""
        return self.inner.poll()

    def wait(self) -> int:
        """Wait for its end."""
        return self.inner.wait()

    def kill(self) -> None:
        """End it."""
        self.inner.kill()


class Broken(Foreign):
    """One that fails whenever it is asked to end."""

    def kill(self) -> None:
        """Fail, and end it all the same, for the sake of the test."""
        super().kill()
        raise RuntimeError("kill")


@pytest.mark.parametrize(("kind", "told"), [(Foreign, "collector"), (Broken, "kill")])
def test_processes_of_other_libraries_are_ended(kind: type[Foreign], told: str) -> None:
    """What is raised is what went wrong, and one that fails keeps no other from being ended."""
    made: list[Foreign] = []

    class Other(Command):
        """A worker with such a process."""

        def start(self) -> Any:  # noqa: ANN401 - less than is asked for, on purpose
            """Start it."""
            if self.uid == "quick":
                return super().start()
            made.append(kind())
            return made[-1]

    scheduler = MultiprocessScheduler(graph({"a": [], "b": [], "quick": []}), Other, _fail, 3)
    with pytest.raises(RuntimeError, match=told):
        scheduler.run()
    assert [process.inner.returncode for process in made] == [-signal.SIGKILL] * 2
    assert scheduler.workers == [None] * 3


def test_a_worker_that_runs_on_after_its_process_costs_nothing() -> None:
    """It says so by a `poll` of its own; it is polled, and the exit that is known wakes nobody again."""

    class Longer(Command):
        """A worker that is busy for a while after its process has ended."""

        polls = 0

        def poll(self, scheduler: "MultiprocessScheduler[Any, Any]") -> bool:
            """Count, and run until the clock says so."""
            self.polls += 1
            return super().poll(scheduler) or time.monotonic() < end

    made: list[Longer] = []

    def factory(uid: str, data: list[str], slot: int) -> Longer:
        made.append(Longer(uid, data, slot))
        return made[-1]

    end = time.monotonic() + 0.5
    MultiprocessScheduler(graph({"a": []}), factory, print, dyn_poll_interval=False).run()
    assert made[0].polls < 20


def test_a_slot_that_is_not_free_starts_nothing() -> None:
    """Nor does one that is not there; both are told, and neither has a worker to be released."""
    scheduler = MultiprocessScheduler(graph({"a": []}), Command, print, 1)
    scheduler.spawn_worker("a", ["true"], 0)
    first = scheduler.workers[0]
    for slot, told in ((0, "slot 0: has a worker"), (1, "slot 1: must be from 0 to 0"), (-1, "slot -1: must be")):
        with pytest.raises(InputError, match=told):
            scheduler.spawn_worker("b", ["/this/would/fail"], slot)
    assert (scheduler.workers, scheduler.active_workers) == ([first], 1)
    scheduler.release_worker(0)
    with pytest.raises(InputError, match="slot 1: must be"):
        scheduler.release_worker(1)
    with pytest.raises(InputError, match="slot 0: has no worker"):
        scheduler.release_worker(0)
    assert first is not None
    while first.process.poll() is None:
        time.sleep(0.01)


def test_a_time_limit_that_is_no_number_is_refused() -> None:
    """And the process is ended."""
    with pytest.raises(InputError, match="timeout of unit a: is not a number of seconds"):
        run(graph({"a": []}, lambda _: ["sleep", "60"]), timeout=lambda *_: float("nan"))


def test_a_process_is_started_once_when_it_is_asked_for() -> None:
    """By the scheduler, or by a factory that wants to see it; `index` counts the workers."""
    seen: list[int] = []

    def factory(uid: str, data: list[str], slot: int) -> Command:
        worker = Command(uid, data, slot)
        seen.append(worker.process.pid)
        return worker

    collected: list[Worker] = []
    MultiprocessScheduler(graph({"a": [], "b": []}), factory, collected.append, 2).run()
    assert sorted(worker.process.pid for worker in collected) == sorted(seen)
    assert abs(collected[0].index - collected[1].index) == 1


def test_data_and_predecessors_may_be_left_out() -> None:
    """A text instead of a list of predecessors is refused: it would be taken letter by letter."""
    dag: DAG[None] = DAG()
    dag.add_vertex("ab")
    dag.add_vertex("c", None, None)
    dag.add_vertex("d", predecessors=["ab"])
    assert (dag.check(), dag["d"]) == (["ab", "c", "d"], None)
    with pytest.raises(DAGError, match="vertex e: its predecessors must be a list, not 'ab'"):
        dag.add_vertex("e", None, "ab")
