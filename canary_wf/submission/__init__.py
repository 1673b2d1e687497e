"""Handing batches to Slurm: the call of `sbatch`, its answer, and what to do when there is none."""
