"""What Slurm says: the ids it allocated, how its jobs are doing, and the short forms in which it writes lists."""
