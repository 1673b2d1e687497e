"""Host-wide leases of ids: concurrent batches on one machine never share a CPU or a GPU."""
