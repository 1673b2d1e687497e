"""A small tree of tests, one file a documented feature of canary, written for the comparison."""

BODY = "\nif __name__ == '__main__':\n    import os, sys\n    me = canary.get_instance()\n"
HEAD = "import canary\nfrom canary_pyt import directives as d\n"


def pyt(directives: str = "", body: str = "pass") -> str:
    """Return a test file with these `directives` (``;`` between them) and this `body` (one line)."""
    return f"{HEAD}{directives.replace('; ', chr(10))}{BODY}    {body}\n"


def around(directives: str = "", setup: str = "pass", teardown: str = "pass", body: str = "pass") -> str:
    """Return a test file with a function before and one after the test (one line each)."""
    functions = f"@d.setup\ndef before(job):\n    {setup}\n@d.teardown\ndef after(job):\n    {teardown}\n"
    return f"import os\n{HEAD}{directives}\n{functions}{BODY}    {body}\n"


FILES = {
    # Parameters and names
    "names/product.pyt": pyt("d.parameterize('b', [1e5, 1e6, 0.1]); d.parameterize('a', ['x', 'y'])"),
    "names/rows.pyt": pyt("d.parameterize('a,b', [(1, 2.5), (3, 4.0)]); d.parameterize(('c', 'e'), [(True, None)])"),
    "names/same.pyt": pyt("d.parameterize('a', [1, 1.0, True, 2, 'two', 2])"),
    "names/centered.pyt": pyt("d.parameterize('a,b', [(0, 5, 2), (1, 0.5, 1)], type=canary.centered_parameter_space)"),
    "names/drawn.pyt": pyt(
        "d.parameterize('a,b', [(0, 1), (5, 9)], type=canary.random_parameter_space, samples=3, random_seed=7)"
    ),
    "names/drawn_default.pyt": pyt("d.parameterize('a,b', [(0, 5), (6, 10)], type=canary.random_parameter_space)"),
    "names/nothing.pyt": pyt("d.parameterize('a', [])"),
    "names/families.pyt": pyt("d.testname('one'); d.name('two'); d.parameterize('n', [1, 2], when='testname=two')"),
    "names/resources.pyt": pyt("d.parameterize('cpus,gpus', [(1, 0), (2, 1)])", "assert len(me.cpu_ids) == me.cpus"),
    "names/fixed.pyt": pyt("d.cpus(2); d.gpus(1)", "assert (len(me.cpu_ids), len(me.gpu_ids)) == (2, 1)"),
    # Conditions
    "when/option.pyt": pyt("d.parameterize('n', [1, 2], when='options=opt')"),
    "when/no_option.pyt": pyt("d.parameterize('n', [1, 2], when={'options': 'not opt'})"),
    "when/expression.pyt": pyt("d.parameterize('n', [1, 2], when=\"options='opt and not dbg'\")"),
    "when/platform.pyt": pyt(
        "d.parameterize('n', [1, 2], when='platforms=linux'); d.parameterize('m', [1], when='platforms=Darwin')"
    ),
    "when/parameters.pyt": pyt(
        "d.parameterize('n', [1, 2, 3]); d.xfail(code=5, when=\"parameters='n>1'\"); "
        "d.keywords('big', when=\"parameters='n=3'\")",
        "assert ('big' in me.keywords) == (me.parameters.n == 3); sys.exit(5 if me.parameters.n > 1 else 0)",
    ),
    "when/keywords.pyt": pyt("d.keywords('Fast'); d.xfail(when='keywords=fast')", "sys.exit(1)"),
    # Dependencies
    "needs/base.pyt": pyt("d.parameterize('n', [1, 2]); d.keywords('base')"),
    "needs/by_name.pyt": pyt("d.depends_on('base.n=1')", "assert [u.name for u in me.dependencies] == ['base.n=1']"),
    "needs/by_glob.pyt": pyt("d.depends_on('base.n=*')", "assert len(me.dependencies) == 2"),
    "needs/by_family.pyt": pyt("d.depends_on('base')"),
    "needs/by_place.pyt": pyt("d.depends_on('needs/base.n=2')"),
    "needs/two_words.pyt": pyt("d.depends_on('base.n=1 by_name')"),
    "needs/by_parameter.pyt": pyt("d.parameterize('n', [1, 2]); d.depends_on('base.n=${n}')"),
    "needs/counted.pyt": pyt("d.depends_on({'job': 'base.*', 'expects': 2})"),
    "needs/maybe.pyt": pyt("d.depends_on({'job': 'nowhere', 'expects': '?'})"),
    "needs/any.pyt": pyt("d.depends_on({'job': 'nowhere*', 'expects': '*'})"),
    "needs/failing.pyt": pyt("", "sys.exit(1)"),
    "needs/differing.pyt": pyt("", "raise canary.TestDiffed('x')"),
    "needs/skipping.pyt": pyt("", "raise canary.TestSkipped('x')"),
    "needs/after_failure.pyt": pyt("d.depends_on({'job': 'failing', 'when': 'on_failure'})"),
    "needs/after_success.pyt": pyt("d.depends_on('failing')"),
    "needs/after_blocked.pyt": pyt("d.depends_on('after_success')"),
    "needs/when_blocked.pyt": pyt("d.depends_on({'job': 'after_success', 'when': 'blocked'})"),
    "needs/always.pyt": pyt("d.depends_on({'job': 'failing', 'when': 'always'})"),
    "needs/star.pyt": pyt("d.depends_on({'job': 'failing', 'when': '*'})"),
    "needs/diffed.pyt": pyt("d.depends_on({'job': 'differing', 'when': 'diffed'})"),
    "needs/not_diffed.pyt": pyt("d.depends_on('differing')"),
    "needs/failure_of_diff.pyt": pyt("d.depends_on({'job': 'differing', 'when': 'on_failure'})"),
    "needs/after_skip.pyt": pyt("d.depends_on('skipping')"),
    "needs/skipped.pyt": pyt("d.depends_on({'job': 'skipping', 'when': 'skipped'})"),
    "needs/failure_of_skip.pyt": pyt("d.depends_on({'job': 'skipping', 'when': 'on_failure'})"),
    "needs/after_xfail.pyt": pyt("d.depends_on('expected')"),
    "needs/expected.pyt": pyt("d.xfail()", "sys.exit(9)"),
    # Verdicts
    **{f"ends/code_{code}.pyt": pyt("", f"sys.exit({code})") for code in (0, 2, 64, 65, 66, 68, 80, 81)},
    "ends/signal.pyt": pyt("", "os.kill(os.getpid(), 11)"),
    "ends/failed.pyt": pyt("", "raise canary.TestFailed('x')"),
    "ends/error.pyt": pyt("", "raise ValueError('x')"),
    "ends/limit.pyt": pyt("d.timeout('1s')", "__import__('time').sleep(30)"),
    "ends/xfail_any.pyt": pyt("d.xfail()", "sys.exit(80)"),
    "ends/xfail_none.pyt": pyt("d.xfail()"),
    "ends/xfail_code.pyt": pyt("d.xfail(code=3)", "sys.exit(3)"),
    "ends/xfail_other.pyt": pyt("d.xfail(code=3)", "sys.exit(4)"),
    "ends/xdiff.pyt": pyt("d.xdiff()", "sys.exit(64)"),
    "ends/xdiff_none.pyt": pyt("d.xdiff()"),
    "ends/xdiff_other.pyt": pyt("d.xdiff()", "sys.exit(65)"),
    # Masks
    "masks/off.pyt": pyt("d.enable(False)"),
    "masks/behind.pyt": pyt("d.depends_on('off')"),
    "masks/far_behind.pyt": pyt("d.depends_on('behind')"),
    "masks/with_option.pyt": pyt("d.enable(when='options=opt')"),
    "masks/without.pyt": pyt("d.enable(True, when='options=other')"),
    "masks/not_there.pyt": pyt("d.enable(False, when='platforms=linux')"),
    "masks/partly.pyt": pyt("d.parameterize('n', [1, 2]); d.enable(False, when=\"parameters='n=1'\")"),
    "masks/skipped.pyt": pyt("d.skipif(True, reason='not today')"),
    "masks/kept.pyt": pyt("d.skipif(False, reason='never')"),
    # Jobs behind all parameters
    "all/aggregate.pyt": pyt(
        "d.parameterize('n', [1, 2]); d.aggregate()",
        "assert isinstance(me, canary.TestMultiInstance) == (me.name == 'aggregate')",
    ),
    "all/analyze.pyt": pyt(
        "d.parameterize('n', [1, 2]); d.analyze()", "assert ('--analyze' in sys.argv) == (me.name == 'analyze')"
    ),
    "all/flag.pyt": pyt(
        "d.parameterize('n', [1, 2]); d.aggregate(flag='--all')", "assert len(sys.argv) == 1 + (me.name == 'flag')"
    ),
    "all/script.pyt": pyt("d.parameterize('n', [1, 2]); d.aggregate(script='script.sh')"),
    "all/script.sh": "#!/bin/sh\nexit 64\n",
    "all/older.pyt": pyt("d.parameterize('n', [1, 2]); d.generate_composite_base_case()"),
    "all/one_fails.pyt": pyt("d.parameterize('n', [1, 2]); d.aggregate()", "sys.exit(me.parameters.n == 2)"),
    "all/anyway.pyt": pyt(
        "d.parameterize('n', [1, 2]); d.aggregate(requires='always')", "sys.exit(0 if me.multicase else 1)"
    ),
    "all/one_xfails.pyt": pyt(
        "d.parameterize('n', [1, 2]); d.aggregate(); d.xfail(when=\"parameters='n=2'\")",
        "sys.exit(0 if me.multicase or me.parameters.n == 1 else 1)",
    ),
    # Files
    "files/copies.pyt": pyt(
        "d.copy('in.*'); d.link('linked.txt')", "assert os.path.islink('linked.txt') and not os.path.islink('in.a')"
    ),
    "files/renames.pyt": pyt(
        "d.copy(src='in.a', dst='renamed'); d.link(src='in.b', dst='other')",
        "assert os.path.isfile('renamed') and os.path.islink('other')",
    ),
    "files/filled.pyt": pyt(
        "d.parameterize('x', ['a', 'b']); d.copy('in.$x')", "assert os.path.isfile(f'in.{me.parameters.x}')"
    ),
    "files/missing.pyt": pyt("d.copy('not_there.txt')"),
    "files/in.a": "a",
    "files/in.b": "b",
    "files/linked.txt": "l",
    # What happens around the test
    "around/both.pyt": around(setup="os.environ['SEEN'] = 'yes'", body="assert os.environ['SEEN'] == 'yes'"),
    "around/setup_fails.pyt": around(setup="raise RuntimeError('x')"),
    "around/teardown_fails.pyt": around(teardown="raise RuntimeError('x')"),
    "around/late.pyt": around(setup="__import__('time').sleep(7)", directives="d.timeout(5)"),
    "around/no_file.pyt": pyt("d.source('not_there.rc')"),
    "around/beside.pyt": pyt("d.source('beside.rc')", "assert os.environ['SOURCED'] == 'yes'"),
    "around/beside.rc": "export SOURCED=yes\n",
    "around/no_module.pyt": pyt("d.load_module('surely-not-there')"),
    # The instance
    "self/sets.pyt": pyt(
        "d.set_attribute(a=1)", "me.set_attribute(b=2); assert canary.get_instance().attributes == {'a': 1, 'b': 2}"
    ),
    "self/reads.pyt": pyt("d.depends_on('sets')", "assert me.dependencies[0].attributes['b'] == 2"),
    "self/says.pyt": pyt(
        "d.depends_on('sets')",
        "up = me.dependencies[0]; assert up.status.category.name == 'PASS' and os.path.isfile(up.logfile())",
    ),
    "self/amounts.pyt": pyt(
        "d.parameterize('n', [1, 2]); d.cpus(2); d.aggregate()",
        "assert me.parameters.cpus == ((2, 2) if me.multicase else 2) and 'gpus' not in me.parameters",
    ),
    "self/rows.pyt": pyt(
        "d.parameterize('n,x', [(1, 'a'), (2, 'b')]); d.aggregate()",
        "assert me.parameters['n,x'] == (((1, 'a'), (2, 'b')) if me.multicase else (me.parameters.n, me.parameters.x))",
    ),
    "self/imports.pyt": (
        "import canary_pyt.directives as d\nfrom canary_pyt.directives import keywords\nfrom canary_pyt import enums\n"
        "keywords('k')\nd.parameterize('a,b', [(0, 1, 1), (5, 1, 1)], type=enums.centered_parameter_space)\n"
    ),
    "self/empty.pyt": pyt("d.parameterize('a', []); d.parameterize('b', [1, 2])"),
    "self/by_path.pyt": pyt("import shutil; d.skipif(shutil.which('sh'), reason='there is a shell')"),
    "self/module.pyt": pyt("", "assert canary.filesystem.which('sh') and canary.time.time_in_seconds('1m') == 60"),
    "self/pattern.pyt": pyt("", "canary.patterns.ExecuteAndAnalyze(test_fn=lambda: sys.exit(64))()"),
    "self/runs.pyt": pyt("", "assert canary.Executable('echo')('x', stdout=str).get_output() == 'x'"),
}
"""The files by path. They are run with ``-o opt``."""
