"""A job by itself: what it is, what it asks for, where it stands, and what becomes of it."""

import math
from pathlib import Path
from typing import Any

import pytest
from factories import shell, spec
from session_jobs import ended, job_in, run

from canary_wf.errors import CanaryWfError, InputError
from canary_wf.job import Dependency, ExecutionSpace, InvalidTypeError, Job, JobPhase, ceil_div, load_job_from_state
from canary_wf.plan.estimate import DEFAULT_SHARE


def test_cost_is_the_length_of_cpus_and_seconds(tmp_path: Path) -> None:
    """The documented formula: the square root of CPUs squared plus seconds squared."""
    job = job_in(tmp_path, spec("a", cpus=4, runtime=30.0))
    assert job.cost() == pytest.approx(30.265492)


def test_size_is_the_length_of_timeout_and_all_sizes(tmp_path: Path) -> None:
    """The documented formula, over time limit and every resource number."""
    job = job_in(tmp_path, spec("a", cpus=2, gpus=1, resources={"fpgas": 3}, timeout=10.0))
    assert job.size() == pytest.approx(math.sqrt(100 + 4 + 1 + 9))


def test_a_cold_history_uses_a_sensible_default_and_says_so(tmp_path: Path) -> None:
    """The expected run time says where it comes from; what is declared counts, also above the limit."""
    cold = job_in(tmp_path, spec("a", timeout=100.0))
    assert (cold.runtime, cold.runtime_source) == (100 * DEFAULT_SHARE, "default")
    declared = job_in(tmp_path, spec("b", timeout=100.0, runtime=7.0))
    assert (declared.runtime, declared.runtime_source) == (7.0, "declared")
    assert job_in(tmp_path, spec("c", timeout=5.0, runtime=7.0)).runtime == 7.0


def test_the_total_timeout_takes_the_multiplier(tmp_path: Path) -> None:
    """A slow machine may have longer limits; the declared one stays what it is."""
    job = job_in(tmp_path, spec("a", timeout=10.0))
    job.timeout_multiplier = 2.5
    assert (job.timeout, job.total_timeout()) == (10.0, 25.0)


def test_required_resources_are_one_item_a_slot(tmp_path: Path) -> None:
    """Two GPUs may be two devices."""
    job = job_in(tmp_path, spec("a", cpus=2, gpus=1, resources={"fpgas": 1}))
    assert [item["type"] for item in job.required_resources()] == ["cpus", "cpus", "gpus", "fpgas"]
    assert {item["slots"] for item in job.required_resources()} == {1}
    assert job.get_resource_parameters_from_spec() == {"cpus": 2, "gpus": 1, "fpgas": 1}
    assert job_in(tmp_path, spec("b", nodes=3)).get_resource_parameters_from_spec() == {
        "cpus": 1,
        "gpus": 0,
        "nodes": 3,
    }


def test_a_resource_parameter_must_be_a_whole_number(tmp_path: Path) -> None:
    """The error names the parameter and survives the way between processes."""
    import pickle

    job = job_in(tmp_path, spec("a", parameters={"cpus": "many"}))
    with pytest.raises(InvalidTypeError, match="cpus: 'many' is of type str") as caught:
        job.get_resource_parameters_from_spec()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - just made


def test_resources_are_held_and_given_back(tmp_path: Path) -> None:
    """The documented form goes in and out; which ids it had is known afterwards too."""
    job = job_in(tmp_path, spec("a", cpus=2))
    given = {"cpus": [{"id": "1", "slots": 1}, {"id": "2", "slots": 1}], "gpus": [{"id": "7", "slots": 1}]}
    job.assign_resources(given)
    assert job.resources == given
    assert (job.cpu_ids, job.gpu_ids) == (["1", "2"], ["7"])
    assert job.free_resources() == given
    assert job.resources == {}
    assert job.cpu_ids == ["1", "2"]


@pytest.mark.parametrize("wrong", [{"cpus": ["1"]}, {"cpus": [{"slots": 1}]}])
def test_resources_of_another_form_are_refused(tmp_path: Path, wrong: dict[str, list[Any]]) -> None:
    """The place in the structure is named, and nothing is taken over."""
    job = job_in(tmp_path, spec("a"))
    with pytest.raises(InputError, match=r"cpus\[0\]"):
        job.assign_resources(wrong)
    assert job.resources == {}


def test_attributes_are_those_of_the_spec_and_those_set(tmp_path: Path) -> None:
    """What is set wins; what no state file can hold is refused with its name."""
    job = job_in(tmp_path, spec("a", attributes={"x": 1, "y": 2}))
    job.set_attribute("x", [3])
    job.set_attributes(z="t")
    assert job.attributes == {"x": [3], "y": 2, "z": "t"}
    assert (job.get_attribute("y"), job.get_attribute("q")) == (2, None)
    with pytest.raises(InvalidTypeError, match="bad"):
        job.set_attribute("bad", object())
    with pytest.raises(InvalidTypeError, match="speed"):
        job.add_measurement("speed", object())
    for value in (math.nan, math.inf, {1, 2}, {1: 2}, [math.nan], "\udcff"):
        with pytest.raises(InvalidTypeError, match="bad"):
            job.set_attribute("bad", value)
    job.attributes["x"].append(4)
    assert job.attributes["x"] == [3]


def test_any_name_may_be_an_attribute(tmp_path: Path) -> None:
    """Also that of an argument of the methods that keep it."""
    job = job_in(tmp_path, spec("a"))
    job.set_attribute("self", 1)
    assert load_job_from_state(job.getstate()).attributes == {"self": 1}


def test_what_is_no_state_is_an_error_of_ours(tmp_path: Path) -> None:
    """Neither a list for a state nor nothing for an exit code ends in an error of Python's own."""
    with pytest.raises(CanaryWfError, match="load_job_from_state"):
        load_job_from_state([])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="neither an exit code"):
        job_in(tmp_path, spec("a")).update_status_from_exit_code(code=None)  # type: ignore[arg-type]


def test_the_mask_says_why(tmp_path: Path) -> None:
    """A masked job's mask is true and tells the reason; it can never run."""
    masked, free = job_in(tmp_path, spec("a", mask="enable=False")), job_in(tmp_path, spec("b"))
    assert (bool(masked.mask), masked.mask.reason, str(masked.mask)) == (True, "enable=False", "enable=False")
    assert (bool(free.mask), str(free.mask)) == (False, "")
    assert masked.dropped()
    assert not masked.is_runnable()
    masked.refresh_readiness()
    assert (masked.state.phase, masked.status.outcome.name) == (JobPhase.DONE, "SKIPPED")


def test_names_and_places(tmp_path: Path) -> None:
    """Where things of the job lie."""
    job = job_in(tmp_path, spec("a", path="sub/t.pyt", directory="sub/a"))
    assert (job.name, job.display_name(), job.display_name(full=True)) == ("a", "a", "sub/a")
    assert (job.stdout, job.stderr) == ("canary-out.txt", None)
    assert job.lockfile == job.workspace.dir / "job.json"
    assert job.view_path == Path("sub/a")
    assert job.file == Path("/nowhere/t.jobs.yaml")
    assert "PENDING" in repr(job)


@pytest.mark.parametrize("path", ["/etc", "../x", "a/../../b"])
def test_a_space_stays_in_its_root(tmp_path: Path, path: str) -> None:
    """A job's folder never lies outside of its session."""
    with pytest.raises(CanaryWfError, match="leads out"):
        ExecutionSpace(tmp_path, Path(path))


def test_a_space_is_made_and_removed(tmp_path: Path) -> None:
    """Making it twice does no harm."""
    space = ExecutionSpace(tmp_path, Path("x/y"))
    for _ in range(2):
        space.create()
    assert space.exists()
    space.remove()
    assert not space.exists()


# -- readiness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "outcome", "expected"),
    [
        ("on_success", "SUCCESS", True),
        ("on_success", "XDIFF", True),
        ("on_success", "FAILED", False),
        ("on_failure", "DIFFED", True),
        ("on_failure", "SKIPPED", False),
        ("on_failure", "CANCELLED", False),
        ("always", "CANCELLED", True),
        (None, "FAILED", True),
        ("success or diffed", "DIFFED", True),
        ("fail", "TIMEOUT", True),
        ("pass", "XDIFF", True),
        ("blocked", "BLOCKED", True),
    ],
)
def test_a_dependency_is_satisfied_by_the_verdict(
    tmp_path: Path, when: str | None, outcome: str, expected: bool
) -> None:
    """A job behind an upstream that ended so is ready, or blocked with the reason."""
    upstream = ended(job_in(tmp_path, spec("a")), outcome)
    assert Dependency(upstream, when).is_satisfied() is expected
    job = job_in(tmp_path, spec("b", "a"), upstream, when=when)
    assert (job.is_ready(), job.is_runnable()) == (expected, expected)
    job.refresh_readiness()
    if expected:
        assert job.state.is_pending()
    else:
        assert (job.state.phase, job.status.outcome.name, job.status.code) == (JobPhase.DONE, "BLOCKED", 81)
        assert job.status.reason == f"dependency a ended with {outcome}, needed {when}"
        assert job.dropped()


def test_nothing_is_satisfied_before_the_upstream_is_done(tmp_path: Path) -> None:
    """Even ``always`` waits."""
    upstream = job_in(tmp_path, spec("a"))
    dependency = Dependency(upstream, "always")
    assert not dependency.is_satisfied()
    assert not dependency.is_done()
    job = job_in(tmp_path, spec("b", "a"), upstream, when="always")
    job.refresh_readiness()
    assert (job.is_ready(), job.is_runnable()) == (False, True)
    assert job.upstreams == [upstream]


def test_being_blocked_is_handed_on(tmp_path: Path) -> None:
    """A chain behind a failure is blocked, job by job; behind a masked job too."""
    first = ended(job_in(tmp_path, spec("a")), "FAILED")
    second = job_in(tmp_path, spec("b", "a"), first)
    third = job_in(tmp_path, spec("c", "b"), second)
    for job in (second, third):
        job.refresh_readiness()
    assert third.status.reason == "dependency b ended with BLOCKED, needed on_success"
    behind = job_in(tmp_path, spec("e", "d"), job_in(tmp_path, spec("d", mask="not now")), when="always")
    behind.refresh_readiness()
    assert behind.status.reason == "dependency d is left out: not now"


def test_only_what_waits_and_can_run_may_be_queued(tmp_path: Path) -> None:
    """The error names the job and why."""
    job = job_in(tmp_path, spec("a"))
    job.validate_enqueuable()
    job.on_submitted()
    assert job.state.is_submitted()
    with pytest.raises(CanaryWfError, match="a: is SUBMITTED already"):
        job.validate_enqueuable()
    with pytest.raises(CanaryWfError, match="can never run"):
        job_in(tmp_path, spec("b", mask="no")).validate_enqueuable()


# -- verdicts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "xstatus", "expected"),
    [
        (0, 0, ("PASS", "SUCCESS", 0)),
        (65, 0, ("FAIL", "FAILED", 65)),
        (81, 0, ("FAIL", "FAILED", 81)),
        (0, -1, ("FAIL", "FAILED", 0)),
        (80, -1, ("PASS", "XFAIL", 11)),
        (8, 7, ("FAIL", "FAILED", 8)),
        (64, 64, ("PASS", "XDIFF", 10)),
        (1, 64, ("FAIL", "FAILED", 1)),
        ("2", 0, ("FAIL", "FAILED", 2)),
        ("timeout", 0, ("FAIL", "TIMEOUT", 68)),
    ],
)
def test_an_exit_code_becomes_the_verdict(
    tmp_path: Path, code: int | str, xstatus: int, expected: tuple[str, str, int]
) -> None:
    """Exit code and declared expectation decide; a text is a number or the name of an outcome."""
    job = job_in(tmp_path, spec("a", xstatus=xstatus))
    job.update_status_from_exit_code(code=code)
    assert (job.status.category.value, job.status.outcome.name, job.status.code) == expected


def test_another_text_is_no_exit_code(tmp_path: Path) -> None:
    """The error quotes it."""
    with pytest.raises(InputError, match="'soon' is neither"):
        job_in(tmp_path, spec("a")).update_status_from_exit_code(code="soon")


def test_a_status_is_set_by_names(tmp_path: Path) -> None:
    """A contradiction is refused, and the verdict stays."""
    job = job_in(tmp_path, spec("a"))
    job.set_status(category="FAIL", reason="why", code=3)
    assert (job.status.outcome.name, job.status.reason, job.status.code) == ("FAILED", "why", 3)
    with pytest.raises(InputError, match="implies category FAIL, not PASS"):
        job.set_status(category="PASS", outcome="FAILED")
    assert job.status.outcome.name == "FAILED"


def test_a_reason_alone_leaves_the_verdict(tmp_path: Path) -> None:
    """Of what is not given nothing changes."""
    job = job_in(tmp_path, spec("a"))
    job.set_status(outcome="FAILED", code=3)
    job.set_status(reason="why")
    assert (job.status.outcome.name, job.status.reason, job.status.code) == ("FAILED", "why", 3)
    job.set_status(code=4)
    assert (job.status.outcome.name, job.status.reason, job.status.code) == ("FAILED", "why", 4)


# -- state ---------------------------------------------------------------------------------------------------------


def test_a_state_goes_from_one_process_to_another(tmp_path: Path) -> None:
    """What a run in a child process found is all there in the parent; the state is plain data."""
    import json

    child, parent = job_in(tmp_path, shell("a", "exit 64")), job_in(tmp_path, shell("a", "exit 64"))
    child.assign_resources({"cpus": [{"id": "5", "slots": 1}], "gpus": []})
    child.set_attribute("n", 1)
    child.add_variables(X="1")
    run(child)
    parent.setstate(json.loads(json.dumps(child.getstate())))
    assert parent.getstate() == child.getstate()
    assert (parent.status, parent.cpu_ids, parent.variables) == (child.status, ["5"], {"X": "1"})
    assert parent.measurements.data["duration"] >= 0


def test_a_wrong_state_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    """Another job's state, a wrong type, an unknown outcome: each is named."""
    job, other = job_in(tmp_path, spec("a")), job_in(tmp_path, spec("b"))
    for wrong in (other.getstate(), {**job.getstate(), "phase": 7}, {**job.getstate(), "outcome": "GREAT"}):
        with pytest.raises(CanaryWfError):
            job.setstate(wrong)
    assert job.state.is_pending()


def test_save_and_refresh_go_through_job_json(tmp_path: Path) -> None:
    """One object writes, another reads; without a file nothing changes."""
    writer, reader = (job_in(tmp_path, spec("a")) for _ in range(2))
    reader.refresh()
    assert reader.state.is_pending()
    ended(writer, "XFAIL").save()
    reader.refresh()
    assert (reader.state.phase, reader.status.outcome.name) == (JobPhase.DONE, "XFAIL")


def test_rounding_up_is_exact() -> None:
    """Also where floating point would be off by one."""
    assert [ceil_div(a, 4) for a in (0, 1, 4, 5, -1)] == [0, 1, 1, 2, 0]
    assert ceil_div(10**30 + 1, 10) == 10**29 + 1
    with pytest.raises(ZeroDivisionError):
        ceil_div(1, 0)


def test_a_job_without_a_launcher_says_what_to_set(tmp_path: Path) -> None:
    """The layer of jobs starts no process itself."""
    job = Job(spec("a"), ExecutionSpace(tmp_path, Path("a")))
    with pytest.raises(CanaryWfError, match="ProcessLauncher"):
        job.run()
    assert job.state.is_pending()
