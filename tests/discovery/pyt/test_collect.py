"""Test files executed in worker processes: what is recorded, what is refused, and what is undone between files."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.discovery.pyt.collect import read_files
from canary_wf.discovery.pyt.protocol import Call, FileReading, Reply
from canary_wf.discovery.pyt.worker import decode_reply
from canary_wf.errors import InputError, MistakeList, MistakesError

HEAD = "import canary\nd = canary.directives\n"


def _read(folder: Path, *texts: str, limit: float = 30.0, workers: int = 1) -> list[FileReading]:
    files = [folder / f"t{number}.pyt" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return _readings([str(file) for file in files], limit=limit, workers=workers)


def _readings(files: list[str], **options: Any) -> list[FileReading]:  # noqa: ANN401 - of `read_files`
    found, mistakes = read_files(files, **options), MistakeList()
    for each in found:
        if isinstance(each, InputError):
            mistakes.add(each)
    mistakes.raise_any()
    return [each for each in found if isinstance(each, FileReading)]


def _error(folder: Path, *texts: str, limit: float = 30.0) -> str:
    with pytest.raises(InputError) as caught:
        _read(folder, *texts, limit=limit)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{folder}/")


def test_calls_are_recorded_with_bound_arguments_and_lines(tmp_path: Path) -> None:
    """Order, line and the names of arguments are kept; nothing else of the file matters."""
    (reading,) = _read(tmp_path, HEAD + "d.keywords('a', 'b', when='options=x')\nfor n in (1, 2):\n    d.cpus(n)\n")
    assert reading.calls == (
        Call("keywords", {"args": ["a", "b"], "when": "options=x"}, 3),
        Call("cpus", {"n": 1}, 5),
        Call("cpus", {"n": 2}, 5),
    )


def test_all_ways_to_import_the_directives(tmp_path: Path) -> None:
    """`canary`, `canary_pyt` and single names all reach the recorder."""
    text = (
        "import canary, canary_pyt\nfrom canary.directives import cpus\nfrom canary import directives\n"
        "from canary_pyt import directives as newer\n"
        "canary.directives.nodes(1)\ncanary_pyt.directives.gpus(1)\ncpus(2)\ndirectives.exclusive()\nnewer.xdiff()\n"
    )
    (reading,) = _read(tmp_path, text)
    assert [call.name for call in reading.calls] == ["nodes", "gpus", "cpus", "exclusive", "xdiff"]


def test_the_main_part_does_not_run(tmp_path: Path) -> None:
    """The file is executed under another name than a script's."""
    text = HEAD + "d.owner(__name__)\nd.owner(__file__)\nif __name__ == '__main__':\n    d.cpus(9)\n"
    (reading,) = _read(tmp_path, text)
    assert [call.arguments["arg"] for call in reading.calls] == ["__load__", str(tmp_path / "t0.pyt")]


def test_calls_from_a_helper_carry_the_line_of_the_file(tmp_path: Path) -> None:
    """A module beside the test may call directives; the line is the one in the test file."""
    (tmp_path / "helper.py").write_text("import canary\ndef mark():\n    canary.directives.cpus(2)\n")
    (reading,) = _read(tmp_path, "import helper\n\nhelper.mark()\n")
    assert reading.calls == (Call("cpus", {"n": 2}, 3),)
    assert reading.reads == (str(tmp_path / "helper.py"),)


def test_values_become_plain(tmp_path: Path) -> None:
    """Tuples, ranges, generators, paths and number-like objects end as what JSON holds."""
    text = HEAD + (
        "import pathlib\nclass Number:\n    def item(self): return 2.5\n"
        "class Array:\n    def tolist(self): return [1, 2]\n"
        "d.parameterize('a', range(2))\nd.parameterize('b', (x * x for x in (1, 2)))\n"
        "d.parameterize('c', [Number()])\nd.parameterize('e', Array())\nd.copy(pathlib.Path('x') / 'y')\n"
    )
    (reading,) = _read(tmp_path, text)
    values = [call.arguments.get("values") or call.arguments.get("files") for call in reading.calls]
    assert values == [[0, 1], [1, 4], [2.5], [1, 2], ["x/y"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "d.foo()", "t0.pyt:3: unknown directive 'foo'; known are aggregate"),
        (HEAD + "d.keyword('a')", "t0.pyt:3: unknown directive 'keyword'; did you mean keywords"),
        (
            HEAD + "d.timeout()",
            "t0.pyt:3: timeout: missing a required argument: 'arg'; it is timeout(arg, *, when=None)",
        ),
        (HEAD + "d.depends_on('a', 'b', 'c')", "t0.pyt:3: depends_on: too many positional"),
        (
            HEAD + "d.parameterize('a', [object])",
            "t0.pyt:3: parameterize: <class 'object'> (of type type) cannot be kept",
        ),
        (HEAD + "d.parameterize('a', [float('nan')])", "t0.pyt:3: parameterize: nan (of type float) cannot be kept"),
        (
            HEAD + "d.parameterize('a', [1 << 70])",
            "t0.pyt:3: parameterize: 1180591620717411303424 (of type int) cannot",
        ),
        (HEAD + "d.parameterize('a', {'x', 'y'})", "t0.pyt:3: parameterize: {"),
        (HEAD + "d.keywords('\\udcff')", "t0.pyt:3: keywords: '\\udcff' is not valid text"),
        ("x = (\n", "t0.pyt:1: syntax error: '(' was never closed"),
        ("\0", "t0.pyt"),
        ("import sys\n\nsys.exit(3)", "t0.pyt:3: calls sys.exit(3) at top level"),
        ("raise SystemExit", "t0.pyt:1: calls sys.exit() at top level"),
        ("\n1 / 0", "t0.pyt:2: ZeroDivisionError: division by zero"),
        ("def f(): f()\nf()", "t0.pyt:1: RecursionError"),
        ("import no_such_module", "t0.pyt:1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("import canary\ncanary.no_such_name", "t0.pyt:2: AttributeError: module 'canary' has no attribute"),
        ("raise KeyboardInterrupt", "t0.pyt:1: KeyboardInterrupt"),
        ("input()", "t0.pyt:1: EOFError"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "t0.pyt:3: E"),
        ("raise ValueError('a\\nb')", "t0.pyt:1: ValueError: a\\nb"),
        ("import os\nos._exit(7)", "t0.pyt: the process that read it ended with exit code 7"),
        ("import os\nos.kill(os.getpid(), 11)", "t0.pyt: the process that read it ended with signal 11"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Each way a test file can fail is one line with file and line."""
    assert _error(tmp_path, text).startswith(message)


def test_binary_garbage_is_an_input_error(tmp_path: Path) -> None:
    """A file that is no text at all is named."""
    file = tmp_path / "t.pyt"
    file.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"t\.pyt"):
        _readings([str(file)])


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    """A file, or its folder, may go away between finding and reading."""
    for name in ("gone.pyt", "gone/t.pyt"):
        with pytest.raises(InputError, match=r"gone.*No such file"):
            _readings([str(tmp_path / name)])


def test_a_file_that_never_ends_is_stopped(tmp_path: Path) -> None:
    """After the limit the worker is killed and the file named; what it started is killed too."""
    marker = tmp_path / "child"
    text = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '100'])\n"
        f"open({str(marker)!r}, 'w').write(str(child.pid))\nwhile True: pass\n"
    )
    start = time.monotonic()
    assert _error(tmp_path, "", text, limit=1.0) == "t1.pyt: took longer than 1 s to be read, so reading was stopped"
    assert time.monotonic() - start < 10
    status = Path("/proc", marker.read_text(), "stat")
    while status.exists() and ") Z " not in status.read_text():
        assert time.monotonic() - start < 20
        time.sleep(0.05)


def test_all_errors_are_told_in_order(tmp_path: Path) -> None:
    """Their order does not depend on which worker was faster."""
    texts = ["import time; time.sleep(0.5); 1 / 0", "", *["2 / 0"] * 4]
    with pytest.raises(MistakesError, match=r"division by zero") as refused:
        _read(tmp_path, *texts, workers=2)
    assert [error.where for error in refused.value.errors] == [f"{tmp_path}/t{n}.pyt:1" for n in (0, 2, 3, 4, 5)]


def test_reading_stops_after_some_files_that_end_their_reader(tmp_path: Path) -> None:
    """A tree of files that never end is not waited for one by one; what was not read is no mistake."""
    with pytest.raises(MistakesError) as refused:
        _read(tmp_path, *["import os; os._exit(1)"] * 5)
    assert [str(error.where)[-6:] for error in refused.value.errors] == ["t0.pyt", "t1.pyt", "t2.pyt"]


def test_workers_that_die_are_replaced(tmp_path: Path) -> None:
    """A file that kills its process does not keep the earlier ones from being read and judged."""
    assert _error(tmp_path, "", "import os; os._exit(1)", "").startswith("t1.pyt")


def test_what_a_file_does_to_the_process_is_undone(tmp_path: Path) -> None:
    """Environment, folder, path, modules, arguments and streams are the same for the next file."""
    spoil = (
        "import os, sys, json\nos.environ['SPOILT'] = '1'\ndel os.environ['PATH']\nos.chdir('/')\n"
        "sys.path[:] = []\nsys.modules['json'] = None\nsys.modules['mine'] = sys\nsys.argv = ['x']\nsys.stdout = None\n"
    )
    look = HEAD + (
        "import os, sys, json\nd.owners(str('SPOILT' in os.environ), str('PATH' in os.environ), os.getcwd(), "
        "sys.path[0], str(hasattr(json, 'dumps')), sys.argv[0], str(sys.stdout is not None))\n"
    )
    _, reading = _read(tmp_path, spoil, look)
    file = str(tmp_path / "t1.pyt")
    assert reading.calls[0].arguments["args"] == ["False", "True", str(tmp_path), str(tmp_path), "True", file, "True"]


def test_modules_of_the_same_name_beside_different_files(tmp_path: Path) -> None:
    """Each file gets the helper from its own folder."""
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper.py").write_text(f"NAME = {name!r}\n")
        (tmp_path / name / "t.pyt").write_text(HEAD + "import helper\nd.owner(helper.NAME)\n")
        files.append(str(tmp_path / name / "t.pyt"))
    assert [reading.calls[0].arguments["arg"] for reading in _readings(files, workers=1)] == ["a", "b"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_output_of_a_file_does_not_reach_ours(tmp_path: Path) -> None:
    """What a file prints, in any way, does not appear on the standard output of the command."""
    (tmp_path / "t.pyt").write_text("import os\nprint('loud')\nos.write(1, b'louder')\nos.system('echo loudest')\n")
    code = "import sys\nfrom canary_wf.discovery.pyt.collect import read_files\nprint(len(read_files(sys.argv[1:])))"
    command = [sys.executable, "-c", code, str(tmp_path / "t.pyt")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_forked_child_does_not_answer(tmp_path: Path) -> None:
    """A file that forks is answered for once."""
    readings = _read(tmp_path, HEAD + "import os\npid = os.fork()\nd.cpus(2)\n", HEAD + "d.cpus(3)\n")
    assert [reading.calls[0].arguments["n"] for reading in readings] == [2, 3]


def test_include_reads_the_directives_of_another_file(tmp_path: Path) -> None:
    """The calls stand at the place of the include, with their own file and the include's condition."""
    (tmp_path / "common.inc").write_text("import canary\n\ncanary.directives.cpus(4)\n")
    (reading,) = _read(tmp_path, HEAD + "d.include('common.inc', when='options=big')\nd.gpus(1)\n")
    included = str(tmp_path / "common.inc")
    assert reading.calls == (
        Call("cpus", {"n": 4}, 3, included, ("options=big",)),
        Call("gpus", {"n": 1}, 4),
    )
    assert reading.reads == (included,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d.include('t0.pyt')", "nested too deep"),
        ("d.include('none.inc')", "t0.pyt:3: include: there is no file 'none.inc' here"),
        ("d.include('bad.inc')", "bad.inc:2: ZeroDivisionError"),
        ("d.include('typo.inc')", "typo.inc:1: syntax error"),
    ],
)
def test_includes_that_fail_are_told(tmp_path: Path, text: str, message: str) -> None:
    """A missing, wrong or endless include names its file."""
    (tmp_path / "bad.inc").write_text("\n1 / 0\n")
    (tmp_path / "typo.inc").write_text("x = (\n")
    assert message in _error(tmp_path, HEAD + text)


def test_many_files_are_read_by_several_workers(tmp_path: Path) -> None:
    """The readings come in the order of the files."""
    readings = _read(tmp_path, *[HEAD + f"d.cpus({number + 1})\n" for number in range(200)], workers=3)
    assert [reading.calls[0].arguments["n"] for reading in readings] == list(range(1, 201))


@given(st.binary(max_size=100))
def test_any_reply_is_survived(line: bytes) -> None:
    """A test file that writes into the reader's pipe cannot break the parent."""
    assert isinstance(decode_reply(line), Reply)
