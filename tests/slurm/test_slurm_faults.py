"""What a real Slurm does to batches, and that states tell the truth and the run goes on to its end."""

import os
import signal

import pytest
from slurm_workspace import SlurmWorkspace

from canary_wf.sessions import load_plan
from canary_wf.state.events import AttemptEnded, AttemptStarted
from canary_wf.state.journal import JournalWriter
from canary_wf.state.session_paths import SessionPaths, session_names

pytestmark = [
    pytest.mark.needs("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch", "sinfo"),
]

# Snakemake's own executor for Slurm (made to ask more often), and plain sbatch.
both_profiles = pytest.mark.parametrize("profile", ["slurm-sbatch", "fastslurm"])

# Each job waits where a file called `wait` stands in the tree, and notes when it began and when it came to its end.
JOBS = """
jobs:
  - name: quick
    command: [sh, -c, 'echo quick >> {tree}/notes']
    runtime: 1s
  - name: slow
    command: [sh, '{tree}/slow.sh']
    runtime: 1s
    depends_on: [quick]
  - name: last
    command: [sh, -c, 'echo last >> {tree}/notes']
    runtime: 1s
    depends_on: [slow]
"""


SLOW = """
echo begin >> {tree}/notes
while [ -e {tree}/wait ]; do sleep 0.1; done
echo end >> {tree}/notes
"""


def _prepare(slurm: SlurmWorkspace) -> None:
    """Write three jobs of one batch, the second of which waits, and generate."""
    slurm.write("a.jobs.yaml", JOBS.replace("{tree}", str(slurm.tree)))
    slurm.write("slow.sh", SLOW.replace("{tree}", str(slurm.tree)))
    slurm.write("wait", "")
    slurm.generate_for_slurm("-b", "spec=layout:atomic")


def _let_go(slurm: SlurmWorkspace) -> None:
    (slurm.tree / "wait").unlink()


def _wait_for_slow(slurm: SlurmWorkspace) -> None:
    """Wait until the second job runs and the verdict on the first stands, which is recorded a moment after its end."""
    slurm.wait_until(lambda: slurm.launched() == 2 and slurm.passed() == 1)


def _notes(slurm: SlurmWorkspace) -> list[str]:
    return (slurm.tree / "notes").read_text().split()


def _finish(slurm: SlurmWorkspace, profile: str) -> None:
    """Run the workflow again to its end: what is final is not run again."""
    done = slurm.snakemake(profile=profile)
    assert done.returncode == 0, done.stderr
    assert slurm.outcomes() == dict.fromkeys(("quick", "slow", "last"), "SUCCESS")
    assert _notes(slurm).count("quick") == 1
    assert _notes(slurm).count("end") == 1


def _reasons(slurm: SlurmWorkspace, outcome: str) -> list[str]:
    return [event["reason"] for event in slurm.journal() if event.get("outcome") == outcome]


@both_profiles
def test_a_cancelled_batch_is_not_retried(slurm: SlurmWorkspace, profile: str) -> None:
    """What somebody cancels by scancel is CANCELLED, begun or not, also where there is no accounting."""
    _prepare(slurm)
    slurm.stand_in("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        waiting = slurm.job("slow")
        slurm.run("scancel", waiting["slurm_job_id"])
    assert waiting["phase"] == "RUNNING"
    assert run.returncode == 1
    assert slurm.outcomes() == {"quick": "SUCCESS", "slow": "CANCELLED", "last": "CANCELLED"}
    assert slurm.job("last")["reason"] == f"Slurm job {waiting['slurm_job_id']} was cancelled (CANCELLED)"
    assert _notes(slurm) == ["quick", "begin"]
    assert slurm.snakemake(profile=profile).returncode == 1
    assert _notes(slurm) == ["quick", "begin"]
    _let_go(slurm)
    (slurm.tree.parent / "bin" / "sacct").unlink()
    assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    _finish(slurm, profile)


@both_profiles
def test_a_cancelled_batch_is_not_retried_where_nodes_may_not_ask(slurm: SlurmWorkspace, profile: str) -> None:
    """Who submitted it noted how it ended; the node that tries it again need not ask Slurm."""
    _prepare(slurm)
    on_nodes = 'case ${SLURM_JOB_ID:-} in "") exec /usr/bin/NAME "$@";; esac; exit 1'
    for name in ("squeue", "sacct"):
        slurm.stand_in(name, on_nodes.replace("NAME", name))
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        slurm.run("scancel", slurm.job("slow")["slurm_job_id"])
    assert run.returncode == 1
    assert slurm.outcomes() == {"quick": "SUCCESS", "slow": "CANCELLED", "last": "CANCELLED"}
    assert _notes(slurm) == ["quick", "begin"]
    _let_go(slurm)
    assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    _finish(slurm, profile)


@both_profiles
def test_a_run_is_cancelled_by_command(slurm: SlurmWorkspace, profile: str) -> None:
    """Its Slurm jobs end, what has no verdict is CANCELLED, and a retry finds nothing to run."""
    _prepare(slurm)
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        done = slurm.canary_wf("cancel", "-d", slurm.out)
        assert done.stdout.startswith("Cancelled 2 jobs.\n"), done.stderr
    assert run.returncode == 1
    assert slurm.outcomes() == {"quick": "SUCCESS", "slow": "CANCELLED", "last": "CANCELLED"}
    assert _notes(slurm) == ["quick", "begin"]
    _let_go(slurm)
    assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    _finish(slurm, profile)


@both_profiles
def test_a_batch_cancelled_in_the_queue_never_runs(slurm: SlurmWorkspace, profile: str) -> None:
    """It is SUBMITTED with its id while it waits, and CANCELLED when somebody does not want it any more."""
    partition = slurm.own_partition()
    _prepare(slurm)
    slurm.run("scontrol", "update", f"PartitionName={partition}", "State=DOWN")
    with slurm.running(profile):
        slurm.wait_until(lambda: slurm.job("slow")["phase"] == "SUBMITTED")
        number = slurm.job("slow")["slurm_job_id"]
        slurm.run("scancel", number)
        slurm.run("scontrol", "update", f"PartitionName={partition}", "State=UP")
    assert slurm.outcomes() == dict.fromkeys(("quick", "slow", "last"), "CANCELLED")
    assert slurm.job("slow")["reason"] == f"Slurm job {number} was cancelled (CANCELLED)"
    assert not (slurm.tree / "notes").exists()
    _let_go(slurm)
    assert slurm.canary_wf("rerun", "--failed", "-d", slurm.out).returncode == 0
    _finish(slurm, profile)


@both_profiles
def test_a_run_stopped_by_its_user_goes_on(slurm: SlurmWorkspace, profile: str) -> None:
    """Ctrl-C takes the Slurm jobs back; what ran is INTERRUPTED, and the next run does what is left."""
    _prepare(slurm)
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        os.kill(run.pid, signal.SIGINT)
    assert run.returncode == 1
    slurm.wait_until(lambda: slurm.outcomes()["slow"] == "INTERRUPTED")
    assert slurm.outcomes() == {"quick": "SUCCESS", "slow": "INTERRUPTED", "last": "NONE"}
    assert slurm.job("last")["phase"] == "PENDING"
    _let_go(slurm)
    _finish(slurm, profile)


@both_profiles
def test_a_run_whose_login_shell_died_goes_on(slurm: SlurmWorkspace, profile: str) -> None:
    """The batch lives on without Snakemake; the next one takes it over, and nothing is run twice."""
    _prepare(slurm)
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        os.killpg(run.pid, signal.SIGKILL)
    assert slurm.job("slow")["phase"] == "RUNNING"
    _let_go(slurm)
    slurm.wait_until(lambda: slurm.job("last")["outcome"] == "SUCCESS")
    _finish(slurm, profile)
    assert _notes(slurm) == ["quick", "begin", "end", "last"]


@both_profiles
def test_a_node_that_is_lost_costs_only_what_ran_on_it(slurm_spare: SlurmWorkspace, profile: str) -> None:
    """The batch is tried again at once, without the job that was done; the reason is Slurm's."""
    slurm = slurm_spare
    _prepare(slurm)
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        number = slurm.job("slow")["slurm_job_id"]
        node = slurm.run("squeue", "-h", "-j", number, "-o", "%N").stdout.strip()
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        slurm.wait_until(lambda: slurm.launched() == 3)
        _let_go(slurm)
    assert run.returncode == 0, slurm.log.read_text()
    assert _notes(slurm) == ["quick", "begin", "begin", "end", "last"]
    assert f"Slurm job {number} lost its node (NODE_FAIL)" in _reasons(slurm, "INTERRUPTED")
    _finish(slurm, profile)


@both_profiles
def test_an_orphan_of_a_dead_node_writes_nothing_twice(slurm_spare: SlurmWorkspace, profile: str) -> None:
    """When slurmd dies its batch lives on; the one that takes its place ends it and does what is left."""
    slurm = slurm_spare
    _prepare(slurm)
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        number = slurm.job("slow")["slurm_job_id"]
        node = slurm.run("squeue", "-h", "-j", number, "-o", "%N").stdout.strip()
        slurm.cluster.tool("kill-node", node)
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")  # as Slurm does in a while
        try:
            slurm.wait_until(lambda: slurm.launched() == 3)
            _let_go(slurm)
            run.wait(120)
        finally:
            slurm.cluster.tool("start-node", node)
    assert run.returncode == 0, slurm.log.read_text()
    assert _notes(slurm) == ["quick", "begin", "begin", "end", "last"]
    ends = [event["job"] for event in slurm.journal() if event.get("outcome") == "SUCCESS"]
    assert len(ends) == len(set(ends)) == 3
    _finish(slurm, profile)


@both_profiles
def test_what_sbatch_refuses_is_told_and_runs_later(slurm: SlurmWorkspace, profile: str) -> None:
    """The jobs have not run, and say why; the next run submits them."""
    _prepare(slurm)
    _let_go(slurm)
    slurm.stand_in("sbatch", 'echo "sbatch: error: Batch job submission failed: Invalid qos specification" >&2; exit 1')
    done = slurm.snakemake(profile=profile)
    assert done.returncode == 1
    job = slurm.job("quick")
    assert (job["phase"], job["outcome"]) == ("PENDING", "NONE")
    assert job["reason"].startswith("refused by Slurm: ")
    assert "Invalid qos specification" in job["reason"]
    (slurm.tree.parent / "bin" / "sbatch").unlink()
    _finish(slurm, profile)


@both_profiles
def test_a_submission_that_waits_is_shown_where_snakemake_runs(slurm: SlurmWorkspace, profile: str) -> None:
    """While it waits; the executor of one profile keeps to itself what its `sbatch` prints."""
    _prepare(slurm)
    _let_go(slurm)
    away = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    back = slurm.tree / "back"
    slurm.stand_in("sbatch", f'[ -e {back} ] && exec /usr/bin/sbatch "$@"; echo "{away}" >&2; exit 1')
    with slurm.running(profile) as run:
        slurm.wait_until(lambda: "wait" in slurm.log.read_text() and away in slurm.log.read_text())
        assert run.poll() is None
        assert slurm.launched() == 0
        back.touch()
    assert run.returncode == 0, slurm.log.read_text()
    assert "to be submitted" in slurm.log.read_text()


@both_profiles
def test_a_controller_that_is_away_for_a_while_does_no_harm(slurm_own: SlurmWorkspace, profile: str) -> None:
    """Whoever asks after the batch gets no answer, twice; it runs on and its end is seen."""
    slurm = slurm_own
    _prepare(slurm)
    away, asked = slurm.tree / "away", slurm.tree / "asked"
    # The executor of the profile `slurm` asks for the cluster's configuration before it asks after its jobs.
    for name in ("scontrol", "squeue"):
        slurm.stand_in(name, f'[ ! -e {away} ] || echo {name} >>{asked}; exec {slurm.cluster.programs}/{name} "$@"')
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        slurm.cluster.tool("stop-controller")
        away.touch()
        try:
            slurm.wait_until(lambda: asked.exists() and len(asked.read_text().split()) > 2)
            assert run.poll() is None
            assert slurm.job("slow")["phase"] == "RUNNING"
        finally:
            slurm.cluster.tool("start-controller")
        _let_go(slurm)
    assert run.returncode == 0, slurm.log.read_text()
    _finish(slurm, profile)
    assert _notes(slurm) == ["quick", "begin", "end", "last"]


@both_profiles
def test_a_batch_over_its_limit_is_tried_again_with_more_time(slurm: SlurmWorkspace, profile: str) -> None:
    """Time was the reason, so the second attempt asks for twice as much; the first one's job was INTERRUPTED."""
    _prepare(slurm)
    rules = slurm.out / "workflow" / "rules" / "batches.smk"
    text = rules.read_text()
    before, minutes, after = text.partition("runtime_minutes(PLAN, ")
    batch, _, rest = after.partition(", ")
    rules.write_text(f"{before}{minutes}{batch}, 1){rest.partition(')')[2]}")
    with slurm.running(profile) as run:
        _wait_for_slow(slurm)
        first = slurm.job("slow")["slurm_job_id"]
        slurm.run("scontrol", "update", f"JobId={first}", "EndTime=now")  # as if its minute were over
        slurm.wait_until(lambda: slurm.launched() == 3, seconds=200)
        second = slurm.job("slow")["slurm_job_id"]
        limits = [slurm.run("squeue", "-h", "-t", "all", "-j", number, "-o", "%l").stdout for number in (first, second)]
        _let_go(slurm)
    assert run.returncode == 0, slurm.log.read_text()
    assert [limit.strip() for limit in limits] == ["1:00", "2:00"]
    assert f"Slurm job {first} ran into its time limit (TIMEOUT)" in _reasons(slurm, "INTERRUPTED")
    assert _notes(slurm) == ["quick", "begin", "begin", "end", "last"]


@both_profiles
def test_a_requeued_batch_goes_on_where_it_was(slurm: SlurmWorkspace, profile: str) -> None:
    """Slurm starts the same job again; what is done is not done again, and nobody else takes the batch."""
    _prepare(slurm)
    plain = ("--default-resources", "slurm_account='lab'", "slurm_extra='--requeue'")
    with slurm.running(profile, *({"fastslurm": ("--fastslurm-requeue",)}.get(profile, plain))) as run:
        _wait_for_slow(slurm)
        number = slurm.job("slow")["slurm_job_id"]
        assert slurm.run("scontrol", "requeue", number).returncode == 0
        slurm.wait_until(lambda: slurm.job("slow")["outcome"] in {"INTERRUPTED", "NONE"})
        slurm.wait_until(lambda: slurm.run("squeue", "-h", "-j", number, "-o", "%T").stdout == "PENDING\n")
        # Slurm itself waits two minutes. Within this second a node would refuse the job: "credential revoked".
        slurm.run("scontrol", "update", f"jobid={number}", "StartTime=now+1")
        _let_go(slurm)
    assert run.returncode == 0, slurm.log.read_text()
    assert {event["slurm_job_id"] for event in slurm.journal() if event["event"] == "attempt_started"} == {number}
    _finish(slurm, profile)


def test_a_retry_asks_for_no_more_than_the_partition_allows(slurm: SlurmWorkspace) -> None:
    """Twice the time would be too much, and the batch would wait for ever; with what is allowed it runs."""
    slurm.own_partition(MaxTime="10")
    _prepare(slurm)
    _let_go(slurm)
    (batch,) = load_plan(slurm.out).batches
    writer = JournalWriter(SessionPaths(slurm.out, session_names(slurm.out)[-1]).batch(batch.id).journal)
    writer.append(AttemptStarted(time=1.0, token="t", host="h", pid=1))
    writer.append(AttemptEnded(time=2.0, token="t", reason="time_limit"))
    writer.close()
    _finish(slurm, "slurm-sbatch")
    limit = slurm.run("squeue", "-h", "-t", "all", "-j", slurm.job("slow")["slurm_job_id"], "-o", "%l").stdout.strip()
    assert (batch.time_limit, batch.longest, limit) == (7 * 60, 10, "10:00")
