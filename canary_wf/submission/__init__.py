"""Handing batches to Slurm: the call of sbatch, its answer, and what to do when there is none.

The profile slurm calls `sbatch_wrapper` and `squeue_wrapper` in place of Slurm's programs, slurm-sbatch calls
`command`; both submit by `submit`.
"""
