"""The public names of the resource pool, and the making of a pool from options."""

import re
from pathlib import Path
from typing import Any

import pytest

from canary_wf import rpool
from canary_wf.errors import CanaryWfError, InputError, UsageError

NAMES = {
    "AllocationTransaction": ["inventory", "deltas", "record", "rollback"],
    "Allocator": ["acquire"],
    "EmptyResourcePoolError": [],
    "Inventory": ["resources", "slots_available"],
    "Outcome": ["ok", "reason"],
    "ResourcePool": [
        "additional_properties",
        "resources",
        "slots_per_resource_type",
        "types",
        "accommodates",
        "checkin",
        "checkout",
        "clear",
        "count",
        "dump",
        "empty",
        "fill",
        "getstate",
        "pop",
        "populate",
    ],
    "ResourceUnavailable": [],
    "make_resource_pool": [],
}


def test_every_public_name_is_there() -> None:
    """Each class, method, attribute, function and exception can be used under its documented name."""
    for name, members in NAMES.items():
        assert name in rpool.__all__
        assert [member for member in members if not hasattr(getattr(rpool, name), member)] == []


def test_every_public_name_is_documented() -> None:
    """What is exported says what it does."""
    for name in rpool.__all__:
        assert re.search(r"\w", getattr(rpool, name).__doc__ or "")


def test_the_errors_belong_to_the_package() -> None:
    """Both exceptions can be raised without a text, as in canary's API, and are caught as the package's own."""
    for kind in (rpool.ResourceUnavailable, rpool.EmptyResourcePoolError):
        assert isinstance(kind(), CanaryWfError)
        assert str(kind())


def test_a_pool_is_made_from_options(tmp_path: Path) -> None:
    """File and requested types are combined; with neither, this machine is looked at."""
    path = tmp_path / "pool.yaml"
    path.write_text("local:\n  fpgas: [{id: a}]\n", encoding="utf-8")
    pool = rpool.make_resource_pool({"resource_pool_file": str(path), "resources": {"cpus": 2}})
    assert pool.slots_per_resource_type == {"cpus": 2, "fpgas": 1, "gpus": 0}
    assert rpool.make_resource_pool().count("cpus") >= 1
    assert rpool.make_resource_pool({"detect": False, "resources": {"cpus": 3}}).count("cpus") == 3


def test_wrong_options_are_refused() -> None:
    """A misspelt key is an input error, a negative number a usage error."""
    with pytest.raises(InputError, match="unknown key 'file'"):
        rpool.make_resource_pool({"file": "x"})
    with pytest.raises(UsageError, match="-r cpus"):
        rpool.make_resource_pool({"detect": False, "resources": {"cpus": -2}})


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (3, "resource pool"),
        ([("resources", {})], "resource pool"),
        ({1: 2}, "resource pool"),
        ({"resource_pool_file": 3}, "resource_pool_file"),
        ({"resources": [1]}, "resources"),
        ({"resources": {1: 2}}, "resources"),
        ({"resources": {"cpus": None}}, "-r cpus"),
        ({"resources": {"cpus": 1.5}}, "-r cpus"),
    ],
)
def test_options_of_the_wrong_form_are_refused(config: Any, place: str) -> None:  # noqa: ANN401 - wrong on purpose
    """By an error of the package that names the option."""
    with pytest.raises((InputError, UsageError), match=f"^{place}: must be"):
        rpool.make_resource_pool(config)


def test_a_whole_number_may_be_a_float() -> None:
    """As everywhere in pools."""
    options = {"detect": False, "resources": {"cpus": 3.0}}
    assert rpool.make_resource_pool(options).getstate()["resources"]["cpus"][2] == {"id": "2", "slots": 1}


def test_a_file_without_cpus_gets_those_of_the_machine(tmp_path: Path) -> None:
    """As on the command line: a resource specification of CTest never lists CPUs."""
    path = tmp_path / "spec.json"
    path.write_text('{"version": {"major": 1, "minor": 0}, "local": [{"fpgas": [{"id": "a"}]}]}', encoding="utf-8")
    pool = rpool.make_resource_pool({"resource_pool_file": path})
    assert pool.count("cpus") == rpool.make_resource_pool().count("cpus") >= 1
    assert rpool.make_resource_pool({"resource_pool_file": path, "detect": False}).count("cpus") == 0
