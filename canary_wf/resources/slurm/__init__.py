"""Slurm's answers: the ids it allocated, the states of its jobs, and the short forms in which it writes lists."""
