"""The ids of the Slurm job that a process runs in."""

from canary_wf.resources.slurm.command import is_id, own_ids


def test_own_ids() -> None:
    """The job's, and the array's task."""
    assert own_ids({}) == set()
    assert own_ids({"SLURM_JOB_ID": "15"}) == {"15"}
    array = {"SLURM_JOB_ID": "15", "SLURM_ARRAY_JOB_ID": "13", "SLURM_ARRAY_TASK_ID": "2"}
    assert own_ids(array) == {"15", "13_2"}


def test_form_of_ids() -> None:
    """Whole numbers, or two for a task of an array; what else Slurm may have said is none."""
    assert all(is_id(text) for text in ("1", "12_3"))
    assert not any(is_id(text) for text in ("", "_3", "12_3_4", "12.batch", "--all", "\N{SUPERSCRIPT TWO}"))
