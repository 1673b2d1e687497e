"""The machine that is planned for: this one, or what a `sinfo` on the PATH reports."""

import json
from pathlib import Path

import pytest

from canary_wf.errors import UsageError
from canary_wf.plan.cluster import advice as cluster_advice
from canary_wf.plan.cluster.slurm_options import SlurmOptions
from canary_wf.plan.cluster.target import UNLIMITED_NODES, choose_target


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _sinfo(folder: Path, *lines: str, code: int = 0) -> None:
    program = folder / "sinfo"
    (folder / "answer").write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    program.write_text(f"#!/bin/sh\n/bin/cat '{folder}/answer'\nexit {code}\n")
    program.chmod(0o755)


def test_auto_is_this_machine_without_sinfo(programs: Path) -> None:
    """A laptop needs no options."""
    del programs
    assert choose_target("auto", {}, None).scheduler == "local"


@pytest.mark.parametrize("lines", [(), ("no partition here",)])
def test_auto_is_this_machine_when_sinfo_reports_nothing(programs: Path, lines: tuple[str, ...]) -> None:
    """A client without a cluster is no cluster."""
    _sinfo(programs, *lines)
    assert choose_target("auto", {}, None).scheduler == "local"


def test_auto_is_this_machine_when_sinfo_fails(programs: Path) -> None:
    """A controller that is down is no reason to fail."""
    _sinfo(programs, "batch*|8|100|gpu:1", code=1)
    assert choose_target("auto", {}, None).scheduler == "local"


def test_auto_is_slurm_where_sinfo_answers(programs: Path) -> None:
    """The largest node of the default partition is planned for; a job may use any number of them."""
    _sinfo(programs, "debug|4|1000|(null)", "batch*|64|257000|gpu:a:2", "batch*|96|257000|(null)", "big|999|1|gpu:9")
    target = choose_target("auto", {}, None)
    assert target.scheduler == "slurm"
    assert (target.node.capacities, target.node.memory) == ({"cpus": 64, "gpus": 2}, 257000)
    assert target.node.nodes == UNLIMITED_NODES


def test_without_a_default_partition_all_are_looked_at(programs: Path) -> None:
    """Some sites have none."""
    _sinfo(programs, "a|4|1000|(null)", "b|8|1000|(null)")
    assert choose_target("slurm", {}, None).node.capacities["cpus"] == 8


def test_local_does_not_ask_sinfo(programs: Path) -> None:
    """Who says local means this machine, on a login node too."""
    _sinfo(programs, "batch*|8|100|gpu:1")
    target = choose_target("local", {"cpus": 3}, None)
    assert (target.scheduler, target.node.capacities["cpus"], target.node.nodes) == ("local", 3, 1)


def test_slurm_without_sinfo_must_be_described(programs: Path) -> None:
    """Nobody knows the nodes, so the command line says what is missing and how to say it."""
    del programs
    with pytest.raises(UsageError, match=r"-b scheduler=slurm: there is no sinfo.*-r cpus=N"):
        choose_target("slurm", {"gpus": 4}, None)
    target = choose_target("slurm", {"cpus": 32, "gpus": 4, "memory": 5, "nodes": 7}, None)
    assert (target.scheduler, target.node.capacities) == ("slurm", {"cpus": 32, "gpus": 4})
    assert (target.node.memory, target.node.nodes) == (5, 7)


def test_the_options_win_over_sinfo(programs: Path) -> None:
    """What -r names is taken, the rest comes from the cluster."""
    _sinfo(programs, "batch*|64|1000|gpu:2")
    target = choose_target("auto", {"cpus": 8, "fpgas": 1}, None)
    assert target.node.capacities == {"cpus": 8, "gpus": 2, "fpgas": 1}
    assert target.node.memory == 1000


def test_slurm_hands_out_cpus_and_gpus_whole(programs: Path, tmp_path: Path) -> None:
    """What a pool file says of several slots on one GPU is no matter for Slurm, which counts devices."""
    del programs
    file = tmp_path / "pool.json"
    chips = [{"id": "a", "slots": 2}]
    file.write_text(json.dumps({"local": [{"gpus": [{"id": "0", "slots": 4}, {"id": "1"}], "chips": chips}]}))
    target = choose_target("slurm", {"cpus": 8}, file)
    assert target.node.capacities == {"gpus": 2, "chips": 2, "cpus": 8}


def test_each_kind_of_node_is_a_target(programs: Path) -> None:
    """The largest first, and of the others those that have more of something than every other kind."""
    _sinfo(programs, "batch*|64|1000|(null)", "batch*|32|500|gpu:4", "batch*|16|500|gpu:4", "batch*|8|9000|(null)")
    target = choose_target("slurm", {}, None)
    found = [(kind.node.capacities["cpus"], kind.node.capacities["gpus"], kind.node.memory) for kind in target.others]
    assert target.node.capacities == {"cpus": 32, "gpus": 4}
    assert found == [(64, 0, 1000), (8, 0, 9000)]
    same = choose_target("slurm", {"cpus": 8, "gpus": 0, "memory": 100}, None)
    assert same.others == ()


def _scontrol(folder: Path, *lines: str) -> None:
    (folder / "partitions").write_text("".join(f"{line}\n" for line in lines))
    program = folder / "scontrol"
    program.write_text(f"#!/bin/sh\n/bin/cat '{folder}/partitions'\n")
    program.chmod(0o755)


def test_the_asked_partition_is_planned_for(programs: Path) -> None:
    """With its nodes, of these only those with the feature and the GPUs that are asked for, and its limits."""
    _sinfo(
        programs,
        "batch*|64|1000|(null)|ib",
        "gpu|32|2000|gpu:a100:4,gpu:t4:2|ib,big",
        "gpu|48|3000|gpu:t4:8|eth",
    )
    _scontrol(programs, "PartitionName=gpu MaxNodes=2 MaxCPUsPerNode=24 MaxMemPerNode=1500")
    target = choose_target("slurm", {}, None, SlurmOptions(partition="gpu", gpu_model="a100", constraint="ib"))
    assert (target.node.capacities, target.node.memory) == ({"cpus": 24, "gpus": 4}, 1500)
    assert target.node.nodes == 2
    assert target.partitions is not None
    assert [limits.name for limits in target.partitions] == ["gpu"]
    largest = choose_target("slurm", {"cpus": 40}, None, SlurmOptions(partition="gpu"))
    assert largest.node.capacities == {"cpus": 40, "gpus": 8}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (SlurmOptions(partition="gpus"), r"no partition 'gpus' here; there are batch, gpu"),
        (SlurmOptions(partition="gpu", gpu_model="h100"), "no node of the partition has GPUs 'h100'"),
        (SlurmOptions(partition="gpu", constraint="ib"), "no node of the partition has feature 'ib'"),
    ],
)
def test_what_the_cluster_does_not_have_is_refused(programs: Path, options: SlurmOptions, told: str) -> None:
    """While planning, not by sbatch later; an expression of features is left to Slurm."""
    _sinfo(programs, "batch*|64|1000|(null)|ib", "gpu|48|3000|gpu:t4:8|eth")
    with pytest.raises(UsageError, match=told):
        choose_target("slurm", {}, None, options)
    expression = SlurmOptions(partition="gpu", constraint="ib|eth")
    assert choose_target("slurm", {}, None, expression).node.capacities["gpus"] == 8


def test_warnings_about_a_cluster(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown limits and an OUT that nodes do not see are told; a run on this machine has neither."""
    monkeypatch.setattr(cluster_advice, "local_file_system", lambda _: "xfs on /scratch")
    _sinfo(programs, "batch*|64|1000|(null)|ib")
    unknown, local = cluster_advice.cluster_warnings(choose_target("slurm", {}, None), Path("/scratch/out"))
    assert "limits of the partition are unknown" in unknown
    assert "xfs on /scratch" in local
    assert "-d" in local
    _scontrol(programs, "PartitionName=batch Default=YES")
    assert len(cluster_advice.cluster_warnings(choose_target("slurm", {}, None), Path("/scratch/out"))) == 1
    assert cluster_advice.cluster_warnings(choose_target("local", {}, None), Path("/scratch/out")) == []


def test_a_cache_that_snakemake_cannot_write_is_told(tmp_path: Path) -> None:
    """A user without a home hears of the variable before Snakemake ends in a traceback."""
    assert cluster_advice.cache_warnings({"HOME": str(tmp_path / "new")}) == []
    (tmp_path / "file").touch()
    (told,) = cluster_advice.cache_warnings({"HOME": str(tmp_path / "file")})
    assert told.startswith(f"{tmp_path}/file/.cache: Snakemake cannot write its cache there;")
    assert told.endswith("first run export XDG_CACHE_HOME=FOLDER")
    assert cluster_advice.cache_warnings({"HOME": str(tmp_path / "file"), "XDG_CACHE_HOME": str(tmp_path)}) == []


def test_the_profile_is_one_whose_executor_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes next after generate runs."""
    installed: set[str] = set()
    monkeypatch.setattr(cluster_advice, "find_spec", lambda name: name in installed or None)
    assert cluster_advice.slurm_profile() == "slurm"
    installed.add("snakemake_executor_plugin_cluster_generic")
    assert cluster_advice.slurm_profile() == "slurm-sbatch"
    installed.add("snakemake_executor_plugin_slurm")
    assert cluster_advice.slurm_profile() == "slurm"


def test_what_takes_no_jobs_is_told(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions that are not up, and kinds of nodes of which all are out of use; what the shell says is told, too."""
    monkeypatch.setattr(cluster_advice, "local_file_system", lambda _: None)
    _scontrol(programs, "PartitionName=batch Default=YES")
    nodes = (
        "batch*|64|1000|gpu:4|(null)|up|down*",
        "batch*|64|1000|gpu:4|(null)|up|draining",
        "batch*|96|9|(null)|a|up|mixed",
    )
    _sinfo(programs, *nodes, "gpu|8|1000|(null)|(null)|inact|idle")
    told = "all nodes of partition batch with 64 cpus and 4 gpus are down*, draining"
    warnings = cluster_advice.cluster_warnings(choose_target("slurm", {}, None), Path("/scratch/out"))
    assert [warning.split(":")[0] for warning in warnings] == [told]
    slurm = SlurmOptions(partition="gpu")
    target = choose_target("slurm", {}, None, slurm)
    shell = {"SBATCH_PARTITION": "gpu", "SBATCH_QOS": "high"}
    warnings = cluster_advice.cluster_warnings(target, Path("/scratch/out"), slurm, shell)
    assert warnings[0].startswith("taken from the environment: SBATCH_PARTITION=gpu;")
    assert "partition gpu is inact: batches wait" in warnings[-1]
    assert len(warnings) == 3
