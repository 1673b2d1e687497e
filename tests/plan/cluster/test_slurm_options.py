"""What `--slurm` says: checked, so that nothing in it means something else in a profile or to a shell."""

import pytest

from canary_wf.errors import UsageError
from canary_wf.plan.cluster.slurm_options import SlurmOptions, parse_slurm_options


def test_pairs_are_read_and_later_ones_win() -> None:
    """Several in one option and several options; a list of partitions keeps its comma."""
    found = parse_slurm_options(["account=lab,partition=a,b,qos=high", "constraint=ib&icelake", "qos=low"])
    assert found == SlurmOptions(account="lab", partition="a,b", qos="low", constraint="ib&icelake")
    assert parse_slurm_options([]) == SlurmOptions()


def test_the_shells_variables_say_what_no_option_says() -> None:
    """As `sbatch` would heed them; a value that is not a name is told with its variable."""
    shell = {"SBATCH_PARTITION": "cpu", "SBATCH_ACCOUNT": "lab", "SBATCH_QOS": ""}
    assert parse_slurm_options(["partition=gpu"], shell) == SlurmOptions(account="lab", partition="gpu")
    with pytest.raises(UsageError, match="SBATCH_QOS: 'a b' is not a valid name in Slurm"):
        parse_slurm_options([], {"SBATCH_QOS": "a b"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acount=x", "--slurm: 'acount=x' is not understood"),
        ("account", "--slurm account: '' is not a valid name in Slurm"),
        ("account=", "--slurm account: '' is not a valid name in Slurm"),
        ("account=a b", "--slurm account: 'a b' is not a valid name in Slurm"),
        ("account=$(id)", "--slurm account"),
        ("account='x'", "--slurm account"),
        ("partition=a,", "--slurm partition"),
        ("constraint=a b", "--slurm constraint"),
        ('constraint="a"', "--slurm constraint"),
        ("gpu_model=a100:2", "--slurm gpu_model"),
        ("gpu_style=tres", "--slurm gpu_style"),
    ],
)
def test_what_is_no_option_is_refused(text: str, told: str) -> None:
    """The message names the key and the value."""
    with pytest.raises(UsageError) as raised:
        parse_slurm_options([text])
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("options", "gpus", "gres"),
    [
        (SlurmOptions(), 2, "gpu:2"),
        (SlurmOptions(gpu_style="gres", gpu_model="a100"), 2, "gpu:a100:2"),
    ],
)
def test_gres(options: SlurmOptions, gpus: int, gres: str) -> None:
    """What each node of a batch is asked for, with the model where there is one."""
    assert options.gres(gpus) == gres
