"""Each bad input ends with one line that names the place, the documented exit code, and nothing half-written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import JOBS, CommandLine, assert_one_line

PYT = "import canary\n"

WRONG_FILES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "unknown directive": ({"a.pyt": f"{PYT}canary.directives.paint('red')\n"}, ("a.pyt:2", "paint")),
    "syntax error": ({"a.pyt": f"{PYT}\ndef broken(:\n"}, ("a.pyt:3",)),
    "exits while it is read": ({"a.pyt": f"{PYT}import sys\nsys.exit(3)\n"}, ("a.pyt", "exit")),
    "raises while it is read": ({"a.pyt": f"{PYT}raise ValueError('no\\nway')\n"}, ("a.pyt:2", "no")),
    "unknown dependency": ({"a.pyt": f"{PYT}canary.directives.depends_on('gone')\n"}, ("a.pyt", "'gone'")),
    "unknown dependency of a job file": (
        {"a.jobs.yaml": "jobs:\n  - {name: x, command: 'true', depends_on: [gone]}\n"},
        ("a.jobs.yaml", "'gone'"),
    ),
    "cycle": (
        {
            "a.jobs.yaml": "jobs:\n"
            "  - {name: x, command: 'true', depends_on: [y]}\n"
            "  - {name: y, command: 'true', depends_on: [z]}\n"
            "  - {name: z, command: 'true', depends_on: [x]}\n"
        },
        ("a.jobs.yaml", "x → y → z → x"),
    ),
    "duplicate names": (
        {"a.jobs.yaml": "jobs:\n  - {name: x, command: 'true'}\n  - {name: x, command: 'false'}\n"},
        ("a.jobs.yaml", "'x'"),
    ),
    "wrong key": ({"a.jobs.yaml": "jobs:\n  - {name: x, command: 'true', cpu: 1}\n"}, ("a.jobs.yaml:2", "jobs[0]")),
    "wrong value": (
        {"a.jobs.yaml": "jobs:\n  - name: x\n    command: 'true'\n    cpus: many\n"},
        ("a.jobs.yaml:4: jobs[0].cpus",),
    ),
    "no YAML": ({"a.jobs.yaml": "jobs: [\n"}, ("a.jobs.yaml",)),
    "no jobs": ({"a.jobs.yaml": "jobs: []\n"}, ("tree",)),
    "empty tree": ({"note.txt": "nothing here"}, ("tree", "*.pyt")),
}


@pytest.mark.parametrize("command", ["generate", "find", "plan"])
@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_wrong_test_file_is_told_with_its_place(cli: CommandLine, case: str, command: str) -> None:
    """Whoever reads the tree says the same, and OUT stays empty."""
    files, words = WRONG_FILES[case]
    for name, text in files.items():
        cli.write(name, text)
    done = cli.generate() if command == "generate" else cli(command, cli.tree)
    assert_one_line(done, 3, *words)
    assert cli.files() == []


def test_bytes_that_python_would_refuse_are_refused_before_the_run(cli: CommandLine) -> None:
    """Also in a comment; another encoding that is declared is fine."""
    cli.write("a.pyt", PYT)
    (cli.tree / "a.pyt").write_bytes(b"import canary\n# caf\xe9\n")
    assert_one_line(cli("find", cli.tree), 3, "a.pyt:2", "not UTF-8")
    (cli.tree / "a.pyt").write_bytes(b"# -*- coding: latin-1 -*-\nimport canary\n# caf\xe9\n")
    assert cli("find", cli.tree).code == 0


def test_a_wide_job_is_left_out_with_its_reason(small: CommandLine) -> None:
    """The others are planned; what is left out is told on standard error and in the plan."""
    small.write("wide.jobs.yaml", "jobs:\n  - {name: wide, command: 'true', cpus: 3}\n")
    done = small.generate()
    assert done.code == 0
    line = "1 job left out, needs 3 cpus, a node has 2: wide; generate with -r cpus=3 to run it"
    assert done.err == f"canary-wf: warning: {line}\n"
    told = small("plan", small.tree, "-d", small.out, *small.PLANNED, "--json")
    assert [(job["name"], job["reason"]) for job in told.json["left_out"]] == [("wide", "needs 3 cpus, a node has 2")]


def test_a_wide_job_is_refused_with_strict(small: CommandLine) -> None:
    """Nothing is written then."""
    small.write("wide.jobs.yaml", "jobs:\n  - {name: wide, command: 'true', cpus: 3}\n")
    assert_one_line(small.generate("--strict"), 3, "job wide", "needs 3 cpus", "-r")
    assert small.files() == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-b", "spec=count:3,duration:5m"], 2, ["duration and count may not both be set"]),
        (["-b", "spec=layout:round"], 2, ["-b spec", "layout:round"]),
        (["-b", "spec=count:0"], 3, ["count:0"]),
        (["-b", "spec=count:1"], 3, ["count:2"]),
        (["-b", "colour=red"], 2, ["-b", "colour", "write one of spec="]),
        (["-b", "schedular=local"], 2, ["-b", "did you mean scheduler=local?"]),
        (["-b", "count=8"], 2, ["-b", "did you mean spec=count:8?"]),
        (["-b", "spec"], 2, ["-b", "write one of spec="]),
        (["-b", "workers=0"], 2, ["-b workers"]),
        (["-b", f"workers={'9' * 5000}"], 2, ["-b workers"]),
        (["-b", "fail_on=sometimes"], 2, ["-b fail_on"]),
        (["-b", "scheduler=pbs"], 2, ["-b scheduler", "slurm"]),
        (["-r", "cpus"], 2, ["-r", "cpus=32"]),
        (["-r", "cpus=-1"], 2, ["-r cpus"]),
        (["-r", "gpu=1"], 2, ["gpus=1"]),
        (["--resource-pool-file", "gone.yaml"], 3, ["gone.yaml"]),
        (["-k", "("], 2, ["-k"]),
        (["-p", "n >"], 2, ["-p"]),
        (["-k", "nothing_has_this"], 3, ["-k 'nothing_has_this' selects none of 3 jobs", "keywords: fast"]),
        (["--bogus"], 2, ["--bogus", "generate --help"]),
        (["-r"], 2, ["'-r' requires an argument", "generate --help"]),
        (["-d", ""], 2, ["-d: is empty"]),
        ([""], 2, ["PATH: is empty"]),
        (["nowhere"], 3, ["nowhere: there is no such file or folder"]),
        (["/dev/null"], 3, ["/dev/null: is neither a file nor a folder"]),
    ],
)
def test_a_wrong_option_is_told_by_name(small: CommandLine, arguments: list[str], code: int, words: list[str]) -> None:
    """The message names the option and what would do; nothing is written."""
    assert_one_line(small.generate(*arguments), code, *words)
    assert small.files() == []


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["find", "{tree}", "-k", "nosuch"], 3, ["-k 'nosuch' selects none of 3 jobs; keywords: fast"]),
        (["find", "{tree}", "-L", "x", "-R", "y"], 3, ["-R 'y' -L 'x' select none of 3 jobs; canary-wf find -v"]),
        (
            ["plan", "{tree}", "-k", "two"],
            3,
            ["two.n=1 depends on one, which is left out", "select what it needs as well, such as -k '(EXPR) or one'"],
        ),
        (["plan", "{tree}", "--explain", "nosuch"], 2, ["there is no job 'nosuch'", "canary-wf find lists them"]),
        (["plan", "{tree}", "-b", "spec=foo"], 2, ["-b spec: 'foo' is not allowed", "duration:30m"]),
        (["history", "-d", "{out}"], 4, ["there is no session"]),
    ],
)
def test_what_selects_or_names_nothing_says_what_there_is(
    small: CommandLine, command: list[str], code: int, words: list[str]
) -> None:
    """The error is one line, with the command or the words that help."""
    filled = [word.format(tree=small.tree, out=small.out) for word in command]
    assert_one_line(small(*filled), code, *words)


def test_configured_paths_are_told_with_their_line(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH that the configuration names, and that is not there, is a mistake in that file."""
    small.write("canary-wf.yaml", "paths:\n  tests: [., nope]\n")
    monkeypatch.chdir(small.tree)
    assert_one_line(small("find"), 3, "canary-wf.yaml:2: paths.tests: there is no 'nope'")
    assert_one_line(small("find", "nowhere"), 3, "nowhere: there is no such file or folder")


def test_a_hostile_job_name_stays_on_its_line(cli: CommandLine) -> None:
    """A name with line ends cannot forge another message."""
    cli.write(
        "a.pyt",
        f"{PYT}canary.directives.parameterize('x', ['a\\ncanary-wf: all is well'])\ncanary.directives.cpus(9)\n",
    )
    cli.write("b.pyt", PYT)
    done = cli.generate()
    assert done.code == 0
    assert len(done.err.splitlines()) == 1
    assert r"a\ncanary-wf: all is well" in done.err


@pytest.mark.parametrize("command", [["status"], ["log", "one"], ["rerun"], ["report", "json"]])
def test_a_missing_workspace_is_told_with_what_to_do(cli: CommandLine, command: list[str]) -> None:
    """There is no session in a folder that generate never saw."""
    assert_one_line(cli(*command, "-d", cli.out), 4, str(cli.out), "canary-wf run PATH")


@pytest.mark.parametrize("command", [["status"], ["log", "one"], ["rerun"], ["report", "junit"]])
@pytest.mark.parametrize("damage", ["cut", "gone", "format"])
def test_a_damaged_plan_is_told_by_name(small: CommandLine, command: list[str], damage: str) -> None:
    """Whatever happened to the file."""
    small.generate()
    (plan,) = small.out.glob(".canary-wf/sessions/*/plan.json")
    content = plan.read_text()
    plan.unlink()
    if damage != "gone":
        plan.write_text(content[:100] if damage == "cut" else content.replace("canary-wf/plan/1", "canary-wf/plan/9"))
    word = {"cut": "is damaged", "gone": "no such plan", "format": "canary-wf/plan/9"}[damage]
    assert_one_line(small(*command, "-d", small.out), 4, str(plan), word)


def test_a_damaged_session_is_replaced_by_a_new_one(small: CommandLine) -> None:
    """The way out that the message names works; --update, which needs the old plan, says why it cannot."""
    small.generate()
    (plan,) = small.out.glob(".canary-wf/sessions/*/plan.json")
    plan.write_text("{")
    before = small.files()
    assert_one_line(small.generate("--update"), 4, str(plan), "is damaged")
    assert small.files() == before
    assert small.generate().code == 0
    assert "3 jobs, not run yet" in small("status", "-d", small.out).out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("workflow/Snakefile", ["workflow/Snakefile", "not canary-wf's"]),
        ("workflow/rules/gate.smk", ["workflow/rules/gate.smk"]),
        ("local/config.yaml", ["local/config.yaml"]),
        ("slurm/mine.yaml", ["slurm: is not a profile"]),
        ("TestResults/mine", ["TestResults"]),
        (".canary-wf", [".canary-wf"]),
    ],
)
def test_what_is_foreign_in_out_is_refused_and_kept(small: CommandLine, name: str, words: list[str]) -> None:
    """Not a byte of OUT changes."""
    path = small.out / name
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    before = small.files()
    assert_one_line(small.generate(), 4, *words, "-d")
    assert small.files() == before
    assert path.read_text() == "mine\n"


def test_a_default_profile_is_never_written(small: CommandLine) -> None:
    """Snakemake would let it win over --profile; the user's own stays."""
    mine = small.out / "profiles" / "default" / "config.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("cores: 1\n")
    assert small.generate().code == 0
    assert mine.read_text() == "cores: 1\n"
    assert [path for path in small.files() if path.startswith("profiles")] == [
        *("profiles", "profiles/default", "profiles/default/config.yaml")
    ]


def test_an_out_that_is_a_file_is_refused(small: CommandLine) -> None:
    """The file stays."""
    small.out.write_text("mine")
    assert_one_line(small.generate(), 4, str(small.out))
    assert small.out.read_text() == "mine"


def _unprivileged(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run canary-wf as a user for whom permissions count, also when the tests run as root."""
    drop = [f"--{kind}=-dac_override,-dac_read_search" for kind in ("bounding-set", "inh-caps")]
    prefix = ["setpriv", *drop] if os.geteuid() == 0 else []
    line = [*prefix, sys.executable, "-m", "canary_wf", *map(str, command)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.needs("setpriv")
@pytest.mark.parametrize(
    ("mode", "command", "code", "words"),
    [
        (0o555, ["generate", "tree", "-d", "closed", "-b", "scheduler=local"], 4, "cannot be written"),
        (0o555, ["generate", "tree", "-d", "closed/new", "-b", "scheduler=local"], 4, "cannot be written"),
        (0o000, ["generate", "tree", "-d", "closed", "-b", "scheduler=local"], 4, "cannot be read"),
        (0o000, ["status", "-d", "closed"], 4, "cannot be read"),
        (0o000, ["generate", "closed", "-d", "out"], 3, "cannot be read"),
        (0o000, ["find", "."], 3, "cannot be read"),
        (0o555, ["report", "json", "-d", "made", "-o", "closed/report.json"], 4, "cannot be written"),
    ],
)
def test_a_folder_without_permission_is_told_by_name(
    small: CommandLine, mode: int, command: list[str], code: int, words: str
) -> None:
    """Reading and writing, as a user that is not root."""
    small("generate", small.tree, "-d", "made", *small.PLANNED)
    closed = small.folder / "closed"
    closed.mkdir()
    closed.chmod(mode)
    try:
        done = _unprivileged(*command, cwd=small.folder)
    finally:
        closed.chmod(0o755)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "closed" in done.stderr
    assert words in done.stderr
    assert list(closed.iterdir()) == []


@pytest.mark.needs("setpriv")
def test_a_workflow_folder_that_cannot_be_written_leaves_no_session(small: CommandLine) -> None:
    """A new session without its workflow would hide the one before."""
    small.generate()
    before = small.files()
    folder = small.out / "workflow" / "rules"
    folder.chmod(0o555)
    try:
        done = _unprivileged("generate", small.tree, "-d", small.out, *small.PLANNED, cwd=small.folder)
    finally:
        folder.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "cannot be written" in done.stderr
    assert small.files() == before


@pytest.mark.needs("setpriv")
def test_sessions_with_read_only_folders_can_be_removed(small: CommandLine) -> None:
    """A job may leave such; links in them are not followed."""
    small.generate()
    (old,) = (path for path in (small.out / ".canary-wf" / "sessions").iterdir() if not path.name.startswith("."))
    small.generate()
    kept = small.write("kept/file", "precious")
    folder = old / "jobs" / "one" / "cache"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").touch()
    (folder / "link").symlink_to(kept.parent)
    for path in (folder / "inner", folder, kept.parent):
        path.chmod(0o555)
    done = _unprivileged("gc", "--keep", "1", "-d", small.out, cwd=small.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in old.parent.iterdir() if path.name.startswith((".", old.name))] == []
    assert (kept.read_text(), kept.parent.stat().st_mode & 0o777) == ("precious", 0o555)
    kept.parent.chmod(0o755)


def test_errors_of_the_program_are_shown_in_full_with_debug(cli: CommandLine) -> None:
    """A traceback appears only when it is asked for."""
    done = subprocess.run(
        [sys.executable, "-m", "canary_wf", "--debug", "status", "-d", "gone"],
        *(),
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr
    assert "there is no session" in done.stderr


def test_two_ways_to_one_file_are_refused(cli: CommandLine) -> None:
    """A PATH that is a link to another would run every job twice."""
    cli.write("x/a.jobs.yaml", JOBS)
    (cli.tree / "y").symlink_to(cli.tree / "x")
    assert_one_line(cli("find", cli.tree / "x", cli.tree / "y"), 3, "y/a.jobs.yaml", "below two of the given paths")


def test_a_file_in_the_place_of_a_folder_is_named_as_such(small: CommandLine) -> None:
    """OUT itself, and the folder of its state; what lies in the place of the lock is to be removed."""
    file = small.write("file", "x")
    assert_one_line(small("status", "-d", file), 4, f"{file}: is not a folder")
    small.out.mkdir()
    (small.out / ".canary-wf").write_text("x")
    assert_one_line(small.generate(), 4, ".canary-wf: is not a folder; move it away, or")
    (small.out / ".canary-wf").unlink()
    (small.out / ".canary-wf").mkdir()
    os.mkfifo(small.out / ".canary-wf" / "lock")
    assert_one_line(small.generate(), 4, "lock: cannot be written (it is not a regular file); remove it")
