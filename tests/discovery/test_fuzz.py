"""Directives with any arguments, and job files of any content: jobs, or an error that names the file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples

from canary_wf.discovery import DiscoveryOptions
from canary_wf.discovery.job_files.check import SCHEMA_FILE, is_well_formed
from canary_wf.discovery.options import Timeouts
from canary_wf.discovery.pyt.directives import HANDLERS
from canary_wf.discovery.pyt.expand import expand
from canary_wf.discovery.pyt.protocol import Call, FileReading
from canary_wf.discovery.walk import FoundFile
from canary_wf.errors import InputError
from canary_wf.runtime.canary import directives

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
TELLING = """a n a,b always success options=x parameters='n>1' ../x /x *.txt $n {n} ${ 5m -1 é cpus ' on_failure + ?"""
TEXTS = st.text(max_size=8) | st.sampled_from(["", " ", "a b", "\0", *TELLING.split()])
PLAIN = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Return a call of one directive with arguments of its signature, of any plain value."""
    import inspect

    name = draw(st.sampled_from(sorted(HANDLERS)))
    arguments: dict[str, Any] = {}
    for key, parameter in inspect.signature(getattr(directives, name)).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments[key] = draw(st.lists(PLAIN, max_size=3))
        elif parameter.kind is parameter.VAR_KEYWORD:
            arguments[key] = draw(st.dictionaries(TEXTS, PLAIN, max_size=2))
        elif parameter.default is parameter.empty or draw(st.booleans()):
            arguments[key] = draw(PLAIN)
    return Call(name, arguments, 1)


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(calls(), max_size=4))
@example([Call("parameterize", {"names": "n", "values": [1, 2]}, 1), Call("copy", {"files": ["$n"]}, 2)])
def test_directives_of_any_arguments_give_jobs_or_an_input_error(made: list[Call]) -> None:
    """Whatever a directive is called with, the error names the file, and jobs have names."""
    found = FoundFile("t.pyt", "/tests/t.pyt")
    try:
        drafts = expand(found, FileReading(tuple(made)), DiscoveryOptions(), Timeouts({}))
    except InputError as error:
        drafts, place = [], str(error.where)
    else:
        place = found.file
    assert place.startswith(found.file)
    assert all(draft.spec.name for draft in drafts)


KEYS = sorted(json.loads(SCHEMA_FILE.read_text())["$defs"]["job"]["properties"])
GOOD: dict[str, Any] = {
    "command": ["a", 1, 2.5], "cpus": 2, "gpus": 0, "nodes": 1, "memory": "2GiB", "resources": {"fpgas": 1},
    "timeout": "5m", "runtime": 2.5, "keywords": ["a"], "owners": [], "parameters": {"n": [1, "x", None, True]},
    "environment": {"A": "1", "B": 2}, "copy": ["a"], "link": [], "depends_on": ["a", {"job": "b", "expects": 2}],
    "exclusive": True, "xfail": 3, "output_limit": "1GiB", "artifacts": [{"file": "a", "save_on": "failure"}],
}  # fmt: skip


@st.composite
def entries(draw: st.DrawFn) -> Any:  # noqa: ANN401 - anything
    """Return an entry of a job file that is right but for some values, or keys, of any kind."""
    entry: dict[str, Any] = {"name": "a", "command": "x"}
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=5, unique=True)):
        entry[key] = draw(st.just(GOOD.get(key, "a")) | PLAIN)
    if draw(st.integers(0, 9)) == 0:
        entry[draw(TEXTS)] = draw(PLAIN)
    return entry


@settings(max_examples=examples(600), deadline=None)
@given(st.fixed_dictionaries({"jobs": st.lists(entries(), max_size=3)}) | PLAIN)
def test_what_the_types_let_pass_the_schema_lets_pass(value: Any) -> None:  # noqa: ANN401 - anything
    """The quick check never says yes where the schema says no."""
    from jsonschema import Draft202012Validator

    if is_well_formed(value):
        assert Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).is_valid(value)


def test_the_types_know_every_key() -> None:
    """A file that says everything passes the quick check."""
    assert set(GOOD) | {"name"} == set(KEYS)
    assert is_well_formed({"jobs": [{"name": "a/b", **GOOD}]})


@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_parameters(tmp_path: Path, count: int) -> None:
    """One file may span ten thousand jobs, each with a name, an id and a directory of its own."""
    from canary_wf.discovery import discover

    (tmp_path / "t.pyt").write_text(f"import canary\ncanary.directives.parameterize('n', range({count}))\n")
    jobs = discover([tmp_path], DiscoveryOptions()).jobs
    for values in ([job.id for job in jobs], [job.name for job in jobs], [job.directory for job in jobs]):
        assert len(set(values)) == count
