"""The cluster that a plan is for: its nodes, partitions and limits, and the options of Slurm. Begin with `target`."""
