"""The resources of a node: the resource pool, what this machine or a Slurm allocation has, and host-wide leases."""
