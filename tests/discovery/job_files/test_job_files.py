"""Job files: what they mean, and every way they can be wrong."""

import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples

from canary_wf.discovery import DiscoveryOptions, discover
from canary_wf.discovery.job_files.check import SCHEMA_FILE
from canary_wf.discovery.job_files.expand import fill
from canary_wf.errors import InputError
from canary_wf.files import json_lines
from canary_wf.spec.job_spec import Artifact, Asset, JobSpec

EVERYTHING = """\
jobs:
  - name: geometry
    command: python3 geo.py "two words" $HOME
  - name: mesh
    command: [python3, mesh.py, "${n}", "$${n}", "${x}", 3]
    cpus: 2
    gpus: 1
    nodes: 1
    memory: 2GiB
    resources: {fpgas: 1}
    timeout: 5m
    runtime: 40s
    keywords: [fast]
    owners: [a@b]
    parameters: {n: [1, 2], eps: [1e-3]}
    environment: {OMP_NUM_THREADS: 2, CASE: "case-${n}"}
    copy: ["in-${n}.dat"]
    link: ["../*.h5"]
    depends_on: [geometry, {job: "geo*", when: on_failure}]
    exclusive: true
    xfail: true
    artifacts: [{file: "*.log", save_on: failure}]
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return an empty folder for test files."""
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def _jobs(tree: Path, text: str | bytes, name: str = "m.jobs.yaml", **options: Any) -> list[JobSpec]:  # noqa: ANN401 - any option
    (tree / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(discover([tree], DiscoveryOptions(**options)).jobs)


def _error(tree: Path, text: str | bytes, name: str = "m.jobs.yaml") -> str:
    with pytest.raises(InputError) as caught:
        _jobs(tree, text, name)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{tree}/")


def _one(tree: Path, lines: str, **options: Any) -> JobSpec:  # noqa: ANN401 - any option
    text = "jobs:\n  - name: a\n    command: [x]\n" + "".join(f"    {line}\n" for line in lines.splitlines())
    (job,) = _jobs(tree, text, **options)
    return job


def test_everything_a_job_file_can_say(tree: Path) -> None:
    """Each key of a job file reaches the spec."""
    geometry, first, second = _jobs(tree, EVERYTHING)
    assert geometry.command == ("python3", "geo.py", "two words", "$HOME")
    assert (first.name, second.name) == ("mesh.eps=0.001.n=1", "mesh.eps=0.001.n=2")
    assert first.command == ("python3", "mesh.py", "1", "${n}", "${x}", "3")
    assert (first.cpus, first.gpus, first.nodes, first.memory, first.resources) == (2, 1, 1, 2048, {"fpgas": 1})
    assert (first.timeout, first.runtime, first.xstatus, first.exclusive) == (300.0, 40.0, -1, True)
    assert (first.keywords, first.owners) == (("fast",), ("a@b",))
    assert first.environment == {"OMP_NUM_THREADS": "2", "CASE": "case-1"}
    assert first.assets == (Asset("copy", str(tree / "in-1.dat")), Asset("link", str(tree.parent / "*.h5")))
    assert first.artifacts == (Artifact("*.log", "failure"),)
    assert [(edge.job, edge.when) for edge in first.dependencies] == [
        (geometry.id, "on_success"),
        (geometry.id, "on_failure"),
    ]


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
def test_all_forms_mean_the_same(tree: Path, suffix: str) -> None:
    """JSON and both spellings of YAML are read."""
    text = json.dumps({"jobs": [{"name": "a/b", "command": ["true"]}]}, indent="\t")
    (job,) = _jobs(tree, text, f"m.jobs.{suffix}")
    assert (job.name, job.directory, job.timeout) == ("a/b", "a/b", 300.0)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [("xfail: false", 0), ("xfail: true", -1), ("xfail: 3", 3), ("", 0)],
)
def test_xfail(tree: Path, lines: str, expected: int) -> None:
    """The value true means any non-zero exit code, a number exactly that one."""
    assert _one(tree, lines).xstatus == expected


def test_default_timeouts_follow_keywords(tree: Path) -> None:
    """fast, long and neither have their own time limits."""
    found = [_one(tree, lines).timeout for lines in ("keywords: [fast]", "keywords: [long]", "keywords: [other]")]
    assert found == [120.0, 900.0, 300.0]


def test_parameters_named_like_resources_set_them(tree: Path) -> None:
    """cpus, gpus, nodes, memory and the types of the pool can be parameters."""
    job = _one(tree, "parameters: {cpus: [4], memory: [1GiB], fpgas: [2]}", resource_types=frozenset({"fpgas"}))
    assert (job.cpus, job.memory, job.resources) == (4, 1024, {"fpgas": 2})


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("${n}", {"n": 1}, "1"),
        ("${n}${m}", {"n": 0.1}, "0.1${m}"),
        ("$n $$n ${ n}", {"n": 1}, "$n $n ${ n}"),
        ("$${n}", {"n": 1}, "${n}"),
        ("${n}", {"n": "${n}"}, "${n}"),
        ("${n}", {"n": 0.123456789012}, "0.123456789012"),
        ("$", {}, "$"),
        ("${HOME:-x} $(ls)", {"HOME": 1}, "${HOME:-x} $(ls)"),
    ],
)
def test_substitution(text: str, parameters: dict[str, Any], expected: str) -> None:
    """Only the job's own parameters are filled in, once and in full."""
    assert fill(text, parameters) == expected


def test_strings_are_split_before_parameters_are_filled_in(tree: Path) -> None:
    """A parameter with blanks or quotes stays one word."""
    (job,) = _jobs(tree, 'jobs:\n- name: a\n  command: run ${s}\n  parameters: {s: ["a \'b"]}\n')
    assert job.command == ("run", "a 'b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "m.jobs.yaml: is empty"),
        ("# only a comment\n", "m.jobs.yaml: is empty"),
        ("[]", "m.jobs.yaml:1: begins with a list; write jobs: above it"),
        ("jobs: []", "m.jobs.yaml:1: jobs: this list is empty"),
        ("jobs: {}", "m.jobs.yaml:1: jobs: {} is not a list"),
        ("job: []", "m.jobs.yaml:1: "),
        ("jobs:\n- command: [x]", "m.jobs.yaml:2: jobs[0]: the key 'name' is missing"),
        ("jobs:\n- name: a", "m.jobs.yaml:2: jobs[0]: the key 'command' is missing"),
        (b"\xff\xfe", "m.jobs.yaml:1: is not UTF-8 text"),
        ("jobs:\n\t- a", "m.jobs.yaml:2: a tab stands where only blanks may indent"),
        ("jobs: [1,\n2", "m.jobs.yaml:2: is not understood (did not find expected ',' or ']')"),
        ("jobs: 1\njobs: 2", "m.jobs.yaml:2: key 'jobs' is given twice"),
        ("a: &x [*x]", "m.jobs.yaml:1: an alias stands inside what it stands for"),
        ("[" * 100_000, "m.jobs.yaml:1: is nested too deep"),
        ("- " * 100_000, "m.jobs.yaml:1: is nested too deep"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(5000)), "m.jobs.yaml:51: is nested too deep"),
        ("a: !!python/object:os.system x", "m.jobs.yaml:1: is not understood (could not determine a constructor"),
        ("a: 1\n---\nb: 2", "m.jobs.yaml:2: is not understood"),
        ("1: x", "m.jobs.yaml:1: the key 1 is not text; put quotes around it"),
        ("a: .inf", "m.jobs.yaml:1: a: inf is not a value"),
        ("a: " + "9" * 30, "m.jobs.yaml:1: a: 999"),
        ("a: \x01", "m.jobs.yaml:1: holds a character that YAML refuses"),
        ("? [a]\n: b", "m.jobs.yaml:1: a list or mapping cannot be a key"),
    ],
)
def test_files_that_are_no_job_files(tree: Path, text: str | bytes, message: str) -> None:
    """Whatever is wrong with the file as a whole is one line with file and line."""
    assert _error(tree, text).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cpus: two", "jobs[0].cpus: 'two' is not a whole number"),
        ("cpus: 0", "jobs[0].cpus: 0 is below 1"),
        ("cpus: true", "jobs[0].cpus: True is not a whole number"),
        ("cpus: 1.5", "jobs[0].cpus: 1.5 is not a whole number"),
        ("cpu: 2", "jobs[0].cpu: this key is not known; did you mean cpus?"),
        ("cpus: 2\n    cpus: 3", "key 'cpus' is given twice"),
        ("env: {A: b}", "jobs[0].env: this key is not known; did you mean environment?"),
        ("Tags: [a]", "jobs[0].Tags: this key is not known; did you mean keywords?"),
        ("zzz: 2", "jobs[0].zzz: this key is not known; known are name, command"),
        ("command: ''", "jobs[0].command: this text is empty"),
        ("command: []", "jobs[0].command: this list is empty"),
        ("command: {a: b}", "jobs[0].command: {'a': 'b'} is not text or a list"),
        ("command: [[x]]", "jobs[0].command[0]: ['x'] is not text or a number"),
        ("command: 'a \"b'", "jobs[0].command: 'a \"b' cannot be split into words"),
        ('command: ["a\\0"]', "jobs[0].command[0]: holds a NUL character"),
        ("memory: lots", "jobs[0].memory: memory 'lots' is not understood"),
        ("memory: 0", "jobs[0].memory: 0 is not above 0"),
        ("memory: 0GiB", "jobs[0].memory: '0GiB' is not positive"),
        ("timeout: soon", "jobs[0].timeout: duration 'soon'"),
        ("timeout: -5", "jobs[0].timeout: -5 is not above 0"),
        ("runtime: [1]", "jobs[0].runtime: [1] is not text or a number"),
        ("keywords: fast", "jobs[0].keywords: 'fast' is not a list"),
        ("keywords: ['']", "jobs[0].keywords[0]: this text is empty"),
        ("resources: {cpus: 1}", "jobs[0].resources: 'cpus' has a key of its own"),
        ("resources: {fpgas: -1}", "jobs[0].resources.fpgas: -1 is below 0"),
        ("parameters: {n: 1}", "jobs[0].parameters.n: 1 is not a list"),
        ("parameters: {n: []}", "jobs[0].parameters.n: this list is empty"),
        ("parameters: {a-b: [1]}", "jobs[0].parameters: 'a-b' is not allowed; use letters, digits and _"),
        ("parameters: {cpus: [0]}", "jobs[0].parameters.cpus: 0 is not a whole number from 1"),
        ("parameters: {memory: [true]}", "jobs[0].parameters.memory: True is not an amount of memory"),
        ("cpus: 1\n    parameters: {cpus: [2]}", "jobs[0].parameters.cpus: cpus is given twice"),
        ("environment: {A: [1]}", "jobs[0].environment.A: [1] is not text or a number"),
        ("environment: {A: yes}", "jobs[0].environment.A: True is not text or a number; put quotes around it"),
        ("cpus: 99999999999999999999", "jobs[0].cpus: 99999999999999999999 is too large"),
        ("cpus: -99999999999999999999", "jobs[0].cpus: -99999999999999999999 is too small"),
        ("environment: {A=B: x}", "jobs[0].environment: 'A=B' is not allowed; use a name without ="),
        ("copy: [/]", "jobs[0].copy[0]:"),
        ("link: ['..']", None),
        ("depends_on: a", "jobs[0].depends_on: 'a' is not a list"),
        ("depends_on: [nope]", "job 'a' depends on 'nope', which matches no job"),
        ("depends_on: [{job: b, when: maybe}]", "jobs[0].depends_on[0]: dependency condition 'maybe'"),
        ("depends_on: [{when: always}]", "jobs[0].depends_on[0]: the key 'job' is missing"),
        ("depends_on: [{job: b, expects: x}]", "jobs[0].depends_on[0].expects: 'x' is not one of +, ?, *"),
        ("depends_on: [{job: b, expects: 0}]", "jobs[0].depends_on[0].expects: 0 is below 1"),
        ("depends_on: [a]", "jobs depend on each other in a circle: a → a"),
        ("exclusive: maybe", "jobs[0].exclusive: 'maybe' is not true or false"),
        ("xfail: 256", "jobs[0].xfail: 256 is above 255"),
        ("xfail: some", "jobs[0].xfail: 'some' is not true or false or a whole number"),
        ("artifacts: [{file: ../x}]", "jobs[0].artifacts[0].file: '../x' is not a path inside"),
        ("artifacts: [{file: x, save_on: never}]", "jobs[0].artifacts[0].save_on: 'never' is not one of always"),
    ],
)
def test_mistakes_are_told_with_line_and_key_path(tree: Path, line: str, message: str | None) -> None:
    """A mistake in a job names the line and the path of keys to it."""
    head = "jobs:\n  - name: a\n" + ("" if line.startswith("command") else "    command: [x]\n")
    if message is None:
        assert len(_jobs(tree, f"{head}    {line}\n")) == 1
        return
    found = _error(tree, f"{head}    {line}\n")
    assert message in found
    if "circle" not in message:
        assert found.startswith("m.jobs.yaml:")
        assert found.split(":")[1] in {"3", "4", "5"}


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True), ("a/b", True), ("a.b-c_d=e+f@g,h", True), ("0", True), ("größe", True), ("..a", True),
        ("", False), (".", False), ("..", False), ("a/../b", False), ("a//b", False), ("/a", False), ("a/", False),
        ("a b", False), ("a$b", False), ("a\nb", False), ("a{b}", False), ("a'", False), ("./a", False), ("a\n", False),
    ],
)  # fmt: skip
def test_names(tree: Path, name: str, good: bool) -> None:
    """A name has components of harmless characters, none empty, `.` or `..`."""
    text = json.dumps({"jobs": [{"name": name, "command": ["x"]}]})
    if good:
        assert _jobs(tree, text, "m.jobs.json")[0].name == name
    else:
        assert "jobs[0].name" in _error(tree, text, "m.jobs.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"jobs": [}', "m.jobs.json:1: is not JSON"),
        ('{\n"a": 1,\n"a": 2}', "m.jobs.json:3: key 'a' is given twice"),
        ("[" * 100_000, "m.jobs.json: is nested too deep"),
        ('{"a": ' + "9" * 5000 + "}", "m.jobs.json: is not understood"),
        ('{"a": NaN}', "m.jobs.json:1: a: nan is not a value"),
        ('{"jobs": [\n\t{"name": "a", "command": ["x"], "cpus": 0}]}', "m.jobs.json:2: jobs[0].cpus"),
        ('{"a": "\\ud800"}', "m.jobs.json:1: a: is not valid text"),
    ],
)
def test_json_mistakes(tree: Path, text: str, message: str) -> None:
    """JSON files are refused in the same way."""
    assert _error(tree, text, "m.jobs.json").startswith(message)


def test_json_is_read_for_its_lines_only_when_an_error_needs_them(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the error looks for the line, and PyYAML, which takes long over a large file, is not asked."""
    text = '{"jobs": [\n{"name": "a", "command": ["x"]},\n{"name": "b", "command": ["x"], "depends_on": [\n"%s"]}]}'
    line_of, compose = Mock(wraps=json_lines.line_of), Mock()
    monkeypatch.setattr(json_lines, "line_of", line_of)
    monkeypatch.setattr(yaml, "compose", compose)
    assert len(_jobs(tree, text % "a", "m.jobs.json")) == 2
    line_of.assert_not_called()
    (tree / "m.jobs.json").write_text(text % "c")
    with pytest.raises(InputError) as error:
        discover([tree], DiscoveryOptions())
    assert str(error.value.where).endswith("m.jobs.json:4")
    line_of.assert_called_once()
    compose.assert_not_called()


def test_aliases_may_be_used_but_not_as_a_bomb(tree: Path) -> None:
    """Merging from an anchor works; aliases of aliases that make billions are refused at once."""
    merged = "jobs:\n- &base {name: a, command: [x], cpus: 2}\n- {<<: *base, name: b}\n"
    assert [job.cpus for job in _jobs(tree, merged)] == [2, 2]
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    start = time.process_time()
    assert "aliases" in _error(tree, "\n".join(lines))
    assert time.process_time() - start < 5


def test_a_billion_jobs_are_refused_at_once(tree: Path) -> None:
    """The size of a product is known before it is made."""
    values = list(range(1000))
    text = json.dumps(
        {"jobs": [{"name": "a", "command": ["x"], "parameters": {"a": values, "b": values, "c": values}}]}
    )
    start = time.process_time()
    assert "make 1000000000 jobs; at most 1000000" in _error(tree, text, "m.jobs.json")
    assert time.process_time() - start < 5


def test_brackets_in_texts_are_not_nesting(tree: Path) -> None:
    """Many brackets inside texts do not count as nested collections."""
    lines = "".join(f"  - name: j{number}\n    command: ['test [[ {{']\n" for number in range(100))
    assert len(_jobs(tree, f"jobs:\n{lines}")) == 100


def test_the_same_job_twice_is_refused(tree: Path) -> None:
    """Two jobs of one name in a file have one id, and so have equal rows of parameters."""
    told = _error(tree, "jobs:\n- {name: a, command: [x]}\n- {name: a, command: [y]}\n")
    assert "m.jobs.yaml:3: jobs[1].name: job 'a' has the same id as one of jobs[0]" in told
    told = _error(tree, "jobs:\n- name: a\n  command: [x]\n  parameters: {n: [1, 2, 1]}\n")
    assert "m.jobs.yaml:4: jobs[0].parameters: job 'a.n=1' is defined twice" in told


def test_the_schema_is_a_valid_schema() -> None:
    """The shipped file follows the draft it names."""
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text()))


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["a", "5m", "2GiB", "${n}", "always", "on_failure", "x y", "*", "..", "/"]),
)  # fmt: skip
_INNER_KEYS = st.text(max_size=5) | st.sampled_from(["job", "when", "file", "n", "cpus"])
_ANY = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_INNER_KEYS, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
_KEYS = list(json.loads(SCHEMA_FILE.read_text())["$defs"]["job"]["properties"])
_ENTRY = st.builds(
    lambda base, more: {**base, **more},
    st.just({"name": "a", "command": ["x"]}),
    st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), _ANY, max_size=3),
)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=st.fixed_dictionaries({"jobs": st.lists(_ENTRY, min_size=1, max_size=2)}) | _ANY, as_json=st.booleans())
def test_any_document_gives_jobs_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, document: object, as_json: bool
) -> None:
    """No value at any place makes anything but jobs or an input error of one line."""
    tree = tmp_path_factory.mktemp("fuzz")
    text = json.dumps(document) if as_json else yaml.safe_dump(document, allow_unicode=True)
    file = tree / ("m.jobs.json" if as_json else "m.jobs.yaml")
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = discover([tree], DiscoveryOptions()).jobs
    except InputError as error:
        message = str(error)
    else:
        message = "no job" if not found else ""
    assert message != "no job"
    assert "\n" not in message


@settings(max_examples=examples(300), deadline=None)
@given(text=st.text(alphabet="jobsnamecd: -[]{}\n\t'\"&*!|>#?,01\0\xe9\x85\ufeff", max_size=60) | st.text(max_size=40))
def test_any_text_gives_jobs_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No text breaks the reading of YAML."""
    tree = tmp_path_factory.mktemp("fuzz")
    (tree / "m.jobs.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError):
        discover([tree], DiscoveryOptions())
