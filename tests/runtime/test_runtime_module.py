"""The small `canary` that test scripts import: cost, names, exceptions, and what is taken from canary-wm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from canary_wf.runtime import JOB_VARIABLE, RUNTIME


def _python(code: str, *options: str, path: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != JOB_VARIABLE}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(RUNTIME), path]))
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=cwd)


def _milliseconds(text: str) -> float:
    """Return the cumulative time that `-X importtime` tells for `canary`."""
    lines = [line for line in text.splitlines() if line.rpartition("|")[2].strip() == "canary"]
    return int(lines[0].split("|")[1]) / 1000


def test_importing_is_cheap() -> None:
    """`import canary` costs less than 10 ms and brings no other module."""
    times = [_milliseconds(_python("import canary", "-X", "importtime").stderr) for _ in range(5)]
    assert min(times) < 10
    code = "import sys; before = set(sys.modules); import canary; print(sorted(set(sys.modules) - before))"
    assert _python(code, "-S").stdout.strip() == "['canary']"


@pytest.mark.parametrize(
    ("statement", "code", "message"),
    [
        ("raise canary.TestFailed('no good')", 65, "TestFailed: no good"),
        ("raise canary.TestDiffed", 64, "TestDiffed"),
        ("raise canary.TestSkipped('not here')", 80, "TestSkipped: not here"),
        ("raise canary.TestTimedOut()", 68, "TestTimedOut"),
        ("class Mine(canary.TestDiffed): pass\nraise Mine('x')", 64, "Mine: x"),
    ],
)
def test_exceptions_end_the_process_with_their_code(statement: str, code: int, message: str) -> None:
    """A verdict that nobody catches is the exit code; its message goes to standard error, without a traceback."""
    done = _python(f"import canary\n{statement}")
    assert (done.returncode, done.stderr.strip(), done.stdout) == (code, message, "")


def test_the_exception_hook_is_set_late_and_chained() -> None:
    """Importing leaves the hook alone; after a verdict was made, other exceptions still reach the hook before."""
    code = (
        "import sys, canary\nfrom canary import TestFailed\n"
        "assert sys.excepthook is sys.__excepthook__\n"
        "sys.excepthook = lambda *_: print('mine')\n"
        "TestFailed('made, not raised')\nassert sys.excepthook.__module__ == 'canary.exceptions'\n"
        "raise ValueError('other')"
    )
    done = _python(code)
    assert (done.returncode, done.stdout) == (1, "mine\n")


def test_exit_functions_still_run() -> None:
    """A verdict ends the process in the ordinary way."""
    done = _python("import atexit, canary\natexit.register(print, 'bye')\nraise canary.TestSkipped")
    assert (done.returncode, done.stdout) == (80, "bye\n")


def test_directives_do_nothing_at_run_time() -> None:
    """All directives can be called; decorators give their function back."""
    code = (
        "import canary, canary_pyt\nd = canary.directives\nassert canary_pyt.directives is d\n"
        "d.parameterize('a', [1], when='options=x', type=canary.centered_parameter_space)\nd.cpus(2)\nd.xdiff()\n"
        "d.depends_on({'job': 'x'})\n"
        "@d.setup\ndef f(job: canary.Job): return 3\nprint(f(None))"
    )
    done = _python(code)
    assert (done.returncode, done.stdout) == (0, "3\n")


def test_missing_names_say_what_is_missing() -> None:
    """An unknown name, directive or function is named, with the package that may bring it."""
    assert "'no_such'" in _python("import canary; canary.no_such").stderr
    assert "canary-wm may bring it" in _python("import canary; canary.no_such").stderr
    assert "did you mean keywords?" in _python("import canary; canary.directives.keyword").stderr
    assert (
        "module 'canary.filesystem' has no attribute 'no_such'"
        in _python("import canary; canary.filesystem.no_such").stderr
    )
    assert "no_such" in _python("from canary import no_such").stderr


@pytest.mark.parametrize("module", ["shell", "time", "string", "status", "module", "patterns", "exceptions", "enums"])
def test_every_module_says_who_may_bring_a_name(module: str) -> None:
    """By attribute and by import, in the words of one line."""
    for code in (f"import canary; canary.{module}.no_such", f"from canary.{module} import no_such"):
        assert f"module 'canary.{module}' has no attribute 'no_such'" in _python(code).stderr
        assert "the package canary-wm may bring it" in _python(code).stderr


def test_the_other_package_of_canary() -> None:
    """`canary_pyt` has real modules, which are those of `canary`."""
    code = (
        "import canary_pyt.directives as d, canary\nfrom canary_pyt.directives import cpus\n"
        "from canary_pyt import enums\nimport canary_pyt.enums\n"
        "print(d is canary.directives, cpus is d.cpus, enums is canary.enums is canary_pyt.enums)\n"
    )
    assert _python(code).stdout == "True True True\n"
    assert "the package canary-wm may bring it" in _python("from canary_pyt import PYTAdapter").stderr


def test_names_are_taken_from_another_canary(tmp_path: Path) -> None:
    """With another package of that name further down the path, what ours lacks comes from there; ours stays."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "filesystem.py").write_text("def chgrp(): return 'theirs'\n")
    (tmp_path / "canary" / "__init__.py").write_text(
        "from . import filesystem\nimport canary.filesystem\nspecial = 'special'\nTestFailed = None\n"
    )
    code = (
        "import sys, canary\nprint(canary.special, canary.filesystem.chgrp(), canary.TestFailed.__name__)\n"
        "print(hasattr(canary, 'other'), sys.modules['canary'] is canary, sys.path[1])\nimport canary.instance\n"
    )
    done = _python(code, path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"special theirs TestFailed\nFalse True {RUNTIME}\n"


def test_a_broken_other_canary_is_not_in_the_way(tmp_path: Path) -> None:
    """Where the other package cannot be imported, the name is just missing."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "__init__.py").write_text("import no_such_module\n")
    done = _python("import canary\nprint(hasattr(canary, 'special'))", path=str(tmp_path))
    assert done.stdout == "False\n"


def test_get_instance_outside_of_a_job(tmp_path: Path) -> None:
    """A script run by hand gets something false, of which it can ask nothing; `get_job` gives None there."""
    code = (
        "import canary\nme = canary.get_instance()\nprint(bool(me), canary.get_job(), hasattr(me, 'cpus'))\n"
        "print(isinstance(me, canary.MissingTestInstance))\n"
        "try: me.parameters\nexcept canary.MissingTestInstanceError as error: print(error)"
    )
    assert _python(code, cwd=tmp_path).stdout.splitlines() == [
        "False None False",
        "True",
        "parameters: the script does not run as a job of canary-wf (job.json: there is no such file)",
    ]


def test_helpers_for_files_and_programs(tmp_path: Path) -> None:
    """touchp, mkdirp, force_remove, working_dir and Executable do what tests use them for."""
    code = (
        "import os, sys, canary\nfs = canary.filesystem\nfs.touchp('a/b/c.txt')\nfs.mkdirp('d/e', 'a')\n"
        "print(os.path.exists('a/b/c.txt'))\nfs.force_remove('a'); fs.force_remove('a'); print(os.path.exists('a'))\n"
        "with fs.working_dir('new', create=True): print(os.path.basename(os.getcwd()))\n"
        "run = canary.Executable(f'{sys.executable} -c')\n"
        "result = run('print(5)', stdout=str)\nprint(int(result.get_output()), result.returncode)\n"
        "run('import sys; sys.exit(3)', fail_on_error=False); print(run.returncode)\n"
        "try: run('import sys; sys.exit(3)')\nexcept RuntimeError as error: print('exit code 3' in str(error))\n"
        "print(canary.make_argument_parser().parse_args(['--analyze']).analyze)\n"
    )
    done = _python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "False", "new", "5", "0", "3", "True", "True"]
