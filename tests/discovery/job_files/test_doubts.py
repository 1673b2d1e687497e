"""Mistakes in job files that would pass in silence are reported as warnings; what is meant as it is written is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine

from canary_wf.discovery import DiscoveryOptions, discover

Warnings = Callable[[str], list[str]]


@pytest.fixture
def warnings(tmp_path: Path) -> Warnings:
    """Return a function from the rest of an entry to the warnings about it."""

    def told(entry: str) -> list[str]:
        (tmp_path / "a.jobs.yaml").write_text(f"jobs:\n- {{name: j, {entry}}}\n")
        found = discover([tmp_path], DiscoveryOptions()).warnings
        return [text.partition(": j: ")[2] or text.partition("more: ")[2] for text in found]

    return told


@pytest.mark.parametrize(
    "command",
    [
        *("echo a && false", "a || b", "a | b", "echo > out", "a >> out", "a 2> err", "a < in", "a 2>&1", "a; b"),
        *("sleep 1 &", "echo $(date)", "echo `date`", "echo 'a b' | cat", "a &> out"),
    ],
)
def test_what_only_a_shell_acts_on_is_told(warnings: Warnings, command: str) -> None:
    """A command that is one text looks as if a shell ran it."""
    (told,) = warnings(f'command: "{command}"')
    assert told.startswith("no shell runs the command, so ")
    assert "[sh, -c, …]" in told


@pytest.mark.parametrize(
    "command",
    [
        *(
            "\"echo 'a && b'\"",
            "'sh -c \"a && b\"'",
            "[echo, '&&']",
            "[sh, -c, 'a && b | c > d']",
            '"/bin/bash -c a;b"',
        ),
        *("'prog -Dlist=a;b'", "'ctest -R a|b'", "'get http://x/?a=1&b=2'", "'find . -exec rm {} \\;'", "'a=>b x->y'"),
        "'say \"a | b\" c\\ \\|\\ d'",
    ],
)
def test_words_that_may_be_meant_are_not_told(warnings: Warnings, command: str) -> None:
    """Quoted operators, operators inside of words, lists of words, and commands of a shell."""
    assert warnings(f"command: {command}") == []


@pytest.mark.parametrize(
    ("command", "word", "hint"),
    [
        ("echo $HOME", "$HOME", "for a shell write [sh, -c, …], else write $$HOME"),
        ("'echo \"to $HOME\"'", "$HOME", "else write $$HOME"),
        ("echo $n", "$n", "did you mean ${n}?"),
        ("ls ~/data", "~", "else quote it"),
        ("ls ~", "~", "else quote it"),
        ("cat a.txt *.dat", "*.dat", "else quote it"),
    ],
)
def test_what_a_shell_would_have_expanded_is_told(warnings: Warnings, command: str, word: str, hint: str) -> None:
    """Variables, homes and globs, in a command that is one text without a shell."""
    (told,) = warnings(f"command: {command}, parameters: {{n: [1, 2]}}")
    assert told.startswith(f"no shell runs the command, so {word!r} stays as it is; ")
    assert told.endswith(hint)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "echo $$HOME",
            "\"echo '$HOME'\"",
            "echo \\$HOME",
            "[echo, $HOME, '~', '*']",
            "[sh, -c, 'ls ~ *']",
            "echo $1 5$",
        ),
        *("'sh -c \"ls $HOME\" *'", "'srun bash -c \"ls $HOME\"'", "\"find . -name '*.c'\"", "a~ b~c --x=~/y"),
    ],
)
def test_what_no_shell_would_expand_is_not_told(warnings: Warnings, command: str) -> None:
    """What is quoted, lists of words, and what is for a shell."""
    assert warnings(f"command: {command}") == []


@pytest.mark.parametrize(
    ("script", "is_told"),
    [
        *(("kill -SEGV $$", True), ("echo $$ > pid", True), ("touch /tmp/x.$$.log", True)),
        *(("kill $$$$", False), ("echo $${HOME} $$HOME $$? $${n} $$(date)", False), ("grep x$ f", False)),
    ],
)
def test_the_process_id_of_a_shell_takes_four_dollars(warnings: Warnings, script: str, is_told: bool) -> None:
    """Of two dollars one is left, which is not what a shell takes for its process id."""
    for command in (f"[sh, -c, '{script}']", f"[srun, /bin/bash, -c, '{script}']"):
        told = warnings(f"command: {command}")
        assert [text.partition(";")[0] for text in told] == ["command has $$, of which one $ is left"] * is_told
    assert warnings(f"command: [echo, '{script}']") == []


def test_placeholders_of_no_parameter_are_told_with_their_key(warnings: Warnings) -> None:
    """With the parameter that it may be meant for, or how to write it so that it is meant."""
    told = warnings(
        'command: [echo, "${nn}", "${n}"], parameters: {n: [1, 2]}, environment: {PATH: "${PATH}:x"}, '
        'artifacts: [{file: "${x}.log"}]'
    )
    assert told == [
        "command has ${nn}, which is not a parameter and stays as it is; did you mean ${n}?",
        "environment.PATH has ${PATH}, which is not a parameter and stays as it is; write $${PATH} if it is meant to",
        "artifacts has ${x}, which is not a parameter and stays as it is; write $${x} if it is meant to",
    ]


@pytest.mark.parametrize("word", ["$${HOME}", "$HOME", "${}", "${a b}", "$", "${n}"])
def test_a_literal_is_possible(warnings: Warnings, word: str) -> None:
    """Two dollars are one, and nothing is said of them."""
    assert warnings(f'command: [echo, "{word}"], parameters: {{n: [1, 2]}}') == []


def test_variables_of_a_shell_are_its_own(warnings: Warnings) -> None:
    """Behind the name of a shell, placeholders are variables; before it, they are not."""
    assert warnings('command: [srun, bash, -c, "echo ${HOME}"]') == []
    assert warnings("command: 'sh -c \"echo ${HOME}\"'") == []
    assert len(warnings('command: [srun, "${N}", bash, -c, "echo ${HOME}"]')) == 1


def test_files_that_are_not_there_are_told_when_nothing_makes_them(tmp_path: Path) -> None:
    """A job that waits for another one may get its file from there; a masked one needs none."""
    (tmp_path / "here.dat").touch()
    (tmp_path / "a.jobs.yaml").write_text(
        "jobs:\n- {name: a, command: x, copy: [here.dat, 'h*.dat', no.dat, 'no*.dat'], parameters: {n: [1, 2, 3]}}\n"
        "- {name: b, command: x, link: [made.dat], depends_on: [a.n=1]}\n"
    )
    (tmp_path / "c.pyt").write_text(
        "import canary\ncanary.directives.link('no.txt')\ncanary.directives.enable(when='options=on')\n"
    )
    file = tmp_path / "a.jobs.yaml"
    told = discover([tmp_path], DiscoveryOptions()).warnings
    assert told == (
        f"{file}: a.n=1 and 2 more jobs: there is no no.dat to copy",
        f"{file}: a.n=1 and 2 more jobs: there is no no*.dat to copy",
    )
    on = discover([tmp_path], DiscoveryOptions(options=frozenset({"on"}))).warnings
    assert f"{tmp_path / 'c.pyt'}: c: there is no no.txt to link" in on


def test_a_misspelt_type_of_a_time_limit_is_told(tmp_path: Path) -> None:
    """One that looks like no keyword may be meant for another tree."""
    (tmp_path / "a.jobs.yaml").write_text("jobs:\n- {name: a, command: x, keywords: [nightly]}\n")
    limits: dict[str, float | str] = {"nihgtly": "5m", "default": 9, "multiplier": 2, "gpu": 7, "nightly": "1m"}
    told = discover([tmp_path], DiscoveryOptions(timeouts=limits)).warnings
    assert told == ("--timeout nihgtly: no job has this keyword; did you mean nightly?",)


def test_of_very_many_warnings_the_number_is_told(tmp_path: Path) -> None:
    """Those of files that are missing, and those of entries."""
    entries = "".join(f"- {{name: j{n}, command: 'x ${{v{n}}}', copy: [no{n}]}}\n" for n in range(25))
    (tmp_path / "a.jobs.yaml").write_text(f"jobs:\n{entries}")
    told = discover([tmp_path], DiscoveryOptions()).warnings
    assert (len(told), told[20], told[41]) == (42, "and 5 more warnings like these", "and 5 more warnings like these")


@pytest.mark.parametrize("command", ["plan", "generate", "describe"])
def test_all_is_told_before_a_run_and_refuses_nothing(
    cli: CommandLine, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Misspelt variables and hooks that cannot be loaded are told as well; others' variables are not."""
    file = cli.write("a.jobs.yaml", "jobs:\n- {name: a, command: 'a && b'}\n")
    monkeypatch.setenv("CANARY_WF_BATCH_SPCE", "count:1")
    monkeypatch.setenv("CANARY_WF_TEST_RUN", "1")
    if command == "describe":
        done = cli("describe", file)
        assert done.err.count("\n") == 2
    else:
        hooks = ("--hook", "nosuch:obj", "--hook", "json:no", "--hook", "json:dumps", "--hook", "json:__name__")
        done = cli(command, cli.tree, "-d", cli.out, *cli.PLANNED, *hooks)
        said = [line.split("--hook ")[1] for line in done.err.splitlines() if "--hook" in line]
        assert said == [
            "nosuch:obj cannot be loaded: ModuleNotFoundError: No module named 'nosuch'; it would not be called",
            "json:no cannot be loaded: AttributeError: module 'json' has no attribute 'no'; it would not be called",
            "json:__name__ cannot be called; it would not be called",
        ]
        near = "the variable CANARY_WF_BATCH_SPCE is not known; did you mean CANARY_WF_BATCH_SPEC?"
        assert f"canary-wf: warning: {near}\n" in done.err
        assert "TEST_RUN" not in done.err
    assert done.code == 0
    assert "no shell runs the command" in done.out + done.err
