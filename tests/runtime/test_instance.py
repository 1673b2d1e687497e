"""The job as the running test sees it."""

import json
from pathlib import Path
from typing import Any

import pytest

from canary_wf.runtime.canary.exceptions import MissingTestInstanceError
from canary_wf.runtime.canary.instance import TestInstance, TestMultiInstance, get_instance
from canary_wf.runtime.canary.parameters import MultiParameters, Parameters


def _write(folder: Path, spec: dict[str, Any], **record: Any) -> Path:  # noqa: ANN401 - any field
    folder.mkdir(parents=True, exist_ok=True)
    content = {"id": spec["id"], "name": spec["name"], "spec": spec, **record}
    (folder / "job.json").write_text(json.dumps(content))
    return folder


def _spec(name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    family = name.partition(".")[0]
    return {
        "id": f"id-{name}",
        "name": name,
        "family": family,
        "path": "sub/t.pyt",
        "file": "/tests/sub/t.pyt",
        **fields,
    }


def test_attributes_of_a_job(tmp_path: Path) -> None:
    """Everything the state file says is there under its documented name."""
    spec = _spec(
        "t.n=1", parameters={"n": 1}, cpus=2, gpus=1, keywords=["a"], timeout=5.0, runtime=2.0,
        attributes={"x": True}, command=["t.pyt", "--analyze"],
    )  # fmt: skip
    job = get_instance(str(_write(tmp_path / "job", spec, cpu_ids=["0", "3"], gpu_ids=["1"])))
    assert isinstance(job, TestInstance)
    assert not isinstance(job, TestMultiInstance)
    assert (job.name, job.family, job.id, job.file, job.file_path) == (
        "t.n=1",
        "t",
        "id-t.n=1",
        "/tests/sub/t.pyt",
        "sub/t.pyt",
    )
    assert (job.cpus, job.gpus, job.nodes, job.processors, job.devices) == (2, 1, 1, 2, 1)
    assert (job.cpu_ids, job.gpu_ids, job.keywords) == (["0", "3"], ["1"], ["a"])
    assert (job.timeout, job.runtime, job.analyze, job.multicase) == (5.0, 2.0, True, False)
    assert (job.file_root, job.working_directory) == ("/tests", str(tmp_path / "job"))
    assert job.parameters.n == job.parameters["n"] == 1
    assert "cpus" not in job.parameters
    assert job.attributes["x"] is True
    job.set_attribute(y=2)
    assert (job.get_attribute("y"), job.get_attribute("z", 3)) == (2, 3)
    assert job.logfile() == f"{tmp_path}/job/canary-out.txt"


def test_the_instance_is_found_by_the_variable_or_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CANARY_WF_JOB names the state file; without it, the current folder's is taken."""
    _write(tmp_path / "a", _spec("a"))
    _write(tmp_path / "b", _spec("b"))
    monkeypatch.chdir(tmp_path / "a")
    monkeypatch.delenv("CANARY_WF_JOB", raising=False)
    assert get_instance().name == "a"
    monkeypatch.setenv("CANARY_WF_JOB", str(tmp_path / "b" / "job.json"))
    assert get_instance().name == "b"


def test_dependencies_with_status_and_parameters(tmp_path: Path) -> None:
    """Each dependency is an instance read from its own folder; one that never ran is known by its name."""
    up = _write(
        tmp_path / "up", _spec("up.n=1", parameters={"n": 1}), category="FAIL", outcome="DIFFED", reason="r", code=64
    )
    edges = [
        {"id": "id-up.n=1", "name": "up.n=1", "when": "always", "directory": str(up)},
        {"id": "id-gone", "name": "gone", "when": "always", "directory": str(tmp_path / "gone")},
    ]
    job = get_instance(str(_write(tmp_path / "job", _spec("t"), dependencies=edges)))
    first, second = job.dependencies
    assert (first.family, first.parameters.n, first.working_directory) == ("up", 1, str(up))
    assert first.status.category == first.status.category.name == "FAIL"
    assert (first.status.outcome.value, first.status.name, first.status.code) == ("DIFFED", "DIFFED", 64)
    assert (second.name, second.status.category) == ("gone", "NONE")
    assert job.get_dependency(n=1) is first
    assert job.get_dependency(n=2) is None


def test_paths_that_the_state_file_tells_from_out_are_found(tmp_path: Path) -> None:
    """Files below OUT and folders of dependencies are absolute paths for a test, also by way of a link."""
    jobs = tmp_path / "out" / "jobs"
    edges = [{"id": "id-up", "name": "up", "when": "always", "directory": "jobs/up"}]
    assets = [{"action": "copy", "source": "sub/in.dat"}, {"action": "none", "source": "/tests/far.dat"}]
    spec = _spec("t", assets=assets) | {"file": "sub/t.pyt"}
    _write(jobs / "up", _spec("up", parameters={"n": 1}))
    _write(jobs / "t", spec, dependencies=edges, directory="jobs/t")
    (tmp_path / "TestResults").symlink_to(jobs)
    for folder in (jobs, tmp_path / "TestResults"):
        job = get_instance(str(folder / "t"))
        assert job.dependencies[0].parameters.n == 1
        assert job.dependencies[0].working_directory == str(jobs / "up")
        assert (job.file, job.file_root) == (f"{tmp_path}/out/sub/t.pyt", f"{tmp_path}/out")
        assert job.sources["copy"] == [(f"{tmp_path}/out/sub/in.dat", None)]


def test_the_aggregate_sees_tuples(tmp_path: Path) -> None:
    """Parameters of the job behind a family are tuples in the order of its dependencies."""
    edges = []
    for number in (1, 2):
        spec = _spec(f"t.a={number}.b=x", parameters={"a": number, "b": "x"})
        folder = _write(tmp_path / str(number), spec)
        edges.append({"id": spec["id"], "name": spec["name"], "when": "success", "directory": str(folder)})
    other = _write(tmp_path / "other", {**_spec("o.c=1", parameters={"c": 1}), "file": "/tests/o.pyt"})
    edges.append({"id": "o", "name": "o.c=1", "when": "always", "directory": str(other)})
    spec = _spec("t", attributes={"multicase": True})
    job = get_instance(str(_write(tmp_path / "job", spec, dependencies=edges)))
    assert isinstance(job, TestMultiInstance)
    assert (job.multicase, job.analyze) == (True, True)
    assert (job.parameters.a, job.parameters["b"]) == ((1, 2), ("x", "x"))
    assert job.parameters["a", "b"] == ((1, "x"), (2, "x"))


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_damaged_state_file_is_named(tmp_path: Path, content: str) -> None:
    """What is not the state of a job is told with the file's name."""
    (tmp_path / "job.json").write_text(content)
    with pytest.raises(MissingTestInstanceError, match=r"job\.json"):
        get_instance(str(tmp_path))


def test_parameters_are_a_read_only_mapping() -> None:
    """They work like a dict and like an object, and cannot be changed."""
    parameters = Parameters({"a": 1, "b": [2]})
    assert (list(parameters), len(parameters), "a" in parameters, parameters.get("c", 3)) == (["a", "b"], 2, True, 3)
    assert parameters == {"a": 1, "b": [2]} == parameters.asdict()
    assert dict(parameters.items()) == dict(zip(parameters.keys(), parameters.values(), strict=True))
    assert parameters["a", "b"] == (1, [2])
    assert repr(parameters) == "Parameters(a=1, b=[2])"
    with pytest.raises(AttributeError, match="there is no parameter 'c'"):
        _ = parameters.c
    with pytest.raises(AttributeError, match="cannot be changed"):
        parameters.a = 2
    with pytest.raises(KeyError):
        _ = parameters["c"]
    assert MultiParameters({"a": (1, 2)})["a",] == ((1,), (2,))


def test_what_a_test_notes_is_there_for_later_readers(tmp_path: Path) -> None:
    """Attributes and measurements set by one reader are found by the next, and `job.json` stays the runner's."""
    folder = _write(tmp_path / "job", _spec("t", attributes={"a": 1}), phase="RUNNING")
    before = (folder / "job.json").read_text()
    job = get_instance(str(folder))
    job.set_attribute(b=[2], a=3)
    job.add_measurement("speed", 1.5)
    job.set_attribute(c=None)
    again = get_instance(str(folder))
    assert again.attributes == job.attributes == {"a": 3, "b": [2], "c": None}
    assert again.measurements == {"speed": 1.5}
    assert json.loads((folder / "testcase.lock").read_text())["spec"]["attributes"]["b"] == [2]
    assert (folder / "job.json").read_text() == before
    with pytest.raises(TypeError):
        job.set_attribute(d=object())
    assert "d" not in job.attributes


def test_where_a_job_stands(tmp_path: Path) -> None:
    """State, times, files and output have the names by which tests ask for them."""
    spec = _spec(
        "t", directory="sub/t", environment={"A": "1"}, assets=[{"action": "copy", "source": "/x/in.dat"}],
        baselines=[{"source": "out"}],
    )  # fmt: skip
    folder = _write(tmp_path / "jobs/sub/t", spec, phase="DONE", started=1.5, finished=4.0, code=3)
    job = get_instance(str(folder))
    assert (job.state, job.start, job.stop, job.returncode) == ("DONE", 1.5, 4.0, 3)
    assert (job.work_tree, job.ofile, job.efile) == (str(tmp_path / "jobs"), "canary-out.txt", None)
    assert (job.variables, job.sources) == ({"A": "1"}, {"copy": [("/x/in.dat", None)]})
    assert job.baseline == [{"source": "out"}]
    assert job.output() == ""
    (folder / "canary-out.txt").write_bytes(b"hello \xff")
    assert job.output() == "hello \ufffd"


def test_dependencies_are_found_by_name_and_parameters(tmp_path: Path) -> None:
    """A name or family, parameters, or both."""
    entries = []
    for number in (1, 2):
        folder = _write(tmp_path / f"u{number}", _spec(f"u.n={number}", parameters={"n": number}, family="u"))
        entries.append({"id": f"id-u.n={number}", "name": f"u.n={number}", "directory": str(folder)})
    job = get_instance(str(_write(tmp_path / "job", _spec("t"), dependencies=entries)))
    found = [job.get_dependency("u.n=2"), job.get_dependency(n=2), job.get_dependency("u"), job.get_dependency("x")]
    assert [each and each.name for each in found] == ["u.n=2", "u.n=2", "u.n=1", None]
