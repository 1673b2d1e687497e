"""The cluster that is planned for: its nodes, partitions and limits, and the options of Slurm. Begin with `target`."""
