"""The small modules that a test finds in `canary`: each does what its name says."""

import os
from pathlib import Path

import pytest

from canary_wf.runtime.canary import filesystem, module, notes, patterns, shell, string
from canary_wf.runtime.canary import time as times
from canary_wf.runtime.canary.arguments import make_argument_parser
from canary_wf.runtime.canary.executable import Executable, ProcessError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["run", "verify"]),
        (["--analyze"], ["analyze"]),
        (["--base", "further"], ["analyze"]),
        (["--execute-analysis-sections"], ["verify"]),
    ],
)
def test_execute_and_analyze(monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: list[str]) -> None:
    """The flags decide which of the three functions are called."""
    called: list[str] = []
    pattern = patterns.ExecuteAndAnalyze(
        test_fn=lambda: called.append("run"),
        verify_fn=lambda: called.append("verify"),
        analyze_fn=lambda: called.append("analyze"),
    )
    monkeypatch.setattr("sys.argv", ["t.pyt", *arguments])
    pattern()
    assert called == expected
    patterns.ExecuteAndAnalyze()()


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a,b", ["a", "b"]), ("a,'b,c'", ["a", "'b,c'"]), ("", []), ("a,", ["a"]), ("\"'a',b\"", ["\"'a',b\""])],
)
def test_csvsplit(text: str, parts: list[str]) -> None:
    """Commas inside quotes do not split."""
    assert string.csvsplit(text) == parts


def test_csvsplit_refuses_an_open_quote() -> None:
    """A text that ends inside quotes is wrong."""
    with pytest.raises(ValueError, match="not closed"):
        string.csvsplit("a,'b")


def test_texts() -> None:
    """Quotes, plurals, numbers, shortening and templates."""
    assert [string.strip_quotes(text) for text in ("'a'", '"""b"""', "c", "'")] == ["a", "b", "c", "'"]
    assert [string.pluralize("batch", 2), string.pluralize("entry", 0), string.pluralize("job", 1)] == [
        "batches", "entries", "job",
    ]  # fmt: skip
    assert [string.stringify(1e6), string.stringify(1.5, "%.2f"), string.stringify(3)] == ["1e+06", "1.50", "3"]
    assert string.truncate_middle("abcdefghij", 7) == "ab...ij"
    assert (string.truncate_middle("abc", 7), string.truncate_middle("abcdef", 2)) == ("abc", "..")
    template = string.SimpleTemplate("$a ${b} $c")
    assert template.substitute({"a": "1", "b": "2"}) == "1 2 $c"
    assert template.substitute({"a": "1"}, missing="-") == "1 - -"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(5, 5), ("5", 5), ("1m30s", 90), ("1h", 3600), ("01:00:30", 3630), ("500ms", 0.5), ("", 0), ("-1m", -60)],
)
def test_time_in_seconds(value: float | str, seconds: float) -> None:
    """All forms of a duration."""
    assert times.time_in_seconds(value) == seconds


def test_times() -> None:
    """Durations and moments as text."""
    assert [times.hhmmss(seconds) for seconds in (None, 1.5, 3661)] == ["--:--:--", "00:00:01.50", "01:01:01"]
    assert [times.pretty_seconds(each) for each in (1.5, 0.02, 3e-5, 2e-8)] == [
        "1.500s", "20.000ms", "30.000us", "20.000ns",
    ]  # fmt: skip
    assert times.timestamp() <= times.timestamp(local=False)
    assert times.strftimestamp(0.0, "%Y").startswith(("1970", "1969"))
    with pytest.raises(ValueError, match="could not convert"):
        times.time_in_seconds("2 hours")


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making, copying, linking, moving, searching and removing."""
    monkeypatch.chdir(tmp_path)
    filesystem.touchp("a/b/one.txt")
    Path("a/b/one.txt").write_text("first\nsecond\n")
    filesystem.copyfile("a/b/one.txt", "copy.txt")
    filesystem.force_symlink("copy.txt", "link")
    filesystem.force_symlink("copy.txt", "link")
    filesystem.force_copy("a", "tree/inner")
    filesystem.synctree("a", "sync", ignore="*.txt")
    filesystem.movefile("copy.txt", "a")
    assert Path("a/copy.txt").read_text() == Path("tree/inner/b/one.txt").read_text() == "first\nsecond\n"
    assert Path("link").is_symlink()
    assert Path("sync/b").is_dir()
    assert not Path("sync/b/one.txt").exists()
    assert filesystem.grep("^sec", "a/copy.txt")
    assert not filesystem.grep("third", "a/copy.txt")
    assert filesystem.filesize("a/copy.txt") == 13
    assert not filesystem.is_exe("a/copy.txt")
    filesystem.set_executable("a/copy.txt")
    assert filesystem.is_exe("a/copy.txt")
    assert all((filesystem.accessible("a/copy.txt"), filesystem.readable("a"), filesystem.writeable("a")))
    assert filesystem.samepath("a/../a", "a")
    assert filesystem.ancestor("/x/y/z", 2) == "/x"
    os.utime("a/copy.txt", (1, 1))
    assert filesystem.sortby_mtime(["a/b/one.txt", "a/copy.txt"])[0] == "a/copy.txt"
    filesystem.remove("a")
    assert not Path("a").exists()
    assert filesystem.which("sh", path="/nowhere") is None


def test_executables(tmp_path: Path) -> None:
    """Output as text or into a file, exit codes, arguments and environment of each call."""
    shell_ = Executable("sh")
    assert (shell_.name, shell_.path.endswith("/sh")) == ("sh", True)
    result = shell_("-c", "echo a; echo b >&2", stdout=str, stderr=str)
    assert (result.out, result.get_output(), result.get_error(), result.returncode) == ("a\n", "a", "b", 0)
    shell_("-c", "echo filed", stdout=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "filed\n"
    assert shell_("-c", "exit 3", expected_returncode=3).returncode == 3
    assert shell_("-c", "exit 4", fail_on_error=False).get_output() is None
    with pytest.raises(ProcessError, match="exit code 5"):
        shell_("-c", "exit 5")
    shell_.add_default_env({"A": "1"}, B="2")
    shell_.add_default_args("-c")
    assert shell_('echo "$A$B"', output=str).get_output() == "12"
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        Executable("no-such-program")


def test_the_argument_parser_keeps_what_it_does_not_know() -> None:
    """Unknown words are no error, as a test may have flags of its own."""
    found = make_argument_parser().parse_args(["--analyze", "--stage", "post", "--mine", "1"])
    assert (found.analyze, found.stage, found.extra_args) == (True, "post", ["--mine", "1"])


def test_a_sourced_environment_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The context manager restores what was changed, added and removed."""
    rcfile = tmp_path / "a.rc"
    rcfile.write_text("export FRESH=1\nunset GONE\n")
    monkeypatch.setenv("GONE", "x")
    with shell.source(str(rcfile)):
        assert (os.environ["FRESH"], os.environ.get("GONE")) == ("1", None)
    assert (os.environ.get("FRESH"), os.environ["GONE"]) == (None, "x")


def test_sourcing_that_hangs_is_stopped(tmp_path: Path) -> None:
    """There is a limit, and the error names the file."""
    rcfile = tmp_path / "slow.rc"
    rcfile.write_text("sleep 30\n")
    with pytest.raises(shell.SourceError, match=r"slow.rc: sourcing it took longer than 0.2 s"):
        shell.environment_of(str(rcfile), limit=0.2)


def test_loaded_modules_are_unloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The context manager restores the environment, also when a later module fails."""
    program = tmp_path / "cmd"
    program.write_text("#!/bin/sh\n[ \"$3\" = bad ] && exit 1\necho \"import os; os.environ['M'] = '$2 $3'\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("LMOD_CMD", str(program))
    with module.loaded("one", "two", use=["/a"]):
        assert os.environ["M"] == "load two"
    assert "M" not in os.environ
    with pytest.raises(module.ModuleError), module.loaded("one", "bad"):
        pass
    assert "M" not in os.environ
    module.use("/x")
    module.unload("one")
    assert os.environ.pop("M") == "unload one"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"spec": 3}',
        b'{"spec": {"attributes": 3}, "measurements": {"data": 4}}',
        b'{"spec": {"attributes": {"deep": ' + b"[" * 60 + b"]" * 60 + b'}}, "measurements": {"data": {}}}',
    ],
)
def test_notes_of_another_form_say_nothing(tmp_path: Path, content: bytes) -> None:
    """A test may write what it likes into the file."""
    (tmp_path / notes.FILE).write_bytes(content)
    assert notes.read_notes(str(tmp_path)) == ({}, {})
