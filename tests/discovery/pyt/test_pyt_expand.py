"""From the directives of a `.pyt` file to jobs."""

from pathlib import Path

import pytest

from canary_wf.discovery import Discovery, DiscoveryOptions, discover
from canary_wf.errors import InputError, UsageError
from canary_wf.spec.identity import job_id
from canary_wf.spec.job_spec import Artifact, Asset, Baseline, EnvironmentModule, JobSpec, Preparation

HEAD = "import canary\nd = canary.directives\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return an empty folder for test files."""
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def _discover(tree: Path, text: str, options: DiscoveryOptions | None = None) -> Discovery:
    (tree / "t.pyt").write_text(HEAD + text)
    return discover([tree], options or DiscoveryOptions())


def _jobs(tree: Path, text: str, **options: object) -> list[JobSpec]:
    return list(_discover(tree, text, DiscoveryOptions(**options)).jobs)  # type: ignore[arg-type]


def _job(tree: Path, text: str, **options: object) -> JobSpec:
    (job,) = _jobs(tree, text, **options)
    return job


def _error(tree: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        _jobs(tree, text)
    return str(caught.value).removeprefix(f"{tree}/")


def test_a_plain_file_is_one_job(tree: Path) -> None:
    """Family, path, id, command and script come from the file."""
    (tree / "sub").mkdir()
    (tree / "sub" / "first.pyt").write_text("")
    (job,) = discover([tree], DiscoveryOptions()).jobs
    file = str(tree / "sub" / "first.pyt")
    assert job == JobSpec(
        id=job_id("sub/first.pyt", "first", {}),
        name="first",
        family="first",
        path="sub/first.pyt",
        file=file,
        kind="pyt",
        directory="sub/first",
        command=("first.pyt",),
        assets=(Asset("link", file, "first.pyt"),),
    )


def test_names_of_parameterized_jobs(tree: Path) -> None:
    """Floats are written by %g, parameters sorted by name, jobs in the order of the values."""
    text = "d.testname('alpha')\nd.parameterize('cpus', [1, 2])\nd.parameterize('b', [1e5, 1e6, 0.1])\n"
    jobs = _jobs(tree, text)
    assert [job.name for job in jobs] == [
        "alpha.b=100000.cpus=1", "alpha.b=1e+06.cpus=1", "alpha.b=0.1.cpus=1",
        "alpha.b=100000.cpus=2", "alpha.b=1e+06.cpus=2", "alpha.b=0.1.cpus=2",
    ]  # fmt: skip
    assert [job.cpus for job in jobs] == [1, 1, 1, 2, 2, 2]


def test_several_families(tree: Path) -> None:
    """Each name makes one family; conditions may ask for it."""
    jobs = _jobs(
        tree,
        "d.name('a')\nd.testname('b')\nd.parameterize('n', [1, 2], when='testname=b')\nd.cpus(2, when='testname=a')\n",
    )
    assert [(job.name, job.cpus) for job in jobs] == [("a", 2), ("b.n=1", 1), ("b.n=2", 1)]


def test_empty_parameters_make_one_plain_job(tree: Path) -> None:
    """A parameter without values counts as not given."""
    assert _job(tree, "d.parameterize('a', [])\n").name == "t"


def test_settings_of_a_job(tree: Path) -> None:
    """The simple directives reach the spec; the last that holds wins."""
    job = _job(
        tree,
        "d.keywords('b', 'a')\nd.keywords('a', 'c')\nd.cpus(2)\nd.cpus(3)\nd.gpus(1)\nd.nodes(2)\nd.timeout('5m')\n"
        "d.memory('2GiB')\nd.resources(fpgas=1, licences=0)\nd.owners('x', 'y')\nd.owner('x')\nd.exclusive()\n"
        "d.set_attribute(a=1, b=[2])\nd.set_attribute(a=3)\nd.stages('run', 'post')\nd.description('words')\n"
        "d.preload('x')\nd.filter_warnings(True)\nd.sources('s.c')\nd.xfail(code=23)\n",
    )
    assert job.keywords == ("b", "a", "c")
    assert (job.cpus, job.gpus, job.nodes, job.memory, job.timeout) == (3, 1, 2, 2048, 300.0)
    assert job.resources == {"fpgas": 1}
    assert job.owners == ("x", "y")
    assert job.exclusive
    assert job.attributes == {"a": 3, "b": [2]}
    assert job.stages == ("run", "post")
    assert job.sources == (str(tree / "s.c"),)
    assert job.xstatus == 23


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("d.xfail()", -1), ("d.xdiff()", 64), ("d.xfail()\nd.xdiff(when='options=x')", -1)]
)
def test_expected_outcomes(tree: Path, text: str, expected: int) -> None:
    """Both xfail and xdiff say which exit code is expected."""
    assert _job(tree, text).xstatus == expected


def test_conditions_on_parameters_and_options(tree: Path) -> None:
    """A directive counts only for the jobs for which its condition holds."""
    text = "d.parameterize('n', [1, 2])\nd.keywords('big', when=\"parameters='n>1' options=opt\")\n"
    assert [job.keywords for job in _jobs(tree, text)] == [(), ()]
    assert [job.keywords for job in _jobs(tree, text, options=frozenset({"opt"}))] == [(), ("big",)]


def test_conditions_on_keywords(tree: Path) -> None:
    """Keywords given so far can be asked for."""
    job = _job(tree, "d.keywords('a')\nd.keywords('b', when='keywords=a')\nd.cpus(4, when='keywords=b')\n")
    assert (job.keywords, job.cpus) == (("a", "b"), 4)


@pytest.mark.parametrize(
    ("text", "options", "mask"),
    [
        ("d.enable(False)", "", "enable=False"),
        ("d.enable()", "", None),
        ("d.enable(True)\nd.enable(False)", "", "enable=False"),
        ("d.enable(False)\nd.enable(True)", "", "enable=False"),
        ("d.enable(True, when='options=x')", "", "enabled only when options=x"),
        ("d.enable(when='options=x')", "x", None),
        ("d.enable(False, when='options=x')", "", None),
        ("d.enable(False, when='options=x')", "x", "enable=False"),
        ("d.skipif(True, reason='why not')", "", "why not"),
        ("d.skipif(False, reason='why not')", "", None),
    ],
)
def test_masks(tree: Path, text: str, options: str, mask: str | None) -> None:
    """Both enable and skipif leave a job out with the reason."""
    assert _job(tree, text, options=frozenset(options)).mask == mask


def test_assets(tree: Path) -> None:
    """Files are relative to the test file, names of the job are filled in, dst is inside the working directory."""
    (tree / "link.txt").touch()
    job = _job(
        tree,
        "d.parameterize('n,X', [(1, 0.5)])\nd.copy('${NAME}.*.txt', '$n.{X}.dat')\n"
        "d.link(src='../a.h5', dst='in/b.h5')\n",
    )
    assert job.assets[1:] == (
        Asset("copy", str(tree / "t.*.txt")),
        Asset("copy", str(tree / "1.0.5.dat")),
        Asset("link", str(tree.parent / "a.h5"), "in/b.h5"),
    )


def test_artifacts_and_baselines(tree: Path) -> None:
    """What to keep, and how to make results the reference, is recorded."""
    job = _job(
        tree, "d.artifact('*.log', save_on='failure')\nd.baseline(src='out', dst='ref/out')\nd.baseline(flag='--new')\n"
    )
    assert job.artifacts == (Artifact("*.log", "failure"),)
    assert job.baselines == (Baseline("out", str(tree / "ref/out")), Baseline(arguments=("--new",)))


def test_own_id_and_execution_path(tree: Path) -> None:
    """set_id and execution_path replace the id and the directory."""
    job = _job(tree, "d.parameterize('n', [1])\nd.set_id('ABCDEF0$n')\nd.execution_path('runs/n$n')\n")
    assert (job.id, job.directory) == ("abcdef01", "runs/n1")


def test_dependencies_with_parameters_in_patterns(tree: Path) -> None:
    """Patterns are split, filled in, and limited by conditions; when and expects are kept."""
    (tree / "up.pyt").write_text(HEAD + "d.parameterize('a', [1, 2])\n")
    jobs = _jobs(
        tree,
        "d.parameterize('a', [1, 2])\nd.depends_on('up.a=${a} none*', expect='*')\n"
        "d.depends_on({'job': 'up.a=1', 'when': 'on_failure', 'expects': 1}, when=\"parameters='a=2'\")\n",
    )
    edges = [[(edge.job, edge.when) for edge in job.dependencies] for job in jobs[:2]]
    up = {job.name: job.id for job in jobs[2:]}
    assert edges == [
        [(up["up.a=1"], "on_success")],
        [(up["up.a=2"], "on_success"), (up["up.a=1"], "on_failure")],
    ]


def test_aggregate_adds_a_job_behind_all_others(tree: Path) -> None:
    """The added job has the family's name, the flag as argument, and needs every other one to be a success."""
    *members, last = _jobs(tree, "d.parameterize('a', [1, 2])\nd.aggregate(flag='--analyze')\nd.cpus(4)\n")
    assert (last.name, last.command, last.parameters, last.cpus) == ("t", ("t.pyt", "--analyze"), {}, 1)
    assert [(edge.job, edge.when) for edge in last.dependencies] == [(job.id, "success") for job in members]
    assert last.attributes == {"multicase": True, "paramsets": [{"keys": ["a"], "values": [[1], [2]]}]}


def test_analyze_has_its_own_flag(tree: Path) -> None:
    """The directive analyze passes --analyze by itself, and `requires` says which verdict is needed."""
    last = _jobs(tree, "d.parameterize('a', [1])\nd.analyze(requires='on_failure')\n")[-1]
    assert last.command == ("t.pyt", "--analyze")
    assert last.dependencies[0].when == "on_failure"


def test_a_script_may_stand_behind_the_parameters(tree: Path) -> None:
    """With script=, the added job runs that file instead of the test, from its own directory."""
    last = _jobs(tree, "d.parameterize('a', [1])\nd.analyze(script='sub/look.sh')\n")[-1]
    assert last.command == ("./look.sh",)
    assert Asset("link", str(tree / "sub/look.sh")) in last.assets


def test_what_happens_around_a_test(tree: Path) -> None:
    """Modules, rc files and functions come into the spec, by condition, names filled in and paths absolute."""
    text = """
d.parameterize('n', [1, 2])
d.load_module('gcc/$n', use='modules')
d.source('env.$n.sh', when="parameters='n=2'")
@d.setup
def before(job): pass
@d.teardown
def after(job): pass
"""
    one, two = _jobs(tree, text)
    modules = (EnvironmentModule("gcc/1", str(tree / "modules")),)
    assert one.preparation == Preparation("t.pyt", modules, (), "before", "after")
    assert two.preparation is not None
    assert two.preparation.rcfiles == (str(tree / "env.2.sh"),)
    assert _job(tree, "").preparation is None


def test_preload_has_no_effect_and_says_so(tree: Path) -> None:
    """A directive without effect is told once a file, with what to use instead."""
    (warning,) = _discover(tree, "d.preload('x.sh')\nd.parameterize('n', [1, 2])\n").warnings
    assert "preload has no effect" in warning


@pytest.mark.parametrize("when", ["testname=t", "name=u", "keywords=x", "parameters='n>1'", "options='$n'"])
def test_preload_takes_any_condition(tree: Path, when: str) -> None:
    """As it has no effect, its condition decides nothing, and what it is about does not matter."""
    (warning,) = _discover(tree, f'd.preload("x.sh", when="{when}")\nd.parameterize("n", [1, 2])\n').warnings
    assert "preload has no effect" in warning


def test_a_parameter_given_twice_is_warned_of(tree: Path) -> None:
    """The later value counts, in jobs and in those behind them; a line says so."""
    text = "d.parameterize('c', ['x'])\nd.parameterize('c', ['x', 'y'])\nd.aggregate()\n"
    found = _discover(tree, text)
    assert [job.name for job in found.jobs] == ["t.c=x", "t.c=y", "t"]
    (warning,) = found.warnings
    assert "parameter 'c' is given twice; the later value counts" in warning


def test_conditions_know_the_parameters_of_the_job(tree: Path) -> None:
    """A name in a condition is replaced for each job; the job behind them, which has none, does not meet it."""
    text = """
d.parameterize('opt', ['dbg', 'fast'])
d.aggregate()
d.keywords('on', when="options='$OPT'")
d.keywords('off', when={'options': 'not ${opt}'})
d.timeout('$opt' and 5, when="parameters='opt=$opt' options='{opt}'")
d.enable(when="options='$opt or all'")
"""
    debug, fast, behind = _jobs(tree, text, options=frozenset({"dbg"}))
    assert (debug.keywords, debug.timeout, debug.mask) == (("on",), 5.0, None)
    assert (fast.keywords, fast.timeout) == (("off",), 300.0)
    assert fast.mask == "enabled only when options=$opt or all"
    assert behind.keywords == ()


def test_what_is_decided_before_there_are_jobs_sees_no_keywords_and_parameters(tree: Path) -> None:
    """Conditions of parameterize and aggregate on them are judged without any, and a line says so."""
    text = """
d.keywords('x')
d.parameterize('a', [1, 2], when="keywords='x'")
d.parameterize('b', [1, 2], when="keywords='not x'")
d.parameterize('c', [1], when="parameters='!a'")
d.analyze(when="parameters='b=1'")
"""
    found = _discover(tree, text)
    assert [job.name for job in found.jobs] == ["t.b=1.c=1", "t.b=2.c=1"]
    assert [warning.rpartition(": ")[2].partition(" is decided")[0] for warning in found.warnings] == [
        "parameterize in line 5", "parameterize in line 6", "parameterize in line 7", "analyze in line 8",
    ]  # fmt: skip


def test_files_are_named_in_both_forms_at_once(tree: Path) -> None:
    """Files by position go under their own names, and one by src= under that of dst=."""
    assets = _job(tree, "d.link('a', src='b', dst='c')\nd.cpus(arg=3)\n").assets[1:]
    assert assets == (Asset("link", str(tree / "a")), Asset("link", str(tree / "b"), "c"))


def test_what_is_the_same_for_all_jobs_does_not_leak(tree: Path) -> None:
    """Families keep their own settings, and what depends on parameters is worked out for each job."""
    text = "d.name('a')\nd.name('b')\nd.parameterize('n', [1, 2])\nd.xdiff(when='testname=b')\n"
    assert [(job.name, job.xstatus) for job in _jobs(tree, text)] == [
        ("a.n=1", 0), ("a.n=2", 0), ("b.n=1", 64), ("b.n=2", 64),
    ]  # fmt: skip
    text = "d.parameterize('n', [1, 2])\nd.artifact('out.$n')\n"
    assert [job.artifacts[0].file for job in _jobs(tree, text)] == ["out.1", "out.2"]


def test_truth_in_names_is_a_number(tree: Path) -> None:
    """True and False are 1 and 0 in names, as canary has it; the parameter itself stays what it is."""
    jobs = _jobs(tree, "d.parameterize('a', [True, False])\n")
    assert [(job.name, job.parameters) for job in jobs] == [("t.a=1", {"a": True}), ("t.a=0", {"a": False})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d.cpus(0)", "t.pyt:3: cpus: 0 is not a whole number from 1"),
        ("d.cpus(True)", "t.pyt:3: cpus: True"),
        ("d.gpus(-1)", "t.pyt:3: gpus: -1"),
        ("d.nodes(1.5)", "t.pyt:3: nodes: 1.5"),
        ("d.cpus(2)\nd.parameterize('cpus', [1])", "t.pyt:3: cpus: it is given as a parameter too"),
        ("d.parameterize('cpus', ['x'])", "t.pyt:3: parameter cpus: 'x'"),
        ("d.parameterize('a,b', [1])", "t.pyt:3: parameterize: 2 names"),
        ("d.keywords(1)", "t.pyt:3: keywords: 1 is not text"),
        ("d.timeout('soon')", "t.pyt:3: timeout: duration 'soon'"),
        ("d.timeout(-1)", "t.pyt:3: timeout: duration -1"),
        ("d.memory('lots')", "t.pyt:3: memory: memory 'lots'"),
        ("d.resources(cpus=1)", "t.pyt:3: resources: cpus has a directive"),
        ("d.resources(fpgas='x')", "t.pyt:3: resources: 'x'"),
        ("d.name('')", "t.pyt:3: name: '' is not a name"),
        ("d.name('a\\nb')", "t.pyt:3: name:"),
        ("d.name('a')\nd.name('a')", "t.pyt: job 'a' has the same id as one in the same file"),
        ("d.copy()", "t.pyt:3: copy: no file"),
        ("d.copy('a', 'b', dst='c')", "t.pyt:3: copy: dst= goes with one file"),
        ("d.cpus()", "t.pyt:3: cpus: takes one number"),
        ("d.copy('a', dst='../b')", "t.pyt:3: copy: '../b' is not a path inside"),
        ("d.link(src='a', dst='/b')", "t.pyt:3: link: '/b' is not a path inside"),
        ("d.copy('{nope}')", "t.pyt:3: copy: {nope} is not known"),
        ("d.artifact('../x')", "t.pyt:3: artifact: '../x'"),
        ("d.artifact('x', save_on='never')", "t.pyt:3: artifact: save_on"),
        ("d.execution_path('/x')", "t.pyt:3: execution_path: '/x'"),
        ("d.baseline(src='x')", "t.pyt:3: baseline: needs both"),
        ("d.skipif(True, reason=3)", "t.pyt:3: skipif: 3 is not text"),
        ("d.enable(True, False)", "t.pyt:3: enable: takes one"),
        ("d.skipif(True, reason=' ')", "t.pyt:3: skipif: its reason is empty"),
        (
            "class C:\n    @d.setup\n    def f(self): ...",
            "t.pyt:4: setup: must mark a function at the top level",
        ),
        ("d.parameterize('n', [1])\nd.baseline('a', 'b.{m}')", "t.pyt:4: baseline: {m} is not"),
        ("d.xfail(code=300)", "t.pyt:3: xfail: code=300 is not an exit code"),
        ("d.xfail(code=999)", "t.pyt:3: xfail: code=999"),
        ("d.set_id('xyz')", "t.pyt:3: set_id: 'xyz' is not"),
        ("d.cpus(2, when='foo=x')", "t.pyt:3: cpus: when: 'foo' is not a condition"),
        ("d.keywords('k', when='options=$nope')", "t.pyt:3: when: $nope in '$nope' is not a parameter"),
        ("d.parameterize('a', [1], when='options=$a')", "t.pyt:3: when: $a in '$a' is not a parameter"),
        ("d.preload('x', when='foo=x')", "t.pyt:3: preload: when: 'foo' is not a condition"),
        ("d.aggregate()", "t.pyt:3: there are no parameterized jobs"),
        ("d.parameterize('a', [1])\nd.aggregate(script='x.sh', flag='-x')", "t.pyt:4: aggregate: give either flag="),
        ("d.aggregate(requires='sometimes')", "t.pyt:3: aggregate: dependency condition"),
        ("d.depends_on('nope')", "t.pyt:3: job 't' depends on 'nope', which matches no job"),
        ("d.depends_on('a', 'b')", "t.pyt:3: depends_on: when='b'"),
        ("d.depends_on('')", "t.pyt:3: depends_on: no job is named"),
        ("d.depends_on('\"a')", "t.pyt:3: depends_on: '\"a' is not understood"),
        ("d.depends_on(3)", "t.pyt:3: depends_on: 3 is neither"),
        ("d.depends_on({'job': 'a', 'foo': 1})", "t.pyt:3: depends_on: 'foo' is not known"),
        ("d.depends_on({'when': 'always'})", "t.pyt:3: depends_on: the key 'job'"),
        ("d.depends_on({'job': 'a', 'when': 'maybe'})", "t.pyt:3: depends_on: dependency condition 'maybe'"),
        ("d.depends_on({'job': 'a', 'expects': '!'})", "t.pyt:3: depends_on: expects"),
        ("d.depends_on({'job': 'a', 'expects': 0})", "t.pyt:3: depends_on: expects 0"),
        ("d.depends_on(['a'], expect='?')", "t.pyt:3: depends_on: expect="),
        ("d.load_module('-x')", "t.pyt:3: load_module: '-x' is not the name of a module"),
        ("d.load_module(3)", "t.pyt:3: load_module: 3 is not text"),
        ("d.source(3)", "t.pyt:3: source: 3 is not text"),
        ("d.source('')", "t.pyt:3: source: '' is not a path"),
        ("d.setup(lambda job: None)", "t.pyt:3: setup: must mark a function at the top level"),
        ("d.setup(3)", "t.pyt:3: setup: 3 is not text"),
        ("@d.setup\ndef f(job): pass\n@d.setup\ndef g(job): pass", "t.pyt:5: setup: there is already a function"),
        ("d.depends_on('t')", "t.pyt: jobs depend on each other in a circle: t → t"),
    ],
)
def test_wrong_directives_are_told_with_their_line(tree: Path, text: str, message: str) -> None:
    """Every wrong argument is one line that names file, line and directive."""
    assert _error(tree, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "timeouts", "expected"),
    [
        ("", {}, 300.0),
        ("d.keywords('fast')", {}, 120.0),
        ("d.keywords('long')", {}, 900.0),
        ("d.keywords('long', 'fast')", {}, 900.0),
        ("d.timeout(7)\nd.keywords('fast')", {"fast": 5}, 7.0),
        ("d.keywords('fast')", {"fast": "10s", "all": 3}, 10.0),
        ("d.keywords('fast')", {"default": 5}, 5.0),
        ("d.keywords('fast')", {"default": 5, "*": 4}, 4.0),
        ("d.keywords('b', 'a')", {"a": 1, "b": 2}, 2.0),
        ("d.timeout(7)", {"multiplier": 2}, 7.0),
    ],
)
def test_timeout_precedence(tree: Path, text: str, timeouts: dict[str, float | str], expected: float) -> None:
    """Directive, then the command line by keyword, `*` and `default`, then the built-in defaults."""
    assert _job(tree, text, timeouts=timeouts).timeout == expected


def test_the_multiplier_leaves_the_timeout_and_changes_the_limit(tree: Path) -> None:
    """What a file says stays visible; the job is ended after that many times it."""
    job = _job(tree, "d.timeout(7)", timeouts={"multiplier": "1.5"})
    assert (job.timeout, job.timeout_multiplier, job.limit) == (7.0, 1.5, 10.5)


@pytest.mark.parametrize(
    "timeouts",
    [
        {"fast": "soon"},
        {"fast": 0},
        {"session": 5},
        {"queue": 5},
        {"multiplier": "0"},
        {"multiplier": "nan"},
        {"multiplier": "x"},
    ],
)
def test_wrong_timeouts_are_a_usage_error(tree: Path, timeouts: dict[str, float | str]) -> None:
    """A value that is no duration, or a kind that has no effect, is refused."""
    with pytest.raises(UsageError, match="--timeout"):
        _job(tree, "", timeouts=timeouts)


def test_parameters_named_like_resource_types(tree: Path) -> None:
    """A parameter named like a type of the pool asks for it; without such a type it is just a parameter."""
    text = "d.parameterize('fpgas', [2])\n"
    assert _job(tree, text, resource_types=frozenset({"fpgas"})).resources == {"fpgas": 2}
    assert _job(tree, text).resources == {}


def test_conditions_of_includes_reach_file_level_directives(tree: Path) -> None:
    """An included name counts only where the include's condition holds."""
    (tree / "inc.txt").write_text(HEAD + "d.name('included')\n")
    text = "d.include('inc.txt', when='options=x')\n"
    assert _job(tree, text).name == "t"
    assert _job(tree, text, options=frozenset({"x"})).name == "included"


def test_the_job_behind_all_others_has_no_references_and_attributes(tree: Path) -> None:
    """What names a parameter in its files is the parameterized jobs' own."""
    text = "d.parameterize('n', [1])\nd.baseline(src='o.{n}', dst='r.{n}')\nd.set_attribute(a=1)\nd.aggregate()"
    one, behind = _jobs(tree, text)
    assert (one.attributes, [each.source for each in one.baselines]) == ({"a": 1}, ["o.1"])
    assert (sorted(behind.attributes), behind.baselines) == (["multicase", "paramsets"], ())


def test_declared_amounts_are_parameters_of_the_test(tree: Path) -> None:
    """They are told apart from those that nobody named, and are no part of the name."""
    job = _job(tree, "d.cpus(3)\nd.gpus(1, when='options=x')")
    assert (job.name, job.meta_parameters) == ("t", ("cpus",))
    assert _job(tree, "d.parameterize('cpus', [2])").meta_parameters == ()


def test_what_counts_as_true(tree: Path) -> None:
    """Any value may be a condition, as what `shutil.which` returns; a signal may be expected."""
    assert _job(tree, "d.skipif('/bin/sh', reason='why')").mask == "why"
    assert _job(tree, "d.skipif(None, reason='why')\nd.enable('yes')").mask is None
    assert _job(tree, "d.xfail(code=-11)").xstatus == -11
