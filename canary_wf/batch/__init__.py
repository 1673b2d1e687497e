"""Batches: their specification, how jobs are partitioned into them, and the schedules that price them."""
