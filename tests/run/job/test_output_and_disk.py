"""What jobs may not exceed: output that does not end, a disk that is full, processes that cannot be ended."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import plan_of, shell, spec

from canary_wf.job import ExecutionSpace, Job, ProcessLauncher
from canary_wf.plan.store import write_session
from canary_wf.report.session import load_session
from canary_wf.resources.leases.lease import HostLeases
from canary_wf.run.job.disk import DiskWatch
from canary_wf.run.retained_resources import keep_while_alive
from canary_wf.run.runner import main
from canary_wf.spec.ctest_rules import CTestRules
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths

MIB = 2**20


def run(out: Path, jobs: list[JobSpec], cpus: int = 1) -> tuple[int, dict[str, JobRecord]]:
    """Run one batch of `jobs` here; return the runner's exit code, and what became of each job."""
    plan = plan_of(jobs, cpus=cpus)
    paths = write_session(plan, out)
    code = main([plan.batches[0].id, "--plan", str(paths.plan)])
    state = load_session(paths)
    return code, {job.name: state.record(job) for job in plan.jobs}


def command(paths: SessionPaths, batch: str) -> list[str]:
    """Return the command line that runs `batch`."""
    return [sys.executable, "-P", "-m", "canary_wf", "run-batch", batch, "--plan", str(paths.plan)]


def test_a_job_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    """In a file and through a pipe; the next job runs."""
    limit = {"output_limit": MIB, "timeout": 60.0}
    jobs = [
        shell("a", "yes", **limit),
        shell("b", "yes", kind="ctest", ctest=CTestRules(), **limit),
        shell("c", "head -c 1000000 /dev/zero", kind="ctest", ctest=CTestRules(), **limit),
        spec("d"),
    ]
    code, records = run(tmp_path, jobs)
    assert code == 0
    told = ("FAILED", "printed more than its output_limit of 1 MiB, so it was ended")
    verdicts = {name: (record.status.outcome.name, record.status.reason) for name, record in records.items()}
    assert verdicts == {"a": told, "b": told, "c": ("SUCCESS", None), "d": ("SUCCESS", None)}
    piped = next(tmp_path.glob(".canary-wf/sessions/*/jobs/b/canary-out.txt"))
    assert piped.stat().st_size == MIB


@pytest.mark.parametrize("reads", [False, True])
def test_a_log_that_takes_nothing_is_no_matter(tmp_path: Path, reads: bool) -> None:
    """The runner's own lines go to a disk that is full, or to a reader that has gone; jobs have their verdicts."""
    plan = plan_of([spec("a"), shell("b", "exit 3")])
    paths = write_session(plan, tmp_path)
    with Path("/dev/full").open("wb") as full:
        end, other = os.pipe()
        os.close(end)
        log = other if reads else full
        done = subprocess.run(command(paths, plan.batches[0].id), stdout=log, stderr=log, check=False)
        os.close(other)
    assert done.returncode == 0
    assert sorted(load_session(paths).record(job).status.outcome.name for job in plan.jobs) == ["FAILED", "SUCCESS"]


@pytest.fixture(autouse=True)
def back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the folder in which the last job ran: a file system that goes takes it along."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("kind", ["jobs", "ctest"])
def test_a_full_disk_is_the_fault_of_who_filled_it(small_disk: Path, tmp_path: Path, kind: str) -> None:
    """The one that filled it fails for good; who failed by it runs again once there is space."""
    fields = {"kind": kind, "ctest": CTestRules()} if kind == "ctest" else {"kind": kind}
    until_full = "until [ $(df -k --output=avail . | tail -n 1) -lt 100 ]; do sleep 0.02; done"
    jobs = [
        shell("a", f"[ -e {tmp_path}/a ] && exit 0; touch {tmp_path}/a; yes || true; sleep 60", timeout=30.0, **fields),
        shell(
            "b",
            f"[ -e {tmp_path}/b ] || {until_full}; touch {tmp_path}/b; echo b; head -c 200000 /dev/zero >file",
            timeout=30.0,
            **fields,
        ),
    ]
    plan = plan_of(jobs, cpus=2)
    batch = plan.batches[0]
    wide = type(batch)(**{**{field: getattr(batch, field) for field in batch.__struct_fields__}, "cpus": 2})
    plan = plan_of(jobs, cpus=2, batches=(wide,))
    paths = write_session(plan, small_disk)
    line = [batch.id, "--plan", str(paths.plan)]
    assert main(line) == 4
    paths.job("a").joinpath("canary-out.txt").unlink()
    assert main(line) == 0
    state = load_session(paths)
    records = {job.name: state.record(job) for job in plan.jobs}
    assert records["b"].status.outcome.name == "SUCCESS"
    # Where the journal had no room for the verdict on the first run, the job ran a second time, and printed nothing.
    failed = records["a"].status.outcome.name == "FAILED"
    assert failed == ("filled the disk" in (records["a"].status.reason or ""))
    assert failed or records["a"].status.outcome.name == "SUCCESS"


@pytest.mark.parametrize("kind", ["jobs", "ctest"])
def test_what_a_full_disk_did_not_take_counts_for_no_limit(small_disk: Path, kind: str) -> None:
    """Who fills the disk is ended for that, however fast it goes on to print."""
    rules = CTestRules() if kind == "ctest" else None
    job = shell("a", "yes || true; sleep 60", timeout=30.0, kind=kind, ctest=rules, output_limit=9 * MIB)
    plan = plan_of([job])
    paths = write_session(plan, small_disk)
    done = subprocess.run(command(paths, plan.batches[0].id), capture_output=True, text=True, timeout=60, check=False)
    assert "filled the disk of" in done.stdout
    assert "output_limit" not in done.stdout


def test_output_that_cannot_be_written_is_not_judged(tmp_path: Path) -> None:
    """Also where the disk has space; the reason is what the system says."""
    job = shell("a", "head -c 5000000 /dev/zero", kind="ctest", ctest=CTestRules())
    plan = plan_of([job])
    paths = write_session(plan, tmp_path)
    limited = ["sh", "-c", 'ulimit -f 2000; exec "$@"', "sh", *command(paths, plan.batches[0].id)]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60, check=False)
    assert "INTERRUPTED a" in done.stdout
    assert "its output could not be written (File too large)" in done.stdout


def test_a_test_by_itself_whose_output_is_lost_is_not_judged(tmp_path: Path) -> None:
    """The words that make it fail may be in what was lost."""
    rules = CTestRules(fail_regular_expression=("badly",))
    text = "head -c 5000000 /dev/zero; echo badly"
    job = Job(shell("a", text, kind="ctest", ctest=rules), ExecutionSpace(tmp_path, Path("a")))
    job.launcher = ProcessLauncher()
    job.setup()
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, allowed[1]))
    try:
        job.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    told = ("INTERRUPTED", "its output could not be written (File too large)")
    assert (job.status.outcome.name, job.status.reason) == told


def test_a_disk_is_full_when_it_says_so_or_takes_no_file(small_disk: Path) -> None:
    """One that was full since a job began counts for the job, also after there is space again."""
    started = time.monotonic()
    watch = DiskWatch(str(small_disk), "/tmp")
    assert watch.full() == []
    assert watch.full_since(started, str(small_disk)) is None
    with pytest.raises(OSError, match="No space"):
        (small_disk / "canary-out.txt").write_bytes(bytes(16 * MIB))
    assert watch.full() == [str(small_disk)]
    assert watch.filled_by(str(small_disk), str(small_disk)) > 4 * MIB
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert watch.full() == []  # an image that cannot be written is always full, and nobody's fault
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    (small_disk / "canary-out.txt").unlink()
    assert watch.full() == []
    assert watch.full_since(started, str(small_disk)) == str(small_disk)
    assert watch.full_since(time.monotonic(), str(small_disk)) is None


def test_a_full_disk_for_temporary_files_stops_no_other_job(small_disk: Path, tmp_path: Path) -> None:
    """Who fails by it runs again, and the rest of the batch goes on."""
    (small_disk / "full").write_bytes(bytes(8 * MIB - 65536))
    there = {"environment": {"TMPDIR": str(small_disk)}}
    jobs = [
        shell("a", "head -c 1000000 /dev/zero >$TMPDIR/a", **there),
        spec("b"),
        shell("c", "exit 3", **there),
        shell("d", "exit 3"),
    ]
    code, records = run(tmp_path / "out", jobs)
    assert code == 4
    full = f"the disk of {small_disk} was full"
    assert {name: (record.status.outcome.name, record.status.reason) for name, record in records.items()} == {
        "a": ("INTERRUPTED", full),
        "b": ("SUCCESS", None),
        "c": ("FAILED", f"exit code 3; {full}"),
        "d": ("FAILED", "exit code 3"),
    }


def test_a_disk_for_temporary_files_that_fills_up_is_to_blame(small_disk: Path, tmp_path: Path) -> None:
    """Also when the job says nothing of it: it had space when the job began."""
    text = "sleep 0.3; head -c 9000000 /dev/zero >$TMPDIR/a 2>/dev/null; exit 3"
    code, records = run(tmp_path / "out", [shell("a", text, environment={"TMPDIR": str(small_disk)})])
    assert code == 4
    assert records["a"].status.outcome.name == "INTERRUPTED"
    assert records["a"].status.reason == f"the disk of {small_disk} was full"


STUCK = """
#include <unistd.h>
int main(void) { uid_t user = geteuid(); if (setreuid(user, user)) return 9; sleep(6); return 0; }
"""
SHED = "[ $(grep -c '^Uid:.12345.12345.12345.12345' /proc/$!/status) = 1 ]"
OTHER_USER = ("setpriv", "--reuid=23456", "--regid=23456", "--clear-groups")
READER = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
"""One who may read all files, as this Python may lie where only root reads, but end no one else's process."""


@pytest.mark.long
@pytest.mark.needs("cc", "setpriv")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that runs as another user")
def test_a_process_that_cannot_be_ended_holds_up_nobody() -> None:
    """It is told with its user; the next job waits for its id only, and another batch as well."""
    home = Path(tempfile.mkdtemp(prefix="stuck-"))  # where every user may look
    try:
        (home / "s.c").write_text(STUCK)
        subprocess.run(["cc", "-o", home / "stuck", home / "s.c"], check=True)
        shutil.chown(home / "stuck", 12345)
        (home / "stuck").chmod(0o4755)
        home.chmod(0o755)
        jobs = [
            # As long as one of its ids is still that of who started it, it can be ended.
            shell("behind", f"{home}/stuck & until {SHED}; do sleep 0.02; done", timeout=60.0),
            spec("stuck", command=(str(home / "stuck"),), timeout=0.3),
            spec("next", "stuck", "behind", dependencies=()),
        ]
        plan = plan_of(jobs)
        out = home / "out"
        paths = write_session(plan, out)
        for path in (out, *out.rglob("*")):
            shutil.chown(path, 23456)
        environment = {
            **os.environ,
            "CANARY_WF_LEASE_DIR": str(home / "leases"),
        }
        (home / "leases").mkdir(mode=0o777)
        (home / "leases").chmod(0o1777)
        started = time.monotonic()
        done = subprocess.run(
            [*OTHER_USER, *READER, *command(paths, plan.batches[0].id)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        state = load_session(paths)
        records = {job.name: state.record(job) for job in plan.jobs}
        assert records["stuck"].status.outcome.name == "TIMEOUT"
        assert "could not be ended (process " in (records["stuck"].status.reason or "")
        assert "of user 12345)" in (records["stuck"].status.reason or "")
        assert records["stuck"].measurements["duration"] < 5.5
        assert records["next"].status.outcome.name == "SUCCESS"
        assert records["behind"].status.outcome.name == "SUCCESS"
        assert "could not be ended" in (records["behind"].status.reason or "")
        assert time.monotonic() - started < 40
    finally:
        shutil.rmtree(home)


def test_ids_stay_leased_while_a_process_lives(tmp_path: Path) -> None:
    """Another batch of the host gets the others, and these once the process is gone."""
    leases = HostLeases(tmp_path)
    names = {"cpus": ["0", "1"]}
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        with leases.acquire({"cpus": 2}, names, on_wait=lambda _: None) as lease:
            keep_while_alive(lease, {"cpus": {"1"}}, [sleeper.pid])
        with leases.acquire({"cpus": 1}, names, on_wait=lambda _: None) as other:
            assert other.ids == {"cpus": ["0"]}
        with pytest.raises(Exception, match="gave up"):
            leases.acquire({"cpus": 2}, names, on_wait=lambda _: None, give_up=lambda: True)
    finally:
        sleeper.kill()
        sleeper.wait()
    leases.acquire({"cpus": 2}, names, on_wait=lambda _: None).release()
