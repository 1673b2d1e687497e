"""Run times that other programs kept: whatever is in a file, it is either read or refused in one line."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_wf.errors import InputError
from canary_wf.history.import_sources import Durations, NamedDurations, read_durations
from canary_wf.history.run_times import History

COSTS = "mesh/small 3 0.25\nwith space 1 12.5\nnever 0 0\n---\nmesh/small\n"


def _read_all(folder: Path, content: str | bytes) -> Durations:
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_durations(path)


def _read(folder: Path, content: str | bytes) -> History | NamedDurations:
    return _read_all(folder, content).known


def test_costs_of_ctest(tmp_path: Path) -> None:
    """Name, runs and mean seconds a line; what never ran and what failed last is not a run time."""
    assert _read(tmp_path, COSTS) == NamedDurations("CTest", {"mesh/small": 0.25, "with space": 12.5})


def test_costs_of_a_project_that_never_ran(tmp_path: Path) -> None:
    """CTest writes just the separator; that is no mistake."""
    assert _read(tmp_path, "---\n") == NamedDurations("CTest", {})


def test_durations_of_pytest_split(tmp_path: Path) -> None:
    """One object of node ids and seconds."""
    content = {"tests/test_a.py::test_one[x y]": 1.5, "tests/test_a.py::test_two": 2}
    assert _read(tmp_path, json.dumps(content)) == NamedDurations("pytest-split", content)


def test_our_own_export(tmp_path: Path) -> None:
    """What another workspace exported comes with its job ids."""
    history = History(runtimes={"a" * 20: [("s", 1.0)]})
    content = {"schema": history.schema, "runtimes": history.runtimes}
    assert _read(tmp_path, json.dumps(content)) == history


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no run times"),
        ("name 1\n", ":1: is not 'name runs seconds'"),
        ("bad 1 -3\n", ": line 1, 'bad': is not a number of seconds"),
        ("bad 1 1e400\n", ": line 1, 'bad': is not a number of seconds"),
        ("{", "is not JSON"),
        ('{"a": "x"}', "'a': is not a number of seconds"),
        ('{"a": true}', "'a': is not a number of seconds"),
        ('{"a": NaN}', "'a': is not a number of seconds"),
        ('{"a": 1e999}', "'a': is not a number of seconds"),
        ('{"schema": "other/1"}', "is of format 'other/1'"),
        ('{"schema": "canary-wf/history/1", "runtimes": {"a": 3}}', "is not a history"),
        ('{"schema": "canary-wf/history/1", "runtimes": {"a": [["s", -3]]}}', "'a': is not a number of seconds"),
        (b"\xff\xfe\x00", "is not text"),
    ],
)
def test_wrong_files_are_told_in_one_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    """With the file's name, and the line or key where there is one."""
    with pytest.raises(InputError) as caught:
        _read(tmp_path, content)
    assert told in str(caught.value)
    assert str(tmp_path / "file") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "skipped"),
    [
        ('{"good": 1, "bad": -1, "word": "x", "odd": NaN}', ("'bad'", "'word'", "'odd'")),
        ("good 1 1\nbad 1 nan\nworse 2 -1\n", ("line 2, 'bad'", "line 3, 'worse'")),
        ('{"schema": "canary-wf/history/1", "runtimes": {"good": [["s", 1]], "b": [["s", -3], ["t", "x"]]}}', ("'b'",)),
    ],
)
def test_single_numbers_that_are_none_are_skipped_and_named(
    tmp_path: Path, content: str, skipped: tuple[str, ...]
) -> None:
    """One odd test does not cost the run times of all others."""
    found = _read_all(tmp_path, content)
    assert found.skipped == skipped
    known = found.known.runtimes if isinstance(found.known, History) else found.known.seconds
    assert list(known) == ["good"]


@pytest.mark.parametrize("name", ["gone", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    """One that is not there, or a folder."""
    with pytest.raises(InputError, match="cannot be read"):
        read_durations(tmp_path / name)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_KEYS = st.sampled_from(["schema", "runtimes", "forgotten", "a"])
_OBJECTS = st.dictionaries(_KEYS, _VALUES | st.just("canary-wf/history/1"), max_size=4).map(json.dumps)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.binary() | _OBJECTS)
def test_any_file_is_read_or_refused(tmp_path: Path, content: str | bytes) -> None:
    """Nothing but an InputError ever comes out, and what is read is a number of seconds."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        found = _read(tmp_path, raw)
    except InputError:
        return
    if isinstance(found, NamedDurations):
        assert all(0 <= seconds < 1e12 for seconds in found.seconds.values())
    else:
        assert found.problem() is None
