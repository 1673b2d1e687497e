"""Handing out and taking back: best fit, all or nothing, and what is refused."""

import contextlib
import io
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples

from canary_wf.errors import CanaryWfError, InputError
from canary_wf.resources.free_list import Entry
from canary_wf.resources.inventory import AllocationTransaction, Allocator, Inventory
from canary_wf.resources.pool import ResourcePool
from canary_wf.resources.request import (
    CheckinError,
    EmptyResourcePoolError,
    RequestOutcome,
    ResourceUnavailable,
    UnknownResourceTypeError,
    sizes_by_type,
)


def pool_of(**types: dict[str, int]) -> ResourcePool:
    """Return a pool with, for each type, ids and their slots."""
    return ResourcePool(
        {
            "additional_properties": {},
            "resources": {
                rtype: [{"id": name, "slots": slots} for name, slots in ids.items()] for rtype, ids in types.items()
            },
        }
    )


def ask(*items: tuple[str, int]) -> list[dict[str, Any]]:
    """Return a request."""
    return [{"type": rtype, "slots": slots} for rtype, slots in items]


def free(pool: ResourcePool) -> dict[str, dict[str, int]]:
    """Return the free slots by type and id."""
    return {
        rtype: {str(entry["id"]): int(entry["slots"]) for entry in entries} for rtype, entries in pool.resources.items()
    }


def ids(taken: dict[str, list[dict[str, Any]]], rtype: str) -> list[str]:
    """Return the ids of one type."""
    return [item["id"] for item in taken[rtype]]


def test_ids_go_out_and_come_back() -> None:
    """Two GPUs serve two checkouts, a third is refused, and after a check-in the id goes out again."""
    pool = pool_of(gpus={"0": 1, "1": 1})
    first = pool.checkout(ask(("gpus", 1)))
    assert first == {"gpus": [{"id": "0", "slots": 1}]}
    assert pool.checkout(ask(("gpus", 1))) == {"gpus": [{"id": "1", "slots": 1}]}
    with pytest.raises(ResourceUnavailable, match="gpus: asked for 1 slot, available are 0 slots on 2 ids"):
        pool.checkout(ask(("gpus", 1)))
    pool.checkin(first)
    assert pool.checkout(ask(("gpus", 1))) == first


def test_best_fit_takes_the_smallest_sufficient_id() -> None:
    """A smaller id that is enough goes first, and `resources` shows what is left."""
    pool = pool_of(gpus={"a": 4, "b": 2})
    assert ids(pool.checkout(ask(("gpus", 2))), "gpus") == ["b"]
    assert ids(pool.checkout(ask(("gpus", 2))), "gpus") == ["a"]
    assert free(pool) == {"gpus": {"a": 2, "b": 0}}


def test_ties_are_broken_by_the_order_of_the_pool() -> None:
    """Of equally free ids, the one that stands first in the pool is taken, whatever its name."""
    pool = pool_of(gpus={"9": 1, "10": 1, "1": 1})
    assert [ids(pool.checkout(ask(("gpus", 1))), "gpus") for _ in range(3)] == [["9"], ["10"], ["1"]]


def test_items_of_one_request_get_different_ids() -> None:
    """Two items mean two GPUs while the pool has them; only then do they share one."""
    pool = pool_of(gpus={"0": 2, "1": 2})
    assert ids(pool.checkout(ask(("gpus", 1), ("gpus", 1))), "gpus") == ["0", "1"]
    pool = pool_of(gpus={"0": 2})
    assert ids(pool.checkout(ask(("gpus", 1), ("gpus", 1))), "gpus") == ["0", "0"]


def test_spreading_never_costs_a_fit() -> None:
    """Where spreading or the order of the request would fail, the largest go first and items share ids."""
    pool = pool_of(gpus={"a": 3, "b": 2})
    assert ids(pool.checkout(ask(("gpus", 1), ("gpus", 2), ("gpus", 2))), "gpus") == ["a", "b", "a"]
    pool = pool_of(gpus={"a": 4, "b": 2})
    request = ask(("gpus", 1), ("gpus", 1), ("gpus", 4))
    assert ids(pool.checkout(request), "gpus") == ["b", "b", "a"]


def test_one_item_never_spans_ids() -> None:
    """Two slots on two ids are not one item of two slots: checkout refuses it, and so says `accommodates`."""
    pool = pool_of(gpus={"0": 1, "1": 1})
    outcome = pool.accommodates(ask(("gpus", 2)))
    assert not outcome
    assert outcome.reason is not None
    assert "at most 1 on one id" in outcome.reason
    with pytest.raises(ResourceUnavailable, match="asked for 2 slots"):
        pool.checkout(ask(("gpus", 2)))


def test_a_failure_takes_nothing() -> None:
    """When the last type of a request is short, what the others gave is given back."""
    pool = pool_of(cpus={"0": 1, "1": 1}, gpus={"0": 1})
    pool.checkout(ask(("gpus", 1)))
    with pytest.raises(ResourceUnavailable):
        pool.checkout(ask(("cpus", 1), ("cpus", 1), ("gpus", 1)))
    assert free(pool) == {"cpus": {"0": 1, "1": 1}, "gpus": {"0": 0}}


def test_an_unknown_type_is_refused() -> None:
    """An unknown type, or the singular of a known one, is no success, and an error that is a TypeError too."""
    pool = pool_of(cpus={"0": 1})
    for name in ("fpgas", "cpu"):
        assert not pool.accommodates(ask((name, 1)))
        with pytest.raises(UnknownResourceTypeError, match=f"'{name}'; the pool's types are: cpus, gpus") as caught:
            pool.checkout(ask(("cpus", 1), (name, 1)))
        assert isinstance(caught.value, CanaryWfError)
        assert isinstance(caught.value, TypeError)
    assert free(pool)["cpus"] == {"0": 1}


def test_a_double_checkin_is_refused() -> None:
    """A second check-in of the same items is an error and leaves the pool as it was, also when mixed with good ones."""
    pool = pool_of(cpus={"0": 1, "1": 1})
    first = pool.checkout(ask(("cpus", 1)))
    second = pool.checkout(ask(("cpus", 1)))
    pool.checkin(first)
    with pytest.raises(CheckinError, match="cpus 0: 1 slot returned, but 0 lent"):
        pool.checkin({"cpus": second["cpus"] + first["cpus"]})
    assert free(pool) == {"cpus": {"0": 1, "1": 0}, "gpus": {}}
    pool.checkin(second)
    with pytest.raises(ValueError, match="2 slots returned, but 0 lent"):
        pool.checkin({"cpus": first["cpus"] * 2})


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({"fpgas": [{"id": "0", "slots": 1}]}, "no resource type 'fpgas'"),
        ({"cpus": [{"id": "7", "slots": 1}]}, "no id '7' of type cpus"),
        ({"cpus": [{"slots": 1}]}, r"check-in cpus\[0\]"),
        ({"cpus": [{"id": "0", "slots": -1}]}, "must be 1 or more"),
        ({"cpus": [{"id": "0", "slots": "1"}]}, "must be a whole number"),
        ({"cpus": {"id": "0"}}, "must be a list"),
        ([], "must be a mapping"),
    ],
)
def test_wrong_checkins_are_refused(returned: Any, message: str) -> None:  # noqa: ANN401 - wrong on purpose
    """What was never lent, or is of the wrong form, cannot come back."""
    pool = pool_of(cpus={"0": 1})
    pool.checkout(ask(("cpus", 1)))
    with pytest.raises(CheckinError, match=message):
        pool.checkin(returned)
    assert free(pool)["cpus"] == {"0": 0}


def test_an_empty_pool_says_so() -> None:
    """Without any id, checkout raises its own error and nothing is accommodated."""
    for pool in (ResourcePool(), ResourcePool({}), pool_of(cpus={})):
        assert pool.empty()
        assert not pool.accommodates(ask(("cpus", 1)))
        with pytest.raises(EmptyResourcePoolError):
            pool.checkout(ask(("cpus", 1)))


def test_a_busy_pool_still_accommodates() -> None:
    """`accommodates` is about the whole pool: it does not change with what is lent, before or after."""
    pool = pool_of(cpus={"0": 1, "1": 2})
    pool.checkout(ask(("cpus", 1), ("cpus", 2)))
    before = free(pool)
    assert pool.accommodates(ask(("cpus", 1), ("cpus", 2)))
    assert not pool.accommodates(ask(("cpus", 2), ("cpus", 2)))
    assert pool.accommodates([])
    assert free(pool) == before


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        ("cpus", "request: must be a list"),
        ({"type": "cpus"}, "request: must be a list"),
        ([{"slots": 1}], r"request\[0\]"),
        ([{"type": "cpus"}, "cpus"], r"request\[1\]"),
        ([{"type": "cpus", "slots": 0}], r"request\[0\].slots: must be 1 or more"),
        ([{"type": "cpus", "slots": -1}], r"request\[0\].slots"),
        ([{"type": "cpus", "slots": "1"}], r"request\[0\].slots: must be a whole number, not '1'"),
        ([{"type": "cpus", "slots": True}], r"request\[0\].slots"),
        ([{"type": "cpus", "slots": 0.5}], r"request\[0\].slots"),
        ([{"type": "cpus", "slot": 1}], r"request\[0\]: unknown key 'slot'"),
    ],
)
def test_wrong_requests_are_refused(request_: Any, place: str) -> None:  # noqa: ANN401 - wrong on purpose
    """A request of the wrong form is an error that names the item, never a silent 0."""
    with pytest.raises(InputError, match=place):
        pool_of(cpus={"0": 1}).checkout(request_)


def test_missing_slots_are_one() -> None:
    """Neither a pool nor a request has to say ``slots: 1``."""
    pool = ResourcePool({"resources": {"cpus": [{"id": "0"}]}})
    assert pool.resources == {"cpus": [{"id": "0", "slots": 1}], "gpus": []}
    assert pool.checkout([{"type": "cpus"}]) == {"cpus": [{"id": "0", "slots": 1}]}


def test_the_types_can_be_counted_and_changed() -> None:
    """`types`, `count`, `populate`, `pop`, `clear` and the totals agree with each other."""
    pool = ResourcePool({"additional_properties": {"nodes": {"count": 3}}, "resources": {"cpus": [{"id": "a"}]}})
    assert (pool.count("nodes"), pool.count("node"), pool.count("cpu")) == (3, 3, 1)
    pool.populate(cpus=4, gpus=1)
    assert pool.types == ["cpus", "gpus"]
    assert "cpus" in pool
    assert (pool.count("cpus"), pool.count("gpu"), pool.count("nodes")) == (4, 1, 3)
    assert pool.slots_per_resource_type == {"cpus": 4, "gpus": 1}
    assert pool.accommodates(ask(("gpus", 1)))
    assert pool.pop("gpus") == [{"id": "0", "slots": 1}]
    assert pool.pop("gpus") is None
    assert pool.types == ["cpus"]
    assert not pool.accommodates(ask(("gpus", 1)))
    with pytest.raises(ResourceUnavailable, match="fpga"):
        pool.count("fpga")
    pool.clear()
    assert pool.empty()
    assert not pool.slots_per_resource_type
    assert pool.count("nodes") == 1
    with pytest.raises(InputError, match="-1"):
        pool.populate(cpus=-1)


def test_the_state_is_a_copy_that_can_be_filled_again() -> None:
    """`getstate` and `dump` show the free slots, `fill` takes them back, and neither shares anything with the pool."""
    pool = pool_of(gpus={"0": 2})
    pool.checkout(ask(("gpus", 1)))
    state = pool.getstate()
    assert state == {"additional_properties": {}, "resources": {"gpus": [{"id": "0", "slots": 1}]}}
    state["resources"]["gpus"][0]["slots"] = 9
    assert free(pool) == {"gpus": {"0": 1}}
    text = io.StringIO()
    pool.dump(text)
    assert yaml.safe_load(text.getvalue()) == {"resource_pool": pool.getstate()}
    assert ResourcePool(yaml.safe_load(text.getvalue())).getstate() == pool.getstate()
    assert "gpus" in repr(pool)


def test_a_failed_fill_changes_nothing() -> None:
    """A wrong pool is refused before anything of the old one is touched."""
    pool = pool_of(cpus={"0": 1})
    with pytest.raises(InputError):
        pool.fill({"resources": {"cpus": [{"id": "1", "slots": -1}]}})
    assert free(pool) == {"cpus": {"0": 1}, "gpus": {}}


def test_outcomes() -> None:
    """A reason alone means no, nothing at all yes, and an explicit no is a no without a reason."""
    assert [bool(outcome) for outcome in (RequestOutcome(), RequestOutcome(True), RequestOutcome(True, "note"))] == [
        True
    ] * 3
    assert [
        bool(outcome) for outcome in (RequestOutcome(False), RequestOutcome(False, "x"), RequestOutcome(reason="x"))
    ] == [False] * 3
    assert RequestOutcome(True, "note").reason == "note"
    assert repr(RequestOutcome(False, "x")) == "Outcome(ok=False, reason='x')"


def test_a_transaction_gives_back_what_it_recorded() -> None:
    """Items taken one by one come back by `rollback`, once, and by leaving with an error."""
    inventory = Inventory({"gpus": [{"id": "0", "slots": 2}, {"id": "1"}]})
    transaction = AllocationTransaction(inventory)
    for _ in range(2):
        item = Allocator().acquire(inventory, "gpus", 1)
        transaction.record("gpus", item["id"], item["slots"])
    assert transaction.deltas == [("gpus", "1", 1), ("gpus", "0", 1)]
    assert inventory.slots_available("gpus") == 1
    transaction.rollback()
    transaction.rollback()
    assert inventory.slots_available("gpus") == 3
    assert inventory.slots_available("cpus") == 0
    with contextlib.suppress(InputError), AllocationTransaction(inventory) as transaction:
        transaction.record("gpus", Allocator().acquire(inventory, "gpus", 2)["id"], 2)
        Allocator().acquire(inventory, "gpus", -1)
        pytest.fail("a negative number of slots was taken")
    assert inventory.resources["gpus"] == [{"id": "0", "slots": 2}, {"id": "1", "slots": 1}]


@pytest.mark.parametrize(
    ("rtype", "rid", "slots"),
    [("gpus", "0", 5), ("gpus", "0", 2), ("gpus", "7", 1), ("fpgas", "0", 1), ("gpus", "0", -1)],
)
def test_a_transaction_gives_back_no_more_than_is_out(rtype: str, rid: str, slots: int) -> None:
    """What was recorded and never taken is refused, and nothing comes back then, as with a check-in."""
    inventory = Inventory({"gpus": [{"id": "0", "slots": 2}]})
    transaction = AllocationTransaction(inventory)
    transaction.record("gpus", Allocator().acquire(inventory, "gpus", 1)["id"], 1)
    transaction.record(rtype, rid, slots)
    with pytest.raises(CheckinError, match="rollback"):
        transaction.rollback()
    assert inventory.slots_available("gpus") == 1


def test_the_resources_of_a_pool_may_be_assigned() -> None:
    """They are checked and copied as by `fill`; the properties stay, and a mistake changes nothing."""
    pool = ResourcePool({"additional_properties": {"nodes": {"count": 2}}, "resources": {"cpus": [{"id": "0"}]}})
    mine: dict[str, list[Entry]] = {"fpgas": [{"id": "a", "slots": 2}]}
    pool.resources = mine
    pool.checkout([{"type": "fpgas", "slots": 1}])
    assert mine == {"fpgas": [{"id": "a", "slots": 2}]}
    assert pool.types == ["fpgas", "gpus"]
    assert (pool.slots_per_resource_type["fpgas"], pool.count("nodes")) == (2, 2)
    with pytest.raises(InputError, match=r"resources\.cpus\[0\]\.slots"):
        pool.resources = {"cpus": [{"id": "0", "slots": "many"}]}
    assert pool.types == ["fpgas", "gpus"]


class Model:
    """The pool in its simplest form: a search through all ids for every item; one size an item."""

    def __init__(self, slots: list[int]) -> None:
        self.free = dict(enumerate(slots))

    def take(self, size: int, number: int) -> list[str] | None:
        """Return the ids by best fit, different ones first."""
        left, used = dict(self.free), set[int]()
        taken = []
        for _ in range(number):
            fits = [name for name, there in left.items() if there >= size]
            if not fits:
                return None
            name = min([name for name in fits if name not in used] or fits, key=lambda name: (left[name], name))
            left[name] -= size
            used.add(name)
            taken.append(str(name))
        self.free = left
        return taken

    def give(self, names: list[str], size: int) -> None:
        """Take the slots back."""
        for name in names:
            self.free[int(name)] += size


@settings(max_examples=examples(150))
@given(data=st.data(), slots=st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_the_pool_does_what_the_model_does(data: st.DataObject, slots: list[int]) -> None:
    """Over any sequence of checkouts and check-ins, ids, refusals and free slots are those of a plain search."""
    pool, model = pool_of(gpus={str(index): number for index, number in enumerate(slots)}), Model(slots)
    lent: list[tuple[dict[str, list[dict[str, Any]]], int]] = []
    for _ in range(data.draw(st.integers(1, 20))):
        back: bool = data.draw(st.booleans())
        if lent and back:
            taken, size = lent.pop(data.draw(st.integers(0, len(lent) - 1)))
            pool.checkin(taken)
            model.give(ids(taken, "gpus"), size)
        else:
            size, number = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
            expected = model.take(size, number)
            try:
                taken = pool.checkout(ask(*[("gpus", size)] * number))
            except ResourceUnavailable:
                assert expected is None
            else:
                assert ids(taken, "gpus") == expected
                lent.append((taken, size))
        assert free(pool)["gpus"] == {str(name): number for name, number in model.free.items()}


requests = st.lists(st.tuples(st.sampled_from(["cpus", "gpus"]), st.integers(1, 4)), min_size=1, max_size=6)
free_lists = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5), max_size=5)


@settings(max_examples=examples(200))
@given(cpus=free_lists, gpus=free_lists, before=requests, request_=requests)
def test_accommodates_is_checkout_of_the_unlent_pool(
    cpus: dict[str, int],
    gpus: dict[str, int],
    before: list[tuple[str, int]],
    request_: list[tuple[str, int]],
) -> None:
    """Whatever is lent, `accommodates` says yes exactly when a fresh pool would serve the request."""
    pool = pool_of(cpus=cpus, gpus=gpus)
    try:
        pool.checkout(ask(*before))
    except (ResourceUnavailable, EmptyResourcePoolError):
        assert free(pool) == {"cpus": cpus, "gpus": gpus}
    fresh = pool_of(cpus=cpus, gpus=gpus)
    try:
        taken = fresh.checkout(ask(*request_))
    except (ResourceUnavailable, EmptyResourcePoolError):
        assert not pool.accommodates(ask(*request_))
        assert free(fresh) == {"cpus": cpus, "gpus": gpus}
    else:
        assert pool.accommodates(ask(*request_))
        slots = {rtype: [item["slots"] for item in items] for rtype, items in taken.items()}
        assert slots == {rtype: [size for name, size in request_ if name == rtype] for rtype in taken}
        fresh.checkin(taken)
        assert free(fresh) == {"cpus": cpus, "gpus": gpus}


def test_the_sorted_list_holds_each_free_id_once() -> None:
    """However often ids go out and in, the index stays as large as the pool: nothing stale is kept."""
    pool = pool_of(gpus={str(index): 3 for index in range(20)})
    for _ in range(50):
        taken = [pool.checkout(ask(("gpus", 2), ("gpus", 1))) for _ in range(15)]
        for items in taken:
            pool.checkin(items)
    free_list = pool._inventory.free_lists["gpus"]
    assert free_list._order == [(3, position) for position in range(20)]
    assert not free_list._set_aside


@given(cpus=free_lists, gpus=free_lists, asked=st.lists(requests, max_size=5))
def test_lending_gives_what_checkout_gives(
    cpus: dict[str, int], gpus: dict[str, int], asked: list[list[tuple[str, int]]]
) -> None:
    """The runner's way to take ids gives and refuses as the public one does, and leaves the same free."""
    pool, other = pool_of(cpus=cpus, gpus=gpus), pool_of(cpus=cpus, gpus=gpus)
    lent = []
    for request_ in asked:
        try:
            expected = pool.checkout(ask(*request_))
        except (ResourceUnavailable, EmptyResourcePoolError):
            expected = None
        sizes = sizes_by_type(ask(*request_))
        taken = other.lend(sizes)
        assert taken == expected or (expected is None and not sizes)
        assert free(other) == free(pool)
        lent.append(taken)
    for taken in lent:
        other.take_back(taken or {})
    assert free(other) == {"cpus": cpus, "gpus": gpus}


def test_whole_floats_are_numbers_of_ids() -> None:
    """In `populate`, too."""
    pool = ResourcePool()
    two: Any = 2.0  # as YAML and JSON may hold it
    pool.populate(cpus=two)
    assert pool.count("cpus") == 2


@pytest.mark.parametrize("pool", [[], (), 0, False, "", 3])
def test_what_is_no_mapping_is_no_pool(pool: Any) -> None:  # noqa: ANN401 - wrong on purpose
    """Also when it is empty."""
    with pytest.raises(InputError, match="must be a mapping"):
        ResourcePool(pool)


@pytest.mark.parametrize(
    ("resources", "place"),
    [
        (None, "resource pool: must be a mapping"),
        ({"cpus": None}, "cpus: must be a list"),
        ({"cpus": [{"id": "0", "slots": 1.5}]}, r"cpus\[0\].slots: must be a whole number"),
        ({"cpus": [{"id": "0", "slots": True}]}, r"cpus\[0\].slots: must be a whole number"),
        ({"cpus": [{"id": "0", "slots": -1}]}, r"cpus\[0\].slots: must be 0 or more"),
        ({"cpus": [{"id": "0"}, {"id": "0"}]}, r"cpus\[1\].id: the id '0' is already used"),
    ],
)
def test_wrong_inventories_are_refused(resources: Any, place: str) -> None:  # noqa: ANN401 - wrong on purpose
    """Made directly, too; what is right is used as it is."""
    with pytest.raises(InputError, match=place):
        Inventory(resources)
    right: dict[str, list[dict[str, str | int]]] = {"cpus": [{"id": "0"}]}
    assert Inventory(right).resources is right
    assert right == {"cpus": [{"id": "0", "slots": 1}]}
