"""The configuration file and the variables: what they say, where it stands, and what they must not say."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.configuration.keys import configuration_schema, key_of, known_keys, template
from canary_wf.configuration.settings import defaults_of, find_file, fits, read_settings, unknown_variables
from canary_wf.errors import InputError

EXAMPLE = """\
paths: {tests: [tests, more], out: build}
batch:
  spec: count:2
  workers: 3
retry: {timeout: 1, any: 2}
resources:
  cpus: 4
  memory: 2GiB
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "canary-wf.yaml"
    path.write_text(EXAMPLE)
    return path


def test_each_value_has_its_line(file: Path) -> None:
    """Keys by their dotted names."""
    found = {name: (each.value, each.source) for name, each in read_settings(file, {}).items()}
    assert found == {
        "paths.tests": (["tests", "more"], "canary-wf.yaml:1"),
        "paths.out": ("build", "canary-wf.yaml:1"),
        "batch.spec": ("count:2", "canary-wf.yaml:3"),
        "batch.workers": (3, "canary-wf.yaml:4"),
        "retry": ({"timeout": 1, "any": 2}, "canary-wf.yaml:5"),
        "resources.cpus": (4, "canary-wf.yaml:7"),
        "resources.memory": ("2GiB", "canary-wf.yaml:8"),
    }


def test_values_become_what_the_options_take(file: Path) -> None:
    """KEY=VALUE texts where that is how an option is given, else the value itself."""
    assert defaults_of(read_settings(file, {}).values()) == {
        "paths": ("tests", "more"),
        "out": "build",
        "batch": ("spec=count:2", "workers=3", "retry=timeout:1,any:2"),
        "resources": ("cpus=4", "memory=2GiB"),
    }


def test_variables_win_key_by_key(file: Path) -> None:
    """Of each type of value, and also for keys whose last part is the user's."""
    variables = {
        "CANARY_WF_PATHS_TESTS": "a:b",
        "CANARY_WF_BATCH_WORKERS": "7",
        "CANARY_WF_BATCH_STRICT": "yes",
        "CANARY_WF_RETRY": "oom:1",
        "CANARY_WF_RESOURCES_CPUS": "8",
        "CANARY_WF_RESOURCES_FPGAS": "2",
        "CANARY_WF_RESOURCES_POOL_FILE": "pool.yaml",
        "CANARY_WF_LEASE_DIR": "/not/a/key",
        "UNRELATED": "1",
    }
    found = read_settings(file, variables)
    assert {name: each.value for name, each in found.items() if each.source.startswith("CANARY")} == {
        "paths.tests": ["a", "b"],
        "batch.workers": 7,
        "batch.strict": True,
        "retry": {"oom": 1},
        "resources.cpus": "8",
        "resources.fpgas": "2",
        "resources.pool_file": "pool.yaml",
    }
    assert found["batch.spec"].source == "canary-wf.yaml:3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch:\n  spce: x\n", "canary-wf.yaml:2: batch.spce: this key is not known; did you mean spec?"),
        ("batch:\n\n  workers: many\n", "canary-wf.yaml:3: batch.workers: 'many' is not a whole number"),
        ("batch: {workers: 0}\n", "canary-wf.yaml:1: batch.workers: 0 is below 1"),
        ("batch: {fail_on: some}\n", "canary-wf.yaml:1: batch.fail_on: 'some' is not one of any, never"),
        ("batch: {strict: 1}\n", "canary-wf.yaml:1: batch.strict: 1 is not true or false"),
        ("paths: {tests: tests}\n", "canary-wf.yaml:1: paths.tests: 'tests' is not a list"),
        ("paths: {out: ''}\n", "canary-wf.yaml:1: paths.out: this text is empty"),
        ("report:\n  junit: 3\n", "canary-wf.yaml:2: report.junit: 3 is not text"),
        ("tests: [a]\n", "canary-wf.yaml:1: tests: this key is not known; did you mean"),
        ("- a\n", "canary-wf.yaml:1: ['a'] is not a mapping"),
        ("batch: {spec: a, spec: b}\n", "canary-wf.yaml:1: key 'spec' is given twice"),
        ("batch: {\n", "canary-wf.yaml:1: is not understood"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_key(file: Path, text: str, message: str) -> None:
    """The same words as for job files, as they have the same reader."""
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_settings(file, {})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CANARY_WF_BATCH_WORKERS", "many"),
        ("CANARY_WF_BATCH_STRICT", "perhaps"),
        ("CANARY_WF_BATCH_FAIL_ON", "some"),
        ("CANARY_WF_PATHS_OUT", ""),
        ("CANARY_WF_PATHS_TESTS", ":"),
        ("CANARY_WF_RETRY", "timeout"),
        ("CANARY_WF_RETRY", "timeout:²"),
        ("CANARY_WF_RETRY", f"timeout:{'9' * 5000}"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, text: str) -> None:
    """There is no line, so the name has to do."""
    with pytest.raises(InputError) as caught:
        read_settings(None, {variable: text})
    assert str(caught.value).startswith(f"{variable}: ")


def test_variables_that_name_no_key_are_found() -> None:
    """A slip of the pen is told; other variables of this package are not taken for one."""
    names = ["CANARY_WF_BATCH_WORKRS", "CANARY_WF_RESOURCES_FPGAS", "CANARY_WF_HEARTBEAT", "CANARY_WF_CONFIG", "HOME"]
    names += ["CANARY_WF_HARTBEAT", "CANARY_WF_BATCH_COLOUR", "CANARY_WF_CALLER_PATH", "CANARY_WF_MY_OWN"]
    assert unknown_variables(dict.fromkeys(names, "1")) == {
        "CANARY_WF_BATCH_COLOUR": None,
        "CANARY_WF_BATCH_WORKRS": "CANARY_WF_BATCH_WORKERS",
        "CANARY_WF_HARTBEAT": "CANARY_WF_HEARTBEAT",
    }


def test_all_variables_of_the_documentation_are_known() -> None:
    """None of those that the page on the configuration names is taken for a slip of the pen."""
    page = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    names = set(re.findall(r"`(CANARY_WF_[A-Z_]+)`", page))
    assert len(names) > 10
    assert unknown_variables(dict.fromkeys(names, "1")) == {}


def test_relative_paths_start_at_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder below, the same files are meant."""
    below = file.parent / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    file.write_text("paths: {tests: [tests, /absolute], out: build}\ncontainer: {conda: env.yaml, image: a/b}\n")
    assert {name: each.value for name, each in read_settings(file, {}).items()} == {
        "paths.tests": ["../tests", "/absolute"],
        "paths.out": "../build",
        "container.conda": "../env.yaml",
        "container.image": "a/b",
    }


def test_names_of_conda_environments_are_no_paths(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an environment's file lies somewhere."""
    below = file.parent / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    file.write_text("container: {conda: numpy, environments: {gpu: cuda, mpi: mpi.yaml}}\n")
    assert {name: each.value for name, each in read_settings(file, {}).items()} == {
        "container.conda": "numpy",
        "container.environments": {"gpu": "cuda", "mpi": "../mpi.yaml"},
    }


def test_the_file_is_found_as_far_up_as_the_repository_reaches(file: Path) -> None:
    """Outside of a repository only the folder itself counts; a variable names any file."""
    below = file.parent / "a" / "b"
    below.mkdir(parents=True)
    assert find_file({}, file.parent) == file
    assert find_file({}, below) is None
    (file.parent / ".git").mkdir()
    assert find_file({}, below) == file
    (below / "canary-wf.yaml").touch()
    assert find_file({}, below) == below / "canary-wf.yaml"
    assert find_file({"CANARY_WF_CONFIG": "/etc/x.yaml"}, below) == Path("/etc/x.yaml")


def test_an_empty_file_says_nothing(file: Path) -> None:
    """As does one with comments alone, such as a new one."""
    for text in ("", "# nothing\n", template()):
        file.write_text(text)
        assert read_settings(file, {}) == {}


def test_a_new_file_with_its_comment_signs_taken_away_keeps_to_the_schema(file: Path) -> None:
    """Every example is right, and every key is there."""
    lines = [
        line[1:] if line.startswith(("#  ", "#")) and not line.startswith("# ") else line
        for line in template().splitlines()
    ]
    file.write_text("\n".join(line[1:] if line.startswith("#  ") else line for line in lines))
    found = read_settings(file, {})
    assert {key.name for key in known_keys() if not key.is_open} <= found.keys()
    assert {name.partition(".")[0] for name in found} == configuration_schema()["properties"].keys()


def test_the_schema_is_a_schema_and_its_defaults_and_examples_keep_to_it() -> None:
    """What is shown to users must be right."""
    schema = configuration_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for key in known_keys():
        for value in (key.schema.get("default"), key.schema.get("x-example")):
            if value is not None and not key.is_open:
                jsonschema.validate(value, {**key.schema})
        assert key.is_open or key_of(key.name) == key


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.sampled_from([-0.5, 0.5, 1.5])
    | st.sampled_from(["", " ", "a", "any", "auto"])
)
_NAMES = st.sampled_from(
    [*configuration_schema()["properties"], *(key.name.split(".")[-1] for key in known_keys()), "cpus", "unknown"]
)
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=3))


@given(st.dictionaries(_NAMES, _VALUES, max_size=3) | _VALUES)
def test_the_quick_answer_is_the_one_of_jsonschema(value: Any) -> None:  # noqa: ANN401
    """For any value at all."""
    assert fits(value, configuration_schema()) == jsonschema.Draft202012Validator(configuration_schema()).is_valid(
        value
    )


def test_the_quick_answer_knows_all_that_the_schema_says() -> None:
    """A keyword that `fits` does not look at would be checked by nobody."""
    known = {"type", "enum", "pattern", "items", "minItems", "properties", "additionalProperties", "minimum"}
    told = {"exclusiveMinimum", "description", "default", "title", "$schema", "$id"}

    def keywords(schema: dict[str, Any]) -> set[str]:
        inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
        return {name for name in schema if not name.startswith("x-")}.union(
            *(keywords(each) for each in inner if isinstance(each, dict))
        )

    assert keywords(configuration_schema()) <= known | told


def test_the_template_is_yaml_that_says_nothing() -> None:
    """Until somebody edits it."""
    assert yaml.safe_load(template()) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batch:\n  spec: duraton:3\n", "canary-wf.yaml:2: batch.spec: batch specification: 'duraton:3'"),
        ("retry: {timeot: 1}\n", "canary-wf.yaml:1: retry: 'timeot:1' is not understood"),
        ("resources:\n  cpus: many\n", "canary-wf.yaml:2: resources.cpus: 'many' is not a whole number"),
        ("slurm: {account: 'a b'}\n", "canary-wf.yaml:1: slurm.account: "),
        ("hooks: [tell]\n", "canary-wf.yaml:1: hooks: 'tell' is not understood"),
        ("select:\n  keywords: fast and\n", "canary-wf.yaml:2: select.keywords: expression 'fast and'"),
        ("select: {parameters: n >}\n", "canary-wf.yaml:1: select.parameters: "),
        ("select: {regex: '('}\n", "canary-wf.yaml:1: select.regex: '(' is not a regular expression"),
        ("container: {images: {or: x}}\n", "canary-wf.yaml:1: container.images: expression 'or'"),
    ],
)
def test_what_the_option_would_not_understand_is_told_with_its_line(file: Path, text: str, told: str) -> None:
    """By the option's own parser; without the file's name nobody would know which of the two was meant."""
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_settings(file, {})
    assert str(caught.value).startswith(told)


def test_what_a_variable_says_is_checked_in_the_same_way() -> None:
    """It is told by its name and its key."""
    with pytest.raises(InputError, match=r"^CANARY_WF_RETRY: retry: 'timeot:1' is not understood"):
        read_settings(None, {"CANARY_WF_RETRY": "timeot:1"})
