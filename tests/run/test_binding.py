"""Jobs bound to the CPUs of their ids."""

import os
import subprocess
import sys
from pathlib import Path

from factories import plan_of, shell, spec

from canary_wf.plan.store import write_session
from canary_wf.run.run_context import Binding, bindable

AFFINITY = f"exec {sys.executable} -c 'import os; print(sorted(os.sched_getaffinity(0)))'"


def test_only_ids_that_are_cpus_of_ours_can_be_bound_to() -> None:
    """All of them must be; an id with several slots is one CPU."""

    def ids(*names: str) -> dict[str, list[dict[str, object]]]:
        return {"cpus": [{"id": name, "slots": 1} for name in names]}

    assert bindable(ids("0", "3"), {0, 1, 3}) == frozenset({0, 3})
    assert bindable(ids("0", "0"), {0}) == frozenset({0})
    assert bindable(ids("0", "9"), {0}) is None
    assert bindable(ids("node-1"), {0, 1}) is None
    assert bindable({}, {0}) is None


def test_it_is_said_once_that_jobs_are_not_bound() -> None:
    """However many there are; and nothing is said where nobody asked for it."""
    said: list[str] = []
    given = {"cpus": [{"id": "99999", "slots": 1}]}
    binding = Binding(everyone=True, ids_are_cpus=True, report=said.append)
    assert [binding.cpus_for(spec(name), given) for name in "abc"] == [None, None, None]
    assert len(said) == 1
    assert "99999" in said[0]
    one = {"cpus": [{"id": str(min(os.sched_getaffinity(0))), "slots": 1}]}
    assert Binding(everyone=True, ids_are_cpus=False, report=said.append).cpus_for(spec("a"), one) is None
    assert Binding(everyone=False, ids_are_cpus=True, report=said.append).cpus_for(spec("a"), one) is None
    assert len(said) == 2


def _printed(out: Path, *options: str, bind: bool = False) -> str:
    one = str(max(os.sched_getaffinity(0)))
    pool = {"additional_properties": {}, "resources": {"cpus": [{"id": one, "slots": 1}], "gpus": []}}
    plan = plan_of([shell("a", AFFINITY)], resource_pool=pool, bind=bind)
    paths = write_session(plan, out)
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    done = subprocess.run([*line, *options], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return (paths.job("a") / "canary-out.txt").read_text().strip()


def test_a_job_runs_on_the_cpus_of_its_ids_when_asked_for(tmp_path: Path) -> None:
    """By the plan or by the runner's own option; else on all of the runner's."""
    everything = sorted(os.sched_getaffinity(0))
    assert _printed(tmp_path / "1") == str(everything)
    assert _printed(tmp_path / "2", "--bind") == str([everything[-1]])
    assert _printed(tmp_path / "3", bind=True) == str([everything[-1]])
