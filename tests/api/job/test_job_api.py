"""Every name of canary's module `job` (docs/reference/peers.md, "Object API"), with its members and parameters."""

import inspect
import subprocess
import sys
from abc import ABC
from collections.abc import Sequence
from enum import Enum

import pytest

from canary_wf import job as api
from canary_wf.errors import CanaryWfError

MEMBERS: dict[str, dict[str, Sequence[str] | None]] = {
    "JobPhase": dict.fromkeys(("PENDING", "SUBMITTED", "RUNNING", "DONE")),
    "AnyMatcher": {"__init__": ["choices"]},
    "Dependency": {"__init__": ["job", "when"], "is_satisfied": [], "is_done": []},
    "JobState": {
        "__init__": ["phase"],
        **dict.fromkeys(("reset", "is_pending", "is_submitted", "is_running", "is_done"), ()),
    },
    "Measurements": {
        "__init__": ["data"],
        "add_measurement": ["name", "value"],
        "update": ["m"],
        "reset": [],
        "items": [],
    },
    "BaseJob": {
        "id": None,
        "exclusive": None,
        "assign_resources": ["arg"],
        "set_status": ["category", "outcome", "reason", "code"],
        "display_name": ["kwargs"],
        "add_measurement": ["name", "value"],
        **dict.fromkeys(("cost", "required_resources", "free_resources", "refresh_readiness", "is_runnable"), ()),
        **dict.fromkeys(("is_ready", "validate_enqueuable", "on_submitted", "on_started", "on_finished"), ()),
        **dict.fromkeys(("total_timeout", "refresh", "save"), ()),
    },
    "Job": {
        "__init__": ["spec", "workspace", "dependencies"],
        **dict.fromkeys(("id", "exclusive", "upstreams", "stdout", "stderr", "file", "name", "timeout", "attributes")),
        **dict.fromkeys(("mask", "view_path", "cpus", "gpus", "nodes", "cpu_ids", "gpu_ids", "runtime", "resources")),
        "lockfile": None,
        **dict.fromkeys(("get_artifacts", "total_timeout", "cost", "size", "free_resources", "required_resources"), ()),
        **dict.fromkeys(("is_done", "dropped", "is_runnable", "refresh_readiness", "is_ready", "create_workspace"), ()),
        **dict.fromkeys(("restore_workspace", "setup", "run", "getstate", "do_baseline", "refresh", "teardown"), ()),
        **dict.fromkeys(("get_environ_from_spec", "get_resource_parameters_from_spec", "finish", "save"), ()),
        **dict.fromkeys(("load_cached_runs", "cache_last_run"), ()),
        "display_name": ["kwargs"],
        "set_status": ["category", "outcome", "reason", "code"],
        "add_variables": ["kwds"],
        "statline": ["style"],
        "set_attribute": ["name", "value"],
        "set_attributes": ["kwds"],
        "get_attribute": ["name", "default"],
        "assign_resources": ["arg"],
        "setstate": ["data"],
        "update_status_from_exit_code": ["code"],
        "set_runtime_env": ["env"],
        "read_output": ["compress"],
    },
    "MissingSourceError": {},
    "InvalidTypeError": {"__init__": ["name", "value"]},
}

FUNCTIONS = {
    "load_job_from_file": ["arg"],
    "load_job_from_state": ["lock_data"],
    "find_cache_dir": ["start"],
    "ceil_div": ["a", "b"],
}


@pytest.mark.parametrize("name", MEMBERS)
def test_every_class_has_its_documented_members(name: str) -> None:
    """Each class is exported, documented, and has the members that canary documents, with their parameters."""
    assert name in api.__all__
    found = getattr(api, name)
    assert found.__doc__
    for member, parameters in MEMBERS[name].items():
        value = getattr(found, member)
        if parameters is not None:
            assert [one for one in inspect.signature(value).parameters if one != "self"] == list(parameters)
            assert member == "__init__" or value.__doc__


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_its_documented_parameters(name: str) -> None:
    """Each function is exported, documented, and takes what canary documents."""
    assert name in api.__all__
    assert list(inspect.signature(getattr(api, name)).parameters) == FUNCTIONS[name]
    assert getattr(api, name).__doc__


def test_classes_have_their_documented_bases() -> None:
    """The phase is a text and an enumeration, a job is a base job, errors belong to the package."""
    assert issubclass(api.JobPhase, str)
    assert issubclass(api.JobPhase, Enum)
    assert issubclass(api.BaseJob, ABC)
    assert issubclass(api.Job, api.BaseJob)
    assert issubclass(api.MissingSourceError, CanaryWfError)
    assert issubclass(api.InvalidTypeError, CanaryWfError)
    assert "launcher" in api.Job.__annotations__


def test_names_are_loaded_when_they_are_asked_for() -> None:
    """The runner imports modules of the package, and must not load the public classes with them."""
    code = "import sys, canary_wf.job, canary_wf.spec.job_spec; print('canary_wf.api.job.job' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A slip of the pen is told as for any module; the public names are listed."""
    with pytest.raises(AttributeError, match="has no attribute 'Jbo'"):
        api.Jbo  # noqa: B018
    assert set(api.__all__) <= set(dir(api))
