"""Variables of the shell that would overrule the plan are taken out of the submission, and told."""

from canary_wf.submission.start import for_submission, ignored_warning, overruling

OVERRULING = {
    *(
        "SBATCH_PARTITION",
        "SBATCH_ARRAY_INX",
        "SBATCH_MEM_PER_NODE",
        "SBATCH_GRES",
        "SBATCH_TIMELIMIT",
        "SBATCH_EXPORT",
    ),
    *("SBATCH_CLUSTERS", "SBATCH_CONSTRAINT", "SBATCH_EXCLUSIVE", "SBATCH_NEW_IN_A_LATER_SLURM"),
    *("SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_CPU", "SLURM_NTASKS", "SLURM_STEP_GPUS", "SLURM_HINT", "SLURM_JOB_ID"),
}
KEPT = {
    *("SBATCH_ACCOUNT", "SBATCH_QOS", "SBATCH_RESERVATION", "SLURM_CONF", "SLURM_CLUSTERS", "SLURM_MPI_TYPE"),
    *("PATH", "CUDA_VISIBLE_DEVICES", "SLURM_TIME_FORMAT"),
}


def test_what_changes_a_batch_is_taken_out() -> None:
    """Accounts and the like stay, and so does what finds the cluster."""
    environment = dict.fromkeys(OVERRULING | KEPT, "x")
    assert set(overruling(environment)) == OVERRULING
    assert set(for_submission(environment)) == KEPT


def test_what_a_person_set_is_told() -> None:
    """In one line with what to do; what an allocation sets for itself is not."""
    told = ignored_warning({"SBATCH_PARTITION": "cpu", "SLURM_NTASKS": "4", "SBATCH_QOS": "x"})
    assert told is not None
    assert told.startswith("ignored for batches, which ask for what was planned: SBATCH_PARTITION=cpu, SLURM_NTASKS=4;")
    assert ignored_warning({"SBATCH_QOS": "x"}) is None
    assert ignored_warning({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4"}) is None
    assert "SBATCH_GRES" in str(ignored_warning({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SBATCH_GRES": "gpu:1"}))
