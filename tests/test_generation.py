from pathlib import Path

import pytest

import canary_wf
from canary_wf.errors import CanaryWfError, InputError
from canary_wf.plan.planner import PlanSettings

JOBS = "jobs:\n  - {name: a, command: 'true', parameters: {n: [1, 2, 3]}}\n"


def test_the_library_does_what_the_command_does(tmp_path: Path) -> None:
    """One call finds, plans and writes, and returns the plan."""
    (tmp_path / "a.jobs.yaml").write_text(JOBS)
    plan = canary_wf.generate(
        [tmp_path],
        "count:2",
        tmp_path / "out",
        resources={"cpus": 1},
        scheduler="local",
        settings=PlanSettings(workers=1),
    )
    assert len(plan.jobs) == 3
    assert len(plan.batches) == 2
    assert plan.workers == 1
    assert (tmp_path / "out" / "workflow" / "Snakefile").is_file()
    assert (tmp_path / "out" / "TestResults").is_symlink()


def test_a_second_generation_is_a_new_session_after_the_first(tmp_path: Path) -> None:
    """Sessions are ordered by name, also when made in the same moment."""
    (tmp_path / "a.jobs.yaml").write_text(JOBS)
    names = [canary_wf.generate([tmp_path], out=tmp_path / "out", scheduler="local").session for _ in range(3)]
    assert names == sorted(set(names))


def test_wrong_values_are_value_errors_of_ours(tmp_path: Path) -> None:
    """Library users catch one base, or ValueError."""
    with pytest.raises(InputError):
        canary_wf.generate([tmp_path], "count:x")
    with pytest.raises(CanaryWfError):
        canary_wf.generate([tmp_path / "gone"], out=tmp_path / "out", scheduler="local")
    assert not (tmp_path / "out").exists()


def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    """The lazy package answers as any module does."""
    del tmp_path
    with pytest.raises(AttributeError, match="no_such_name"):
        canary_wf.no_such_name  # noqa: B018 - the access is what is tested
