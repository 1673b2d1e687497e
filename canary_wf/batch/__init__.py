"""Batches: their specification, the partitioning of jobs, and the simulators that estimate the length of a batch.

`problem` makes numbers of jobs, `partition` makes batches of them, `node_simulator` and `cluster_simulator` play them.
"""
