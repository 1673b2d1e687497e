"""How canary's resource pool and e3-testsuite's scheduler behave, fact by fact, and where this package differs.

Tried on canary 2026-07-02, 2026-08-22 and 26.10.15, and on e3-testsuite 27.3. What is overruled stands
at the end, with the reason.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from canary_wf.errors import InputError
from canary_wf.multiprocess_scheduler import (
    DAG,
    DAGError,
    DAGIterator,
    MultiprocessScheduler,
    Worker,
    compute_next_dyn_poll,
)
from canary_wf.rpool import EmptyResourcePoolError, Outcome, ResourcePool, ResourceUnavailable

Free = list[tuple[str, int]]


def _pool(**types: list[tuple[str, int]]) -> ResourcePool:
    resources = {kind: [{"id": name, "slots": slots} for name, slots in ids] for kind, ids in types.items()}
    return ResourcePool({"resources": resources})


def _ask(**slots: int) -> list[dict[str, Any]]:
    return [{"type": kind, "slots": number} for kind, number in slots.items()]


def _pairs(items: list[dict[str, Any]]) -> Free:
    return [(str(item["id"]), int(item["slots"])) for item in items]


def _two_gpus() -> list[Free | None]:
    pool = _pool(gpus=[("0", 1), ("1", 1)])
    first = pool.checkout(_ask(gpus=1))
    second = pool.checkout(_ask(gpus=1))
    with pytest.raises(ResourceUnavailable):
        pool.checkout(_ask(gpus=1))
    pool.checkin(first)
    return [_pairs(first["gpus"]), _pairs(second["gpus"]), _pairs(pool.checkout(_ask(gpus=1))["gpus"])]


def _best_fit() -> list[Free | None]:
    pool = _pool(gpus=[("a", 4), ("b", 2)])
    taken = [_pairs(pool.checkout(_ask(gpus=2))["gpus"]) for _ in range(2)]
    return [*taken, _pairs(pool.resources["gpus"])]


def _rollback() -> list[Free | None]:
    pool = _pool(cpus=[("0", 1), ("1", 1)], gpus=[("0", 1)])
    first = pool.checkout(_ask(gpus=1))
    with pytest.raises(ResourceUnavailable):
        pool.checkout(_ask(cpus=1, gpus=1))
    return [_pairs(first["gpus"]), _pairs(pool.resources["cpus"]), _pairs(pool.resources["gpus"])]


def _default_slots() -> list[Free | None]:
    pool = ResourcePool({"resources": {"cpus": [{"id": "0"}]}})
    return [_pairs(pool.resources["cpus"]), _pairs(pool.resources["gpus"])]


@pytest.mark.parametrize(
    ("operate", "expected"),
    [
        pytest.param(_two_gpus, [[("0", 1)], [("1", 1)], [("0", 1)]], id="two gpus, three checkouts, checkin, retry"),
        pytest.param(_best_fit, [[("b", 2)], [("a", 2)], [("a", 2), ("b", 0)]], id="smallest sufficient instance"),
        pytest.param(_rollback, [[("0", 1)], [("0", 1), ("1", 1)], [("0", 0)]], id="rollback on partial failure"),
        pytest.param(_default_slots, [[("0", 1)], []], id="missing slots are one"),
    ],
)
def test_a_pool_hands_out(operate: Callable[[], list[Free | None]], expected: list[Free]) -> None:
    """Ids with slots, as they are taken and as they are left."""
    assert operate() == expected


@pytest.mark.parametrize("kind", ["fpgas", "cpu"])
def test_a_type_that_is_not_there(kind: str) -> None:
    """It is not accommodated, and a checkout is a TypeError; a singular is not another name, as in canary's API."""
    pool = _pool(cpus=[("0", 1)])
    assert not pool.accommodates(_ask(**{kind: 1}))
    with pytest.raises(TypeError, match=kind):
        pool.checkout(_ask(**{kind: 1}))


def test_errors_of_a_pool() -> None:
    """An empty pool, a count of what is not there, slots that are no number."""
    with pytest.raises(EmptyResourcePoolError):
        ResourcePool().checkout(_ask(cpus=1))
    with pytest.raises(ResourceUnavailable, match="fpga"):
        _pool(cpus=[("0", 1)]).count("fpga")
    with pytest.raises(InputError, match="slots"):
        ResourcePool({"resources": {"cpus": [{"id": "0", "slots": "2"}]}})


def test_an_outcome_with_a_reason_is_a_no() -> None:
    """One without is a yes."""
    assert (bool(Outcome(reason="x")), bool(Outcome())) == (False, True)


@pytest.mark.parametrize(
    ("counter", "interval", "expected"),
    [(1, 0.1, 0.075), (9, 0.1, 0.125), (1, 0.0001, 0.0001), (9, 5e-05, 6.25e-05), (100, 0.9, 1.125)],
)
def test_the_polling_interval(counter: int, interval: float, expected: float) -> None:
    """It grows while nothing ends and shrinks otherwise."""
    assert compute_next_dyn_poll(counter, interval) == pytest.approx(expected)


class _Process(Worker):
    """A worker that runs a line of Python."""

    text = ""

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it."""
        return subprocess.Popen([sys.executable, "-c", self.text], start_new_session=True)


def _scheduled(edges: dict[str, list[str]], text: str = "") -> list[tuple[str, str]]:
    log = []

    class Told(_Process):
        """A worker that tells of its start."""

        def start(self) -> "subprocess.Popen[bytes]":
            """Start it."""
            log.append(("start", self.uid))
            self.text = text
            return super().start()

    MultiprocessScheduler(
        _dag(edges),
        lambda uid, data, slot: Told(uid, data, "x", slot, None),
        lambda worker: log.append(("end", worker.uid)),
        2,
    ).run()
    return log


def _dag(edges: dict[str, list[str]]) -> DAG[str]:
    dag: DAG[str] = DAG()
    for uid, before in edges.items():
        dag.add_vertex(uid, f"{uid}-data", before)
    return dag


def test_a_chain_runs_in_order() -> None:
    """Start and end of each before the next."""
    assert _scheduled({"a": [], "b": ["a"], "c": ["b"]}) == [(what, uid) for uid in "abc" for what in ("start", "end")]


def test_a_failure_does_not_block_what_follows() -> None:
    """The scheduler does not look at exit codes."""
    assert _scheduled({"a": [], "b": ["a"]}, "raise SystemExit(1)")[2:] == [("start", "b"), ("end", "b")]


def test_at_most_as_many_at_once_as_jobs() -> None:
    """And as many, when there is the work."""
    running = most = 0
    for what, _ in _scheduled({name: [] for name in "abcde"}, "import time; time.sleep(0.1)"):
        running += 1 if what == "start" else -1
        most = max(most, running)
    assert most == 2


def test_a_failing_factory_is_raised() -> None:
    """After the first unit was begun."""
    begun: list[str] = []

    def factory(uid: str, data: str, slot: int) -> _Process:
        if begun:
            raise RuntimeError("factory")
        begun.append(uid)
        return _Process(uid, data, "x", slot, None)

    with pytest.raises(RuntimeError, match="factory"):
        MultiprocessScheduler(_dag({"a": [], "b": []}), factory, print, 2).run()
    assert begun == ["a"]


def test_a_walk_waits_for_what_is_busy_and_ends_when_all_is_handed_out() -> None:
    """Also while the last vertices are busy."""
    walk = DAGIterator(_dag({"a": [], "b": ["a"]}))
    assert [next(walk), next(walk)] == [("a", "a-data"), (None, None)]
    walk.leave("a")
    assert next(walk) == ("b", "b-data")
    with pytest.raises(StopIteration):
        next(walk)


# -- overruled -------------------------------------------------------------------------------------------------------


def test_overruled_a_second_check_in_is_refused() -> None:
    """Older canary (2026-07-02) inflates the pool silently; newer versions refuse, and so do we."""
    pool = _pool(cpus=[("0", 1)])
    taken = pool.checkout(_ask(cpus=1))
    pool.checkin(taken)
    with pytest.raises(ValueError, match="1 slot returned, but 0 lent"):
        pool.checkin(taken)
    assert _pairs(pool.resources["cpus"]) == [("0", 1)]


def test_overruled_errors_say_what_was_asked_and_what_is_there() -> None:
    """The peer's have no text, or one about nodes; an outcome that is a no without a reason is one all the same."""
    pool = _pool(gpus=[("0", 1)])
    pool.checkout(_ask(gpus=1))
    with pytest.raises(ResourceUnavailable, match="gpus: asked for 1 slot, available are 0 slots on 1 id"):
        pool.checkout(_ask(gpus=1))
    assert not Outcome(False)


def test_overruled_a_missing_predecessor_is_found_when_the_graph_is_checked() -> None:
    """The peer refuses it with each vertex, which makes building quadratic; here it may still be added."""
    dag = _dag({"a": ["b"]})
    with pytest.raises(DAGError, match="'b', which is not in the graph"):
        DAGIterator(dag)
    dag.add_vertex("b", "b-data")
    assert dag.check() == ["b", "a"]


def test_overruled_leaving_what_was_not_handed_out_is_an_error_of_the_package() -> None:
    """The peer has a bare assertion, which is gone under -O."""
    with pytest.raises(DAGError, match="was not handed out"):
        DAGIterator(_dag({"a": []})).leave("a")


def test_overruled_a_ctrl_c_ends_what_runs() -> None:
    """The peer waits for it, however long it takes; neither collects it, and no worker is left."""
    running: list[subprocess.Popen[bytes]] = []

    class Pressed(Worker):
        """A worker; when the second one runs, Ctrl-C is pressed."""

        def start(self) -> "subprocess.Popen[bytes]":
            """Start it."""
            running.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
            if len(running) == 2:
                signal.raise_signal(signal.SIGINT)
            return running[-1]

    collected: list[Worker] = []
    scheduler = MultiprocessScheduler(
        _dag({"a": [], "b": [], "c": ["a"]}),
        lambda uid, data, slot: Pressed(uid, data, "x", slot, None),
        collected.append,
        2,
    )
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert (collected, scheduler.active_workers, len(running)) == ([], 0, 2)
    assert None not in [process.returncode for process in running]


def test_overruled_two_gpus_are_two_devices() -> None:
    """Where ids have several slots, the peer takes both from one."""
    pool = _pool(gpus=[("0", 2), ("1", 2)])
    assert _pairs(pool.checkout([*_ask(gpus=1), *_ask(gpus=1)])["gpus"]) == [("0", 1), ("1", 1)]


def test_overruled_a_genuine_specification_of_ctest_is_read() -> None:
    """The peer refuses its list of one machine."""
    genuine = {"version": {"major": 1, "minor": 0}, "local": [{"gpus": [{"id": "0", "slots": 4}]}]}
    assert _pairs(ResourcePool(genuine).resources["gpus"]) == [("0", 4)]
