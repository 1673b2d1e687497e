"""What a node offers: the resource pool, what this machine or a Slurm allocation has, and host-wide leases of ids."""
