"""The runner on real processes: each test writes a plan and runs its batches with the command that rules call."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from factories import plan_of, shell, spec

from canary_wf import generate
from canary_wf.plan.model import Plan
from canary_wf.plan.store import newest_session, write_session
from canary_wf.process.process_identity import start_ticks
from canary_wf.report.session import SessionState, load_session
from canary_wf.spec.job_spec import Asset, DependencyEdge, JobSpec
from canary_wf.state.session_paths import SessionPaths


def command(paths: SessionPaths, plan: Plan, batch: int = 0) -> list[str]:
    """Return the command line that runs the plan's batch with this number."""
    name = plan.batches[batch].id
    return [sys.executable, "-P", "-m", "canary_wf", "run-batch", name, "--plan", str(paths.plan)]


def run(out: Path, *batches: list[JobSpec], **fields: Any) -> tuple[SessionState, "subprocess.CompletedProcess[str]"]:  # noqa: ANN401
    """Run all `batches` in order; return the session's state and how the last command ended."""
    plan = plan_of(*batches, **fields)
    paths = write_session(plan, out)
    for number in range(len(batches)):
        done = subprocess.run(command(paths, plan, number), capture_output=True, text=True, timeout=60, check=False)
    return load_session(paths), done


def outcomes(state: SessionState) -> dict[str, str]:
    """Return the outcome of each job by name."""
    return {job.name: state.record(job).status.outcome.name for job in state.plan.jobs}


def test_exit_codes_become_verdicts_and_the_runner_succeeds(tmp_path: Path) -> None:
    """Jobs that fail do not fail their batch; the result counts them."""
    codes = {"pass": 0, "diff": 64, "skip": 80, "fail": 3}
    state, done = run(tmp_path, [shell(name, f"exit {code}") for name, code in codes.items()])
    assert done.returncode == 0, done.stderr
    assert outcomes(state) == {"pass": "SUCCESS", "diff": "DIFFED", "skip": "SKIPPED", "fail": "FAILED"}
    result = json.loads(state.paths.batch(state.plan.batches[0].id).result.read_text())
    assert result["counts"] == {"PASS": 1, "FAIL": 2, "SKIP": 1}


def test_output_holds_what_the_job_wrote_and_nothing_else(tmp_path: Path) -> None:
    """Standard output and error go to one file in the job's directory, in order."""
    state, _ = run(tmp_path, [shell("a", "echo one; echo two >&2; echo three")])
    assert (state.paths.job("a") / "canary-out.txt").read_text() == "one\ntwo\nthree\n"


def test_jobs_find_signals_as_the_system_leaves_them(tmp_path: Path) -> None:
    """What Python and the runner set is undone; what the caller had ignored on purpose stays ignored."""
    plan = plan_of([shell("a", "exec grep SigIgn /proc/self/status")])
    paths = write_session(plan, tmp_path)
    ignoring = ["sh", "-c", 'trap "" USR2 INT PIPE; exec "$@"', "sh", *command(paths, plan)]
    subprocess.run(ignoring, check=True, capture_output=True, timeout=60)
    ignored = int((paths.job("a") / "canary-out.txt").read_text().split()[1], 16)
    named = {number.name for number in signal.Signals if ignored >> (number - 1) & 1}
    assert "SIGUSR2" in named
    assert not named & {"SIGINT", "SIGPIPE", "SIGXFSZ", "SIGTERM", "SIGCHLD"}


def test_job_json_says_that_a_job_runs(tmp_path: Path) -> None:
    """A job that goes on for a moment finds itself RUNNING in its state file, with its ids."""
    wait = "until grep -q RUNNING job.json 2>/dev/null; do sleep 0.01; done; grep -o '\"cpu_ids\":[^]]*]' job.json"
    state, _ = run(tmp_path, [shell("a", wait, timeout=30.0)])
    assert outcomes(state) == {"a": "SUCCESS"}
    assert json.loads("{" + (state.paths.job("a") / "canary-out.txt").read_text() + "}")["cpu_ids"]


def test_a_job_of_several_nodes_runs_on_one_machine(tmp_path: Path) -> None:
    """What it asks for beyond one node is nominal: ids are handed out, in a batch with others too."""
    tells = "[sh, -c, 'echo $CANARY_CPU_IDS $CANARY_GPU_IDS']"
    wide = f"{{name: wide, command: {tells}, nodes: 2, cpus: 4, gpus: 2}}"
    small = f"{{name: small, command: {tells}, cpus: 2}}"
    (tmp_path / "a.jobs.yaml").write_text(f"jobs:\n  - {wide}\n  - {small}\n")
    node = {"cpus": 2, "gpus": 1, "nodes": 2}
    plan = generate(tmp_path, out=tmp_path / "out", scheduler="local", resources=node)
    (batch,) = plan.batches
    assert (batch.cpus, batch.gpus, batch.nodes) == (2, 1, 2)
    paths = newest_session(tmp_path / "out")
    done = subprocess.run(command(paths, plan), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = {job.name: (paths.job(job.directory) / "canary-out.txt").read_text() for job in plan.jobs}
    assert said == {"wide": "0,1,2,3 0,1\n", "small": "0,1\n"}


def test_job_json_tells_the_state_with_spec_and_measurements(tmp_path: Path) -> None:
    """The file beside the output has the documented fields."""
    state, _ = run(tmp_path, [shell("a", "exit 0")], [shell("b", "exit 5", "a")])
    content = json.loads((state.paths.job("b") / "job.json").read_text())
    assert (content["phase"], content["category"], content["outcome"], content["code"]) == ("DONE", "FAIL", "FAILED", 5)
    assert content["spec"]["command"] == ["sh", "-c", "exit 5"]
    assert content["dependencies"][0]["directory"] == f".canary-wf/sessions/{state.plan.session}/jobs/a"
    assert set(content["measurements"]) >= {"duration", "cpu_user", "cpu_system", "max_rss"}
    assert content["log"] == f".canary-wf/sessions/{state.plan.session}/jobs/b/canary-out.txt"


def test_dependencies_hold_inside_a_batch_and_blocked_jobs_say_why(tmp_path: Path) -> None:
    """A chain runs in order; behind a failure jobs are blocked, unless their condition wants it."""
    jobs = [
        shell("a", "echo x > made"),
        shell("b", "test -e ../a/made && exit 1", "a"),
        shell("c", "exit 0", "b"),
        shell("d", "exit 0", "c"),
        spec("e", dependencies=(DependencyEdge(spec("b").id, "on_failure"), DependencyEdge(spec("d").id, "always"))),
    ]
    state, done = run(tmp_path, jobs)
    assert done.returncode == 0
    expected = {"a": "SUCCESS", "b": "FAILED", "c": "BLOCKED", "d": "BLOCKED", "e": "SUCCESS"}
    assert outcomes(state) == expected
    blocked = next(job for job in state.plan.jobs if job.name == "c")
    assert state.record(blocked).status.reason == "dependency b ended with FAILED, needed on_success"


def test_dependencies_hold_across_batches(tmp_path: Path) -> None:
    """The upstream's verdict is read from the other batch's journal."""
    state, _ = run(tmp_path, [shell("a", "exit 1"), shell("x", "exit 0")], [shell("b", "exit 0", "a"), spec("y", "x")])
    assert outcomes(state) == {"a": "FAILED", "x": "SUCCESS", "b": "BLOCKED", "y": "SUCCESS"}


def test_a_batch_whose_upstream_has_not_run_is_refused(tmp_path: Path) -> None:
    """By hand, too, nothing is blocked because of an order."""
    plan = plan_of([spec("a")], [spec("b", "a")])
    paths = write_session(plan, tmp_path)
    done = subprocess.run(command(paths, plan, 1), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "which has not run" in done.stderr
    assert not paths.batch(plan.batches[1].id).journal.exists()


@pytest.mark.long  # it waits for the end of the grace after SIGTERM
def test_a_timeout_ends_the_whole_process_group(tmp_path: Path) -> None:
    """SIGTERM first, SIGKILL for who ignores it, children included."""
    text = "trap '' TERM; sleep 100 & echo $! > child; wait; sleep 100"
    before = time.monotonic()
    state, done = run(tmp_path, [shell("a", text, timeout=0.5)])
    assert done.returncode == 0
    assert 0.5 < time.monotonic() - before < 20
    assert outcomes(state) == {"a": "TIMEOUT"}
    child = int((state.paths.job("a") / "child").read_text())
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def test_what_a_job_leaves_running_in_its_group_is_killed(tmp_path: Path) -> None:
    """A background process does not outlive its job."""
    state, _ = run(tmp_path, [shell("a", "sleep 100 & echo $! > child")])
    child = int((state.paths.job("a") / "child").read_text())
    assert outcomes(state) == {"a": "SUCCESS"}
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def test_ids_are_given_to_jobs_and_never_twice_at_once(tmp_path: Path) -> None:
    """Each job is told its CPU and GPU ids; concurrent jobs have different ones."""
    text = 'echo "$CANARY_CPU_IDS|$CUDA_VISIBLE_DEVICES|$CANARY_GPU_IDS|$OMP_NUM_THREADS"; sleep 0.3'
    jobs = [shell(name, text, gpus=1) for name in "ab"] + [shell("c", 'echo "[$CUDA_VISIBLE_DEVICES]"')]
    plan = plan_of(jobs, gpus=2)
    batch = plan.batches[0].__class__(**{**_fields(plan.batches[0]), "cpus": 2, "gpus": 2})
    plan = plan.__class__(**{**_fields(plan), "batches": (batch,)})
    paths = write_session(plan, tmp_path)
    subprocess.run(command(paths, plan), check=True, capture_output=True)
    lines = [(paths.job(name) / "canary-out.txt").read_text().strip().split("|") for name in "ab"]
    assert {line[0] for line in lines} == {"0", "1"}
    assert {line[1] for line in lines} == {"0", "1"}
    assert all(line[1] == line[2] and line[3] == "1" for line in lines)
    assert (paths.job("c") / "canary-out.txt").read_text() == "[]\n"


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any struct
    return {name: getattr(value, name) for name in value.__struct_fields__}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"command": ("no-such-program",)}, "is not found"),
        ({"command": ("./plain",), "assets": (Asset("copy", "{tmp}/plain"),)}, "may not be executed"),
        ({"command": ("./script",), "assets": (Asset("copy", "{tmp}/script"),)}, "#!/bin/sh"),
        ({"assets": (Asset("copy", "{tmp}/gone-*.dat"),)}, "there is no"),
        ({"assets": (Asset("link", "{tmp}/plain", "../../../outside"),)}, "leads out of"),
        ({"command": ("tr\0ue",)}, "null"),
    ],
)
def test_a_job_that_cannot_start_is_broken_with_its_reason(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    """Whatever is wrong with one job, the others run and the reason stands in its state."""
    (tmp_path / "plain").write_text("x")
    (tmp_path / "script").write_text("echo no first line")
    (tmp_path / "script").chmod(0o755)
    fields["assets"] = tuple(
        Asset(asset.action, asset.source.format(tmp=tmp_path), asset.target) for asset in fields.get("assets", ())
    )
    state, done = run(tmp_path / "out", [spec("bad", **fields), spec("good")])
    assert done.returncode == 0
    assert outcomes(state) == {"bad": "BROKEN", "good": "SUCCESS"}
    bad = state.record(next(job for job in state.plan.jobs if job.name == "bad"))
    assert reason in str(bad.status.reason)


def test_assets_are_copied_and_linked(tmp_path: Path) -> None:
    """Files, globs, folders and new names end where the spec says."""
    source = tmp_path / "src"
    (source / "data").mkdir(parents=True)
    (source / "data" / "x.dat").write_text("x")
    for name in ("a.in", "b.in"):
        (source / name).write_text(name)
    assets = (
        Asset("copy", f"{source}/*.in"),
        Asset("link", f"{source}/data"),
        Asset("copy", f"{source}/a.in", "sub/renamed.in"),
    )
    state, _ = run(tmp_path / "out", [shell("a", "cat a.in b.in data/x.dat sub/renamed.in", assets=assets)])
    assert (state.paths.job("a") / "canary-out.txt").read_text() == "a.inb.inxa.in"
    assert (state.paths.job("a") / "data").is_symlink()


def test_the_jobs_environment_wins_and_nothing_is_expanded(tmp_path: Path) -> None:
    """Declared variables reach the job as written."""
    environment = {"OMP_NUM_THREADS": "7", "ODD": "$HOME `id` \"'\n"}
    state, _ = run(tmp_path, [spec("a", command=("python3", "-c", _PRINT_ENV), environment=environment)])
    shown = json.loads((state.paths.job("a") / "canary-out.txt").read_text())
    assert shown["OMP_NUM_THREADS"] == "7"
    assert shown["ODD"] == environment["ODD"]
    assert shown["CANARY_WF_JOB"] == str(state.paths.job("a") / "job.json")


_PRINT_ENV = "import json, os; print(json.dumps(dict(os.environ)))"


def test_a_second_run_runs_nothing_that_is_final(tmp_path: Path) -> None:
    """Final jobs, failed ones included, are left alone."""
    plan = plan_of([shell("a", "echo run >> ../../a.txt"), shell("b", "echo run >> ../../b.txt; exit 1")])
    paths = write_session(plan, tmp_path)
    for _ in range(2):
        subprocess.run(command(paths, plan), check=True, capture_output=True)
    assert (paths.folder / "a.txt").read_text() == (paths.folder / "b.txt").read_text() == "run\n"


def _start(paths: SessionPaths, plan: Plan) -> "subprocess.Popen[str]":
    return subprocess.Popen(command(paths, plan), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def _count(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_no_process_outlives_a_killed_runner(tmp_path: Path) -> None:
    """The watchdog ends what a runner leaves behind that was killed with SIGKILL."""
    plan = plan_of([shell("a", "sleep 100 & echo $! > ../../child; echo $$ > ../../pid; wait")])
    paths = write_session(plan, tmp_path)
    with _start(paths, plan) as runner:
        _wait_for(paths.folder / "pid")
        time.sleep(0.1)
        runner.kill()
    end = time.monotonic() + 10
    for name in ("pid", "child"):
        pid = int((paths.folder / name).read_text())
        while start_ticks(pid):
            assert time.monotonic() < end, f"{name} lives on"
            time.sleep(0.02)


def test_sigkill_of_the_runner_loses_no_verdict_and_leaves_no_double(tmp_path: Path) -> None:
    """After SIGKILL only what is not final runs again, and what was left running is killed first."""
    jobs = [
        shell("quick", "echo run >> ../../quick.txt"),
        shell("slow", "echo $$ >> ../../slow.txt; test -e ../../go || sleep 100", "quick"),
    ]
    plan = plan_of(jobs)
    paths = write_session(plan, tmp_path)
    with _start(paths, plan) as runner:
        _wait_for(paths.folder / "slow.txt")
        time.sleep(0.1)
        runner.kill()
    assert outcomes(load_session(paths)) == {"quick": "SUCCESS", "slow": "INTERRUPTED"}
    (paths.folder / "go").touch()
    subprocess.run(command(paths, plan), check=True, capture_output=True, timeout=60)
    assert outcomes(load_session(paths)) == {"quick": "SUCCESS", "slow": "SUCCESS"}
    assert _count(paths.folder / "quick.txt") == 1
    first, _second = (paths.folder / "slow.txt").read_text().split()
    assert not Path(f"/proc/{first}").exists() or "Z" in Path(f"/proc/{first}/stat").read_text().split()[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_ends_the_jobs_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Running jobs are INTERRUPTED, waiting ones stay pending, the exit code tells the signal."""
    plan = plan_of([shell("a", "touch ../../up; sleep 100"), shell("b", "exit 0", "a")])
    paths = write_session(plan, tmp_path)
    with _start(paths, plan) as runner:
        _wait_for(paths.folder / "up")
        runner.send_signal(number)
        assert runner.wait(20) == 128 + number
    assert outcomes(load_session(paths)) == {"a": "INTERRUPTED", "b": "NONE"}
    assert not paths.batch(plan.batches[0].id).result.exists()


def test_a_second_ctrl_c_cancels_for_good(tmp_path: Path) -> None:
    """CANCELLED is what a person wanted, so it is final."""
    plan = plan_of([shell("a", "trap '' TERM; touch ../../up; sleep 100; sleep 100")])
    paths = write_session(plan, tmp_path)
    with _start(paths, plan) as runner:
        _wait_for(paths.folder / "up")
        for _ in range(2):
            runner.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert runner.wait(20) == 130
    assert outcomes(load_session(paths)) == {"a": "CANCELLED"}


def test_a_second_runner_takes_over_and_the_first_writes_nothing_more(tmp_path: Path) -> None:
    """Two runners on one batch: the newer one runs it, each job's verdict is recorded once."""
    plan = plan_of([shell("a", "echo $$ >> ../../pids; test -e ../../go || sleep 100")])
    paths = write_session(plan, tmp_path)
    with _start(paths, plan) as first:
        _wait_for(paths.folder / "pids")
        (paths.folder / "go").touch()
        subprocess.run(command(paths, plan), check=True, capture_output=True, timeout=60)
        assert first.wait(20) != 0
    assert outcomes(load_session(paths)) == {"a": "SUCCESS"}
    journal = paths.batch(plan.batches[0].id).journal.read_text()
    assert (journal.count('"SUCCESS"'), journal.count('"INTERRUPTED"'), journal.count("job_finished")) == (1, 1, 2)


def test_exclusive_jobs_have_the_batch_to_themselves(tmp_path: Path) -> None:
    """Nothing runs beside an exclusive job, before or after."""
    text = "import os, time; open('../../log', 'a').write('+'); time.sleep(0.2); open('../../log', 'a').write('-')"
    jobs = [spec(name, command=("python3", "-c", text), exclusive=name == "b") for name in "abc"]
    state, _ = run(tmp_path, jobs)
    ended = {job.name: state.record(job) for job in state.plan.jobs}
    alone = ended["b"]
    for other in (ended["a"], ended["c"]):
        assert other.finished is not None
        assert other.started is not None
        assert alone.finished is not None
        assert alone.started is not None
        assert other.finished <= alone.started or other.started >= alone.finished


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_jobs_at_once_than_workers(tmp_path: Path, workers: int) -> None:
    """The plan's `workers` bounds what runs at once, whatever the pool has."""
    jobs = [shell(f"j{number}", "sleep 0.1") for number in range(4)]
    plan = plan_of(jobs, workers=workers, cpus=4)
    batch = plan.batches[0].__class__(**{**_fields(plan.batches[0]), "cpus": 4})
    plan = plan.__class__(**{**_fields(plan), "batches": (batch,)})
    paths = write_session(plan, tmp_path)
    subprocess.run(command(paths, plan), check=True, capture_output=True)
    state = load_session(paths)
    times = sorted(
        point
        for job in state.plan.jobs
        for point in ((state.record(job).started or 0, 1), (state.record(job).finished or 0, -1))
    )
    running = most = 0
    for _, change in times:
        running += change
        most = max(most, running)
    assert most <= workers


@pytest.mark.parametrize(
    ("batch", "plan", "code", "message"),
    [
        ("0" * 12, "plan.json", 4, "there is no batch"),
        ("../x", "plan.json", 4, "there is no batch"),
        ("a", "gone.json", 4, "no such plan"),
    ],
)
def test_a_wrong_batch_or_plan_is_told_in_one_line(
    tmp_path: Path, batch: str, plan: str, code: int, message: str
) -> None:
    """No traceback, the documented exit code."""
    paths = write_session(plan_of([spec("a")]), tmp_path)
    line = [sys.executable, "-m", "canary_wf", "run-batch", batch, "--plan", str(paths.folder / plan)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_damaged_slice_is_told_in_one_line(tmp_path: Path) -> None:
    """A plan that a disk or an editor broke is named."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    paths.slice(plan.batches[0].id).write_text("{")
    done = subprocess.run(command(paths, plan), capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)
    assert "is damaged" in done.stderr


def test_a_copy_of_the_result_is_written_where_the_rule_expects_it(tmp_path: Path) -> None:
    """A module with a prefix expects its own copy; the authoritative one stays in OUT."""
    plan = plan_of([spec("a")])
    paths = write_session(plan, tmp_path)
    copy = tmp_path / "prefix" / "result.json"
    subprocess.run([*command(paths, plan), "--result", str(copy)], check=True, capture_output=True)
    assert copy.read_bytes() == paths.batch(plan.batches[0].id).result.read_bytes()
    assert os.stat(copy).st_ino != os.stat(paths.batch(plan.batches[0].id).result).st_ino  # noqa: PTH116


def test_placeholders_in_commands_and_variables_are_the_ids_given(tmp_path: Path) -> None:
    """In words of the command and in values, also inherited ones; types of the pool without ids are empty."""
    job = spec(
        "a",
        command=("sh", "-c", 'echo "$0|$DEVICE|%(cpu_ids)s|%(fpga_ids)s|%(other_ids)s"', "gpu=%(gpu_ids)s"),
        environment={"DEVICE": "cuda:%(gpu_ids)s"},
        gpus=2,
    )
    pool = {kind: [{"id": name, "slots": 1} for name in ids] for kind, ids in POOL_IDS.items()}
    state, done = run(tmp_path, [job], resource_pool={"additional_properties": {}, "resources": pool})
    assert done.returncode == 0, done.stderr
    shown = (state.paths.job("a") / "canary-out.txt").read_text().strip()
    assert shown == "gpu=3,5|cuda:3,5|0||%(other_ids)s"


POOL_IDS = {"cpus": ("0",), "gpus": ("3", "5"), "fpgas": ("f",)}
