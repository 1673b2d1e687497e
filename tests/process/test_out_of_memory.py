"""Whether a job was killed for want of memory, by the kernel's own counters."""

import subprocess
import sys
from pathlib import Path

import pytest
from factories import plan_of, shell, spec
from memory_group import limited_memory

from canary_wf.plan.store import write_session
from canary_wf.process.out_of_memory import OomKills
from canary_wf.report.session import load_session
from canary_wf.verdict.failure_class import FailureClass

V1 = ("4:memory:/a/b\n0::/\n", "sys/fs/cgroup/memory/a/b/memory.oom_control", "oom_kill_disable 0\noom_kill {}\n")
V2 = ("0::/a/b\n", "sys/fs/cgroup/a/b/memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill {}\noom_group_kill 0\n")


def _system(root: Path, groups: str, name: str, content: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_text(content.format(2))
    return path


@pytest.mark.parametrize(("groups", "name", "content"), [V1, V2])
def test_each_kill_is_claimed_once(tmp_path: Path, groups: str, name: str, content: str) -> None:
    """Both versions of control groups are read; what was counted before counts for nobody."""
    counter = _system(tmp_path, groups, name, content)
    kills = OomKills(tmp_path)
    assert (kills.count(), kills.claim(-9, 2)) == (2, False)
    counter.write_text(content.format(3))
    assert not kills.claim(-11, 2)
    assert not kills.claim(1, 2)
    assert kills.claim(137, 2)
    assert not kills.claim(-9, 2)
    kills.close()


def test_a_kill_before_the_job_started_is_not_laid_at_its_door(tmp_path: Path) -> None:
    """A child of another job, say, that nobody noticed."""
    counter = _system(tmp_path, *V2)
    kills = OomKills(tmp_path)
    counter.write_text(V2[2].format(5))
    assert not kills.claim(-9, kills.count())
    kills.close()
    assert kills.count() == 0


def test_without_a_counter_nothing_is_claimed(tmp_path: Path) -> None:
    """No guessing."""
    kills = OomKills(tmp_path)
    assert not kills.claim(-9, 0)
    kills.close()


def test_a_job_that_the_kernel_kills_for_want_of_memory_says_so(tmp_path: Path) -> None:
    """For real, in a control group of its own: killed itself, or its child; beside a job that somebody else killed."""
    hungry = "x = bytearray(400 << 20)"
    jobs = [
        spec("eats", command=(sys.executable, "-c", hungry)),
        shell("child", f"{sys.executable} -c '{hungry}'; exit $?"),
        shell("shot", "kill -9 $$"),
    ]
    plan = plan_of(jobs)
    paths = write_session(plan, tmp_path)
    line = [sys.executable, "-P", "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    with limited_memory(150 << 20) as group:
        if group is None:
            pytest.skip("control groups with a memory limit cannot be made here")
        inside = f"echo $$ > {group}; exec {' '.join(line)} --workers 1"
        done = subprocess.run(["sh", "-c", inside], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    state = load_session(paths)
    found = {job.name: state.record(job) for job in state.plan.jobs}
    assert {name: record.failure for name, record in found.items()} == {
        "eats": FailureClass.OOM,
        "child": FailureClass.OOM,
        "shot": FailureClass.KILLED,
    }
    assert (found["eats"].status.outcome.name, found["eats"].status.code) == ("FAILED", -9)
    assert found["eats"].status.reason == "out of memory: the kernel killed it (killed by signal 9 (SIGKILL))"
    assert found["child"].status.reason == "out of memory: the kernel killed it (exit code 137: Killed)"
    assert found["shot"].status.reason == "killed by signal 9 (SIGKILL)"
