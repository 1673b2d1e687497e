"""A larger Snakemake workflow uses the generated one as a module: real snakemake runs, as a user writes them."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from workspace import BIN, EXAMPLES, Workspace

TREE = """
jobs:
  - {name: a, command: [sh, -c, 'sleep 1; echo x >> "$RUNS"'], parameters: {n: [1, 2]}}
  - {name: b, command: [sh, -c, 'test ! -e "$RUNS.bad"'], depends_on: ["a*"]}
"""

PUBLISH = """
rule publish:
    input:
        {gates},
    output:
        "publish.txt",
    default_target: True
    shell:
        "touch {{output}}"
"""


class Host:
    """A larger workflow beside the workspace of the tests."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder)
        self.folder = folder / "host"
        (self.folder / "workflow").mkdir(parents=True)
        self.runs = folder / "runs"
        self.workspace.environment["RUNS"] = str(self.runs)
        self.workspace.write("t.jobs.yaml", TREE)

    def write(self, *modules: str, gates: str = "rules.tests_gate.output", more: str = "") -> None:
        """Write the larger workflow, which uses the suite by each of the `modules`' lines."""
        text = "\n\n".join([*modules, PUBLISH.format(gates=gates), more])
        (self.folder / "workflow" / "Snakefile").write_text(text)

    def snakemake(self, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the larger workflow."""
        return self.workspace.run(BIN / "snakemake", *arguments, cwd=cwd or self.folder)

    def times_run(self) -> int:
        """Return how often jobs of the first level ran."""
        return self.runs.read_text().count("x") if self.runs.exists() else 0


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a larger workflow without a Snakefile beside a generated suite."""
    host = Host(tmp_path)
    host.workspace.generate("--module", "-r", "cpus=2", "-r", "gpus=0")
    return host


def _module(name: str = "tests", prefix: str | None = "results/tests", file: str = "module.smk") -> str:
    line = f'    prefix: "{prefix}"\n' if prefix else ""
    return f'module {name}:\n    snakefile: "../../out/workflow/{file}"\n{line}\nuse rule * from {name} as {name}_*\n'


def test_the_lines_that_generate_prints_embed_the_suite(host: Host) -> None:
    """Four lines, as told: the larger workflow's own rule waits for the gate."""
    told = host.workspace.canary_wf(
        "generate", host.workspace.tree, "-d", "out", "--module", "-b", "scheduler=local", cwd=host.folder.parent
    )
    assert told.returncode == 0, told.stderr
    lines = told.stdout[told.stdout.index("module tests:") :]
    assert len([line for line in lines.splitlines() if line]) == 4
    (host.folder.parent / "Snakefile").write_text(lines + PUBLISH.format(gates="rules.tests_gate.output"))
    done = host.snakemake("--cores", "2", cwd=host.folder.parent)
    assert done.returncode == 0, done.stderr
    assert (host.folder.parent / "publish.txt").exists()
    assert host.workspace.counts() == {"SUCCESS": 3}


def test_the_lines_are_for_the_snakefile_that_is_there(host: Host) -> None:
    """Paths start at it; in a workflow folder that is one level up."""
    (host.folder.parent / "workflow").mkdir()
    (host.folder.parent / "workflow" / "Snakefile").touch()
    told = host.workspace.canary_wf(
        "generate", host.workspace.tree, "-d", "out", "--module", "-b", "scheduler=local", cwd=host.folder.parent
    )
    assert "put this into workflow/Snakefile" in told.stdout
    assert 'snakefile: "../out/workflow/module.smk"' in told.stdout


def test_a_suite_is_not_generated_anew_while_a_larger_workflow_runs(host: Host) -> None:
    """Its queued jobs would read other rules. Once it is over, and for one that was killed, nothing is in the way."""
    more = "rule first:\n    output: 'first.txt'\n    shell: 'touch started; sleep 60'\n"
    host.write(_module(), more=more)
    running = subprocess.Popen(
        [BIN / "snakemake", "--cores", "1", "first.txt"],
        cwd=host.folder,
        env=host.workspace.environment,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while not (host.folder / "started").exists() and time.monotonic() < end:
            time.sleep(0.05)
        command = ("generate", host.workspace.tree, "-d", host.workspace.out, "-b", "scheduler=local")
        refused = host.workspace.canary_wf(*command)
        assert refused.returncode == 4
        assert f"a larger workflow that uses it is being run in {host.folder}" in refused.stderr
        assert host.workspace.canary_wf("rerun", "-d", host.workspace.out).returncode == 4
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert host.workspace.canary_wf(*command).returncode == 0


@pytest.mark.parametrize("prefix", [None, "results/tests"])
@pytest.mark.parametrize("file", ["Snakefile", "module.smk"])
def test_results_are_where_snakemake_expects_them_and_state_stays(host: Host, prefix: str | None, file: str) -> None:
    """With a prefix and without, from a working directory that is neither the suite's nor the Snakefile's."""
    host.write(_module(prefix=prefix, file=file))
    elsewhere = host.folder / "elsewhere"
    elsewhere.mkdir()
    done = host.snakemake("-s", "../workflow/Snakefile", "--cores", "2", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    expected = elsewhere / (prefix or "") / ".canary-wf" / "sessions"
    assert len(list(expected.glob("*/batches/*/result.json"))) == 2
    assert len(list(expected.glob("*/gate.json"))) == 1
    assert not list(expected.glob("*/plan.json"))
    assert len(list(host.workspace.out.glob(".canary-wf/sessions/*/batches/*/result.json"))) == 2
    assert host.workspace.counts() == {"SUCCESS": 3}


def test_the_larger_workflow_has_its_own_config_and_profile(host: Host) -> None:
    """Neither reaches into the other: the suite reads no config, and runs under a profile that is not its own."""
    (host.folder / "config.yaml").write_text("session: mine\nPLAN: none\n")
    (host.folder / "mine").mkdir()
    (host.folder / "mine" / "config.yaml").write_text("cores: 2\nkeep-going: true\ndefault-resources:\n  mem_mb: 77\n")
    host.write('configfile: "config.yaml"\n', _module(), more='assert config == {"session": "mine", "PLAN": "none"}\n')
    shown = host.snakemake("-n", "--profile", "mine")
    assert "mem_mb=77" in shown.stdout + shown.stderr
    done = host.snakemake("--profile", "mine")
    assert done.returncode == 0, done.stderr


def test_a_suite_used_twice_at_once_runs_each_job_once(host: Host) -> None:
    """Under two names and prefixes: whoever comes second to a batch waits for the first, and takes its verdicts."""
    gates = "rules.one_gate.output, rules.two_gate.output"
    host.write(_module("one", "one"), _module("two", "two"), gates=gates)
    done = host.snakemake("--cores", "8")
    assert done.returncode == 0, done.stderr
    assert host.times_run() == 2
    for name in ("one", "two"):
        assert len(list((host.folder / name).glob(".canary-wf/sessions/*/batches/*/result.json"))) == 2


def test_two_suites_do_not_mix(host: Host, tmp_path: Path) -> None:
    """Two OUTs as two modules: each runs its own plan."""
    other = Workspace(tmp_path / "other")
    other.write("o.jobs.yaml", "jobs:\n  - {name: other, command: 'true'}\n")
    other.generate("--module")
    second = _module("more", "more").replace("../../out", str(other.out))
    host.write(_module(), second, gates="rules.tests_gate.output, rules.more_gate.output")
    done = host.snakemake("--cores", "2")
    assert done.returncode == 0, done.stderr
    assert host.workspace.counts() == {"SUCCESS": 3}
    assert other.outcomes() == {"other": "SUCCESS"}


def test_what_one_batch_asks_for_can_be_changed(host: Host) -> None:
    """`use rule … with` behind the wildcard line, in the words of the comment in module.smk."""
    text = (host.workspace.out / "workflow" / "module.smk").read_text()
    comment = "\n".join(line.removeprefix("# ").removeprefix("#") for line in text.splitlines() if line.startswith("#"))
    example = re.search(r"^ +use rule batch_(\w+) from(?:.|\n)*runtime=(\d+),$", comment, re.MULTILINE)
    assert example is not None
    override = re.sub(r"^    ", "", example[0], flags=re.MULTILINE)
    host.write(_module(), override.replace(f"runtime={example[2]}", 'runtime=99, slurm_partition="big"'))
    shown = host.snakemake("-n")
    rules = {part.split(":")[0]: part for part in shown.stdout.split("\nrule ")}
    changed = [name for name, text in rules.items() if "slurm_partition=big" in text and "runtime=99" in text]
    assert changed == [f"tests_batch_{example[1]}"]
    done = host.snakemake("--cores", "2")
    assert done.returncode == 0, done.stderr


def test_failures_stop_what_depends_on_the_gate_until_they_are_run_again(host: Host) -> None:
    """`rerun` also removes the results under the prefix, so the larger workflow runs the reset jobs and goes on."""
    bad = host.runs.with_name("runs.bad")
    bad.touch()
    host.write(_module())
    failed = host.snakemake("--cores", "2")
    assert failed.returncode == 1
    assert "1 of 3 jobs did not pass" in failed.stderr
    assert not (host.folder / "publish.txt").exists()
    bad.unlink()
    assert host.workspace.canary_wf("rerun", "-d", host.workspace.out).returncode == 0
    done = host.snakemake("--cores", "2")
    assert done.returncode == 0, done.stderr
    assert host.workspace.counts() == {"SUCCESS": 3}
    assert host.times_run() == 2


def test_passed_jobs_run_again_when_the_gate_is_asked_for(host: Host) -> None:
    """Snakemake does not look behind files that exist: the gate as the target runs what was reset."""
    host.write(_module())
    assert host.snakemake("--cores", "2").returncode == 0
    assert host.workspace.canary_wf("rerun", "a.n=1", "-d", host.workspace.out).returncode == 0
    done = host.snakemake("--cores", "2", "tests_gate")
    assert done.returncode == 0, done.stderr
    assert host.times_run() == 3


def test_a_plain_generate_keeps_the_module_of_the_newest_session(host: Host) -> None:
    """Once it is there it follows, or the larger workflow would run an old plan."""
    host.workspace.generate()
    newest = max(path.name for path in host.workspace.out.glob(".canary-wf/sessions/*"))
    assert newest in (host.workspace.out / "workflow" / "module.smk").read_text()


@pytest.mark.parametrize("rules", ["batch", "shape"])
def test_the_module_is_formatted_and_linted(host: Host, rules: str) -> None:
    """With software too, snakefmt and snakemake's linter find nothing but rules without an environment."""
    host.workspace.generate("--module", "--rules", rules, "--container", "docker://image", "--conda", "environment")
    done = host.workspace.run(BIN / "snakefmt", "--check", host.workspace.out / "workflow")
    assert done.returncode == 0, done.stderr
    host.write(_module())
    linted = host.snakemake("--lint")
    about_suite = [
        part for part in (linted.stdout + linted.stderr).split("Lints for ") if not part.startswith("rule publish")
    ]
    told = set(re.findall(r"^    \* (.*?):?$", "".join(about_suite), re.MULTILINE))
    assert told <= {"Specify a conda environment or container for each rule."}
    assert not re.search(r"rule tests_(batch|shape)", "".join(about_suite))


SINGULARITY = """#!/bin/sh
if [ "$1" = --version ]; then echo singularity-ce version 4.0.0; exit; fi
echo "$@" | head -n 1 >> "$RUNS.containers"
while [ "$1" != -c ]; do shift; done
exec bash -c "$2"
"""


def test_batches_run_in_their_container(host: Host, tmp_path: Path) -> None:
    """With --sdm apptainer Snakemake starts the batch, by the image's own python3, in the image; the rest outside."""
    host.workspace.generate("--container", str(tmp_path / "image.sif"))
    (tmp_path / "image.sif").touch()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "singularity"
    program.write_text(SINGULARITY)
    program.chmod(0o755)
    host.workspace.environment["PATH"] = f"{tmp_path / 'bin'}:{host.workspace.environment['PATH']}"
    done = host.workspace.snakemake("--sdm", "apptainer", "--printshellcmds")
    assert done.returncode == 0, done.stderr
    assert host.workspace.counts() == {"SUCCESS": 3}
    started = host.runs.with_name("runs.containers").read_text()
    assert started.count("image.sif") == 2
    commands = re.findall(r"^Shell command: (\S+) -P -m canary_wf run-batch", done.stderr + done.stdout, re.MULTILINE)
    assert set(commands) == {"python3"}


def test_the_example_draws_its_figure_after_the_tests(tmp_path: Path) -> None:
    """Simulate, test the code, analyse, plot; and no figure from code that fails its tests."""
    folder = tmp_path / "pendulum"
    shutil.copytree(EXAMPLES / "embedding", folder)
    workspace = Workspace(tmp_path / "unused")

    def run() -> "subprocess.CompletedProcess[str]":
        made = workspace.canary_wf(
            "generate", "tests", "-d", "tests.wf", "--module", "-b", "scheduler=local", cwd=folder
        )
        assert made.returncode == 0, made.stderr
        return workspace.run(BIN / "snakemake", "--cores", "2", cwd=folder)

    good = (folder / "pendulum.py").read_text()
    (folder / "pendulum.py").write_text(good.replace("0.5 * step * math.sin", "0.6 * step * math.sin"))
    assert run().returncode == 1
    assert not (folder / "results" / "periods.svg").exists()
    (folder / "pendulum.py").write_text(good)
    done = run()
    assert done.returncode == 0, done.stderr
    assert (folder / "results" / "periods.svg").read_text().count("<circle") == 7
    assert json.loads(workspace.canary_wf("status", "-d", folder / "tests.wf", "--json").stdout)["counts"]["PASS"] == 8


def test_the_example_is_formatted_and_linted(tmp_path: Path) -> None:
    """What users copy from passes the checks; rules have no software environment, as they need Python alone."""
    folder = tmp_path / "pendulum"
    shutil.copytree(EXAMPLES / "embedding", folder)
    workspace = Workspace(tmp_path / "unused")
    assert workspace.run(BIN / "snakefmt", "--check", "workflow", cwd=folder).returncode == 0
    workspace.canary_wf("generate", "tests", "-d", "tests.wf", "--module", "-b", "scheduler=local", cwd=folder)
    done = workspace.run(BIN / "snakemake", "--lint", cwd=folder)
    told = set(re.findall(r"^    \* (.*?):?$", done.stdout + done.stderr, re.MULTILINE))
    assert told == {"Specify a conda environment or container for each rule."}
