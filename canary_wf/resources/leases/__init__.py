"""Host-wide leases of ids, so that batches side by side on one machine never share a CPU or a GPU."""
