"""Tests of CTest that leave processes in the background: when they are over, how they are judged, and who lives on."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from factories import plan_of, shell
from session_jobs import assert_gone

from canary_wf.api.job.execution_space import ExecutionSpace
from canary_wf.api.job.job import Job
from canary_wf.job import ProcessLauncher
from canary_wf.plan.store import write_session
from canary_wf.recovery.reset import reset_jobs
from canary_wf.report.session import load_session
from canary_wf.run.runner import main
from canary_wf.spec.batch_slice import PlannedBatch
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.spec.job_spec import DependencyEdge, JobSpec
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths

FAILED = CTestRules(fail_regular_expression=("FAILED badly",))
PASSED = CTestRules(pass_regular_expression=("all passed",))


def ctest_job(name: str, text: str, *needs: str, **fields: Any) -> JobSpec:  # noqa: ANN401 - any field
    """Return a test of CTest that runs the shell text after those it `needs`, whatever became of them."""
    edges = tuple(DependencyEdge(shell(need, "").id, "always") for need in needs)
    return shell(name, text, **{"kind": "ctest", "ctest": CTestRules(), "dependencies": edges, **fields})


def run(out: Path, *batches: list[JobSpec], cpus: int = 2, **fields: Any) -> tuple[SessionPaths, dict[str, JobRecord]]:  # noqa: ANN401
    """Run all batches here; return the session and what became of each job."""
    plan = plan_of(*batches, cpus=cpus, **fields)
    wide = [{field: getattr(batch, field) for field in batch.__struct_fields__} for batch in plan.batches]
    plan = plan_of(*batches, cpus=cpus, batches=tuple(PlannedBatch(**{**b, "cpus": cpus}) for b in wide), **fields)
    paths = write_session(plan, out)
    for batch in plan.batches:
        assert main([batch.id, "--plan", str(paths.plan)]) == 0
    state = load_session(paths)
    return paths, {job.name: state.record(job) for job in plan.jobs}


@pytest.mark.long  # it waits for the end of the grace after SIGTERM
def test_a_test_is_over_when_nobody_holds_its_output(tmp_path: Path) -> None:
    """What children print counts for expressions and time, until the limit; what went elsewhere holds nobody up."""
    later = "(sleep 0.3; echo FAILED badly{}) & exit 0"
    jobs = [
        ctest_job("outlives", "sleep 60 & exit 0", timeout=0.5),
        ctest_job("outlives_apart", "setsid sleep 60 & exit 0", timeout=0.5),
        ctest_job("failed", later.format(""), ctest=FAILED),
        ctest_job("failed_on_error", later.format(" >&2"), ctest=FAILED),
        ctest_job("failed_apart", "setsid sh -c 'sleep 0.3; echo FAILED badly' & exit 0", ctest=FAILED),
        ctest_job("passed", "(sleep 0.3; echo all passed) & exit 3", ctest=PASSED),
        ctest_job("elsewhere", "sleep 60 >/dev/null 2>&1 & echo all passed", ctest=PASSED),
        ctest_job("closed", "exec >&- 2>&-; sleep 0.3; exit 4"),
        shell("job", "sleep 60 & exit 0"),
    ]
    _, records = run(tmp_path, jobs, cpus=9)
    assert {name: record.status.outcome.name for name, record in records.items()} == {
        "outlives": "TIMEOUT",
        "outlives_apart": "TIMEOUT",
        "failed": "FAILED",
        "failed_on_error": "FAILED",
        "failed_apart": "FAILED",
        "passed": "SUCCESS",
        "elsewhere": "SUCCESS",
        "closed": "FAILED",
        "job": "SUCCESS",
    }
    took = {name: record.measurements["duration"] for name, record in records.items()}
    assert all(took[name] > 0.2 for name in ("failed", "failed_on_error", "failed_apart", "passed", "closed"))
    assert took["elsewhere"] < 5 > took["job"]


def test_a_test_by_itself_waits_for_its_output_too(tmp_path: Path) -> None:
    """The launcher of single jobs judges by the same end."""
    outcomes = []
    for name, text, rules in (
        ("a", "(sleep 0.2; echo FAILED badly) & exit 0", FAILED),
        ("b", "sleep 60 & exit 0", CTestRules()),
        ("c", "sleep 60 >/dev/null 2>&1 & exit 0", CTestRules()),
    ):
        job = Job(ctest_job(name, text, ctest=rules, timeout=1.0), ExecutionSpace(tmp_path, Path(name)))
        job.launcher = ProcessLauncher()
        job.setup()
        job.run()
        outcomes.append(job.status.outcome.name)
    assert outcomes == ["FAILED", "TIMEOUT", "SUCCESS"]


SERVER = "{how} sleep 100 >/dev/null 2>&1 & echo $! >{file}"


@pytest.mark.parametrize("how", ["", "nohup", "setsid", "env -i"])
def test_what_a_set_up_started_lives_until_those_that_need_it_are_done(tmp_path: Path, how: str) -> None:
    """In whatever process group it is, with another test that ends meanwhile, and gone after the batch."""
    file = tmp_path / "pid"
    alive = f"kill -0 $(cat {file})"
    jobs = [
        ctest_job("up", SERVER.format(how=how, file=file)),
        ctest_job("other", "exit 0"),
        ctest_job("use", alive, "up", "other"),
        ctest_job("again", alive, "use"),
    ]
    _, records = run(tmp_path / "out", jobs)
    assert {
        name: (record.status.outcome.name, record.status.reason) for name, record in records.items()
    } == dict.fromkeys(("up", "other", "use", "again"), ("SUCCESS", None))
    assert_gone(int(file.read_text()))


def test_what_is_not_needed_any_more_ends_before_the_batch(tmp_path: Path) -> None:
    """The last test that depends on the one that started it has its verdict; so it is without such tests."""
    file, other = tmp_path / "pid", tmp_path / "other"
    gone = f"[ -e {file} -a -e {other} ] && ! kill -0 $(cat {file}) && ! kill -0 $(cat {other})"
    jobs = [
        ctest_job("up", SERVER.format(how="", file=file)),
        ctest_job("use", f"kill -0 $(cat {file})", "up"),
        ctest_job("alone", SERVER.format(how="", file=other)),
        shell("after", f"until {gone}; do sleep 0.02; done", timeout=20.0),
    ]
    _, records = run(tmp_path / "out", jobs, cpus=4)
    assert {record.status.outcome.name for record in records.values()} == {"SUCCESS"}


def test_a_set_up_whose_users_are_in_another_batch_says_that_its_processes_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In its reason and in the log; how many there were is measured."""
    file = tmp_path / "pid"
    up = ctest_job("up", SERVER.format(how="", file=file))
    _, records = run(tmp_path / "out", [up], [ctest_job("use", f"kill -0 $(cat {file})", "up")])
    assert records["use"].status.outcome.name == "FAILED"
    told = "left 1 process running, which will not survive until the tests in other batches run"
    assert records["up"].status.reason == told
    assert records["up"].measurements["left_running"] == 1
    assert f"warning: job up: {told}" in capfd.readouterr().out


def test_a_set_up_that_runs_again_finds_nothing_of_its_first_run(tmp_path: Path) -> None:
    """The server of a run that failed would be in the way of the next."""
    first, second = tmp_path / "1", tmp_path / "2"
    text = f"if [ -e {first} ]; then ! kill -0 $(cat {first}) && {SERVER.format(how='', file=second)}; "
    text += f"else {SERVER.format(how='', file=first)}; exit 1; fi"
    jobs = [ctest_job("up", text), ctest_job("use", f"kill -0 $(cat {second})", "up")]
    _, records = run(tmp_path / "out", jobs, retry={"failed": 1})
    assert {record.status.outcome.name for record in records.values()} == {"SUCCESS"}
    for file in (first, second):
        assert_gone(int(file.read_text()))


def test_output_of_thousands_of_lines_arrives_whole(tmp_path: Path) -> None:
    """More than a pipe holds, from two processes, without a line lost."""
    text = "seq 1 200000; (sleep 0.1; seq 200001 400000) & exit 0"
    started = time.monotonic()
    paths, records = run(tmp_path, [ctest_job("a", text)])
    assert records["a"].status.outcome.name == "SUCCESS"
    lines = (paths.job("a") / "canary-out.txt").read_text().split()
    assert [int(lines[0]), len(lines), int(lines[-1])] == [1, 400000, 400000]
    assert time.monotonic() - started < 20


def test_a_set_up_runs_again_with_the_tests_that_need_what_it_left(tmp_path: Path) -> None:
    """After `rerun` of one test the server is there again, and the clean-up ends it; other verdicts stay."""
    file, log = tmp_path / "pid", tmp_path / "log"
    part = {"fixtures": ("web@/b",)}
    jobs = [
        ctest_job("up", f"echo up >>{log}; {SERVER.format(how='setsid', file=file)}", **part),
        ctest_job("use", f"echo use >>{log}; kill -0 $(cat {file})", "up", **part),
        ctest_job("other", f"echo other >>{log}; kill -0 $(cat {file})", "up", **part),
        ctest_job("down", f"echo down >>{log}; kill $(cat {file})", "up", "use", "other", **part),
    ]
    # What requires a fixture needs its set-up to have worked; only the clean-up waits for it in any case.
    needs = (DependencyEdge(jobs[0].id, "pass or skipped"),)
    jobs[1:3] = [msgspec.structs.replace(job, dependencies=needs) for job in jobs[1:3]]
    paths, records = run(tmp_path / "out", jobs)
    assert {record.status.outcome.name for record in records.values()} == {"SUCCESS"}
    plan = load_session(paths).plan
    use = next(job for job in plan.jobs if job.name == "use")
    assert not reset_jobs(paths, {use.batch: [use]})
    log.unlink()
    assert main([use.batch, "--plan", str(paths.plan)]) == 0
    assert log.read_text().split() == ["up", "use", "down"]
    state = load_session(paths)
    assert {state.record(job).status.outcome.name for job in plan.jobs} == {"SUCCESS"}
    assert_gone(int(file.read_text()))


def test_who_waits_for_the_end_of_a_daemon_sees_it(tmp_path: Path) -> None:
    """The runner, which the kernel gives orphans to, collects them at once: so a clean-up may wait for its server."""
    file = tmp_path / "pid"
    end = f"kill $(cat {file}); while kill -0 $(cat {file}); do sleep 0.02; done"
    server = SERVER.format(how="setsid", file=file)
    jobs = [
        ctest_job("up", server, timeout=20.0),
        ctest_job("down", end, "up", timeout=20.0),
        shell(
            "alone",
            f"({server.replace(str(file), str(file) + '2')}); {end.replace(str(file), str(file) + '2')}",
            timeout=20.0,
        ),
    ]
    _, records = run(tmp_path / "out", jobs)
    assert {name: record.status.outcome.name for name, record in records.items()} == dict.fromkeys(
        ("up", "down", "alone"), "SUCCESS"
    )
