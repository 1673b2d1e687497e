import re
from pathlib import Path
from typing import Any

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


def test_one_path_needs_no_list(tmp_path: Path) -> None:
    """A text is a path, not a list of letters."""
    (tmp_path / "a.jobs.yaml").write_text(JOBS)
    for path in (tmp_path, str(tmp_path)):
        assert len(canary_wf.generate(path, None, tmp_path / "out", scheduler="local").jobs) == 3


def test_options_of_the_command_are_arguments(tmp_path: Path) -> None:
    """Each decides what its option does; one that is not known is an error as of any function."""
    (tmp_path / "a.jobs.yaml").write_text(JOBS)
    chosen: dict[str, Any] = {
        "parameter_expression": "n<3",
        "workers": 2,
        "fail_on": "never",
        "retry": {"any": 1},
        "hooks": [],
    }
    plan = canary_wf.generate(tmp_path, out=tmp_path / "out", scheduler="local", timeouts={"default": 8}, **chosen)
    assert [job.timeout for job in plan.jobs] == [8.0, 8.0]
    assert (plan.workers, plan.fail_on, plan.retry) == (2, "never", {"any": 1})
    with pytest.raises(InputError, match="needs 1 cpu, a node has none"):
        canary_wf.generate(tmp_path, out=tmp_path / "out", scheduler="local", resources={"cpus": 0}, strict=True)
    with pytest.raises(TypeError, match="'wrokers'"):
        canary_wf.generate(tmp_path, out=tmp_path / "out", scheduler="local", wrokers=2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scheduler": "pbs"}, "scheduler: 'pbs' is not known"),
        ({"resources": {"gpu": 1}}, "gpus=1"),
        ({"resources": {"cpus": -1}}, "-r cpus"),
        ({"workers": 0}, "workers: 0"),
        ({"workers": "two"}, "workers: 'two'"),
        ({"fail_on": "sometimes"}, "fail_on: 'sometimes'"),
        ({"out": ""}, "out: is empty"),
        ({"batch_spec": "count:x"}, "count:x"),
    ],
)
def test_what_the_command_refuses_the_library_refuses(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    """The value is named; nothing is written."""
    (tmp_path / "a.jobs.yaml").write_text(JOBS)
    with pytest.raises(CanaryWfError, match=re.escape(message)) as error:
        canary_wf.generate(tmp_path, **{"out": tmp_path / "out", "scheduler": "local", **wrong})
    assert isinstance(error.value, ValueError)
    assert not (tmp_path / "out").exists()


def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    """The lazy package answers as any module does."""
    del tmp_path
    with pytest.raises(AttributeError, match="no_such_name"):
        canary_wf.no_such_name  # noqa: B018 - the access is what is tested
