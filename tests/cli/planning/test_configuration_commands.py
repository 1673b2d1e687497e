"""`config`, `init`, and the configuration as the commands see it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import CommandLine, assert_one_line
from workspace import BIN

from canary_wf.cli.configured import NOT_CONFIGURED
from canary_wf.cli.main import COMMANDS, LazyGroup, application
from canary_wf.configuration.keys import known_keys

FILE = """\
paths: {tests: [tree], out: out}
batch: {scheduler: local, spec: "count:max", workers: 2}
resources: {cpus: 2, gpus: 0}
"""


@pytest.fixture
def configured(small: CommandLine) -> CommandLine:
    """Return the command line in a folder with a configuration file and a tree."""
    (small.folder / "canary-wf.yaml").write_text(FILE)
    return small


def test_commands_take_their_options_from_the_file(configured: CommandLine) -> None:
    """PATH, OUT and what is planned for; and every later command finds the workspace."""
    done = configured("generate", "--json")
    assert done.code == 0, done.err
    assert (done.json["jobs"], done.json["batches"], done.json["scheduler"]) == (3, 3, "local")
    assert (configured.out / "workflow" / "Snakefile").exists()
    assert configured("status", "--json").json["session"] == done.json["session"]
    assert len(configured("find", "--json").json["jobs"]) == 3


def test_options_win_over_variables_and_these_over_the_file(
    configured: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of -b, one KEY is replaced and the others stay."""
    assert configured("plan", "--json").json["summary"]["batches"] == 3
    monkeypatch.setenv("CANARY_WF_BATCH_SPEC", "count:1,layout:atomic")
    assert configured("plan", "--json").json["summary"]["batches"] == 1
    assert configured("plan", "--json", "-b", "spec=count:2").json["summary"]["batches"] == 2


def test_paths_on_the_command_line_replace_those_of_the_file(configured: CommandLine) -> None:
    """They are a list of their own, not further ones."""
    configured.write("other/o.jobs.yaml", "jobs: [{name: other, command: 'true'}]\n")
    found = configured("find", "tree/other", "--json").json["jobs"]
    assert [job["name"] for job in found] == ["other"]


def test_config_shows_where_each_value_is_from(configured: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file and line, variable, option."""
    monkeypatch.setenv("CANARY_WF_BATCH_WORKERS", "5")
    done = configured("config", "-b", "spec=count:1", "-r", "fpgas=1", "--strict", "--json")
    assert done.code == 0, done.err
    found = {row["key"]: (row["value"], row["source"]) for row in done.json["settings"]}
    assert done.json["file"] == "canary-wf.yaml"
    assert {name: value for name, value in found.items() if value[1] is not None} == {
        "paths.tests": (["tree"], "canary-wf.yaml:1"),
        "paths.out": ("out", "canary-wf.yaml:1"),
        "batch.spec": ("count:1", "-b spec="),
        "batch.scheduler": ("local", "canary-wf.yaml:2"),
        "batch.workers": (5, "CANARY_WF_BATCH_WORKERS"),
        "batch.fail_on": ("any", "default"),
        "batch.output_limit": ("4GiB", "default"),
        "batch.rules": ("auto", "default"),
        "batch.strict": (True, "--strict"),
        "batch.bind": (False, "default"),
        "resources.query_gpus": (False, "default"),
        "slurm.gpu_style": ("gpu", "default"),
        "resources.cpus": (2, "canary-wf.yaml:3"),
        "resources.gpus": (0, "canary-wf.yaml:3"),
        "resources.fpgas": ("1", "-r fpgas="),
    }
    shown = configured("config").out.splitlines()
    assert shown[0] == "File: canary-wf.yaml"
    assert any(line.split() == ["batch.workers", "5", "CANARY_WF_BATCH_WORKERS"] for line in shown)
    assert not any(line.startswith("container.image") for line in shown)
    assert any(line.split() == ["container.image", "-", "-"] for line in configured("config", "--all").out.splitlines())


def test_config_shows_an_option_that_repeats_or_replaces_one_value_of_the_file(configured: CommandLine) -> None:
    """Truths and numbers have no earlier part, as lists of KEY=VALUE have."""
    (configured.folder / "canary-wf.yaml").write_text("batch: {strict: true, repeat_until_pass: 3}\n")
    done = configured("config", "--strict", "--repeat-until-pass", "4", "--json")
    assert done.code == 0, done.err
    found = {row["key"]: (row["value"], row["source"]) for row in done.json["settings"]}
    assert found["batch.strict"] == (True, "--strict")
    assert found["batch.repeat_until_pass"] == (4, "--repeat-until-pass")


def test_software_by_keyword_comes_from_file_and_options(configured: CommandLine) -> None:
    """Each batch's rule names the image of its jobs; an option overrides the file."""
    (configured.folder / "env.yaml").write_text("dependencies: [numpy]\n")
    images = "{image: docker://all, images: {fast: docker://a, two.n=1: docker://b}, environments: {two.n=1: env.yaml}}"
    (configured.folder / "canary-wf.yaml").write_text(f"{FILE}container: {images}\n")
    assert configured("generate", "--container-for", "fast=docker://other").code == 0
    text = (configured.out / "workflow" / "rules" / "batches.smk").read_text()
    assert [text.count(f'"docker://{name}"') for name in ("all", "other", "a", "b")] == [1, 1, 0, 1]
    assert text.count(f'"{configured.folder / "env.yaml"}"') == 1
    shown = configured("config", "--json").json["settings"]
    assert {"fast": "docker://a", "two.n=1": "docker://b"} in [row["value"] for row in shown]


@pytest.mark.parametrize("text", ["gpu", "=image", "gpu="])
def test_software_that_is_not_understood_is_told(small: CommandLine, text: str) -> None:
    """With the option and an example."""
    done = small("plan", "tree", "--container-for", text)
    assert_one_line(done, 2, f"--container-for: {text!r} is not understood")


def test_config_warns_of_variables_that_are_no_key(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the pen would else have no effect and no word."""
    monkeypatch.setenv("CANARY_WF_BATCH_WORKRS", "5")
    done = small("config")
    assert (done.code, done.err) == (
        0,
        "canary-wf: warning: the variable CANARY_WF_BATCH_WORKRS is not known; did you mean CANARY_WF_BATCH_WORKERS?\n",
    )


def test_a_mistake_in_the_file_is_told_by_every_command_that_needs_it(configured: CommandLine) -> None:
    """One line with file, line and key."""
    (configured.folder / "canary-wf.yaml").write_text("batch:\n  workers: many\n")
    for command in ("generate", "config", "find"):
        assert_one_line(configured(command), 3, "canary-wf.yaml:2: batch.workers: 'many' is not a whole number")
    assert configured("--help").code == 0


def test_a_named_file_is_read_and_must_be_there(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """By --config or CANARY_WF_CONFIG."""
    (small.folder / "other.yaml").write_text("batch: {workers: 4}\n")
    assert "other.yaml:1" in small("--config", "other.yaml", "config").out
    monkeypatch.setenv("CANARY_WF_CONFIG", "other.yaml")
    assert "other.yaml:1" in small("config").out
    monkeypatch.setenv("CANARY_WF_CONFIG", "gone.yaml")
    assert_one_line(small("config"), 3, "gone.yaml", "there is no such file", "canary-wf init")


def test_init_writes_a_file_once(cli: CommandLine) -> None:
    """It changes nothing that holds; a second one is refused and leaves the first as it is."""
    before = cli("config", "--json").json["settings"]
    assert cli("init").code == 0
    path = cli.folder / "canary-wf.yaml"
    text = path.read_text()
    assert cli("config", "--json").json == {"file": "canary-wf.yaml", "settings": before}
    path.write_text(text + "# mine\n")
    assert_one_line(cli("init"), 4, "canary-wf.yaml", "is not overwritten")
    assert path.read_text() == text + "# mine\n"


def test_reports_go_to_the_configured_files(configured: CommandLine) -> None:
    """By format, unless -o says otherwise."""
    with (configured.folder / "canary-wf.yaml").open("a") as file:
        file.write("report: {junit: here.xml}\n")
    assert configured("generate").code == 0
    assert configured("report", "junit").out == ""
    assert (configured.folder / "here.xml").read_text().startswith("<?xml")
    assert configured("report", "markdown").out
    assert configured("report", "junit", "-o", "there.xml").code == 0
    assert configured("report", "junit", "-o", "-").out.startswith("<?xml")
    assert (configured.folder / "there.xml").exists()


ONCE = {"as_json", "module", "shard", "update"}
"""Options of `generate` about one call, which are no matter of a project."""


def _parameters(*commands: str) -> set[str | None]:
    assert isinstance(application, LazyGroup)
    found: set[str | None] = set()
    with application.make_context("canary-wf", ["--version"], resilient_parsing=True) as context:
        for name in commands:
            command = application.get_command(context, name)
            assert command is not None
            found |= {parameter.name for parameter in command.params}
    return found


def test_every_key_is_the_default_of_an_option_that_exists() -> None:
    """A key nobody reads would be accepted and do nothing."""
    parameters = _parameters(*(COMMANDS.keys() - set(NOT_CONFIGURED)))
    assert {key.parameter for key in known_keys()} - {"report_files"} <= parameters


def test_every_option_of_generate_has_a_key() -> None:
    """Whoever adds an option adds its entry to configuration.schema.json, and `config` shows it."""
    assert _parameters("generate") - {key.parameter for key in known_keys()} == ONCE
    assert _parameters("generate") - _parameters("config") == {"update"}


@pytest.mark.parametrize(("words", "expected"), [("canary-wf pl", "plan"), ("canary-wf generate --rules s", "shape")])
def test_bash_completes_commands_options_and_values(words: str, expected: str) -> None:
    """With the line that the documentation gives for ~/.bashrc."""
    bash = shutil.which("bash")
    assert bash is not None
    script = f"""
eval "$(_CANARY_WF_COMPLETE=bash_source canary-wf)"
COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}; _canary_wf_completion canary-wf; echo "${{COMPREPLY[@]}}"
"""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([bash, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_their_script(shell: str) -> None:
    """Click writes it; that it is asked for at all is ours."""
    environment = {**os.environ, "_CANARY_WF_COMPLETE": f"{shell}_source"}
    program: Path = BIN / "canary-wf"
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
    assert "canary-wf" in done.stdout
    assert f"{shell}_complete" in done.stdout
