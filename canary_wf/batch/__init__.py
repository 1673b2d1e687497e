"""Batches: their specification, the partitioning of jobs, and the simulators that estimate the length of a batch.

`problem` makes numbers of jobs, `partition` makes batches of them, `reference_order` says which job comes first, and
`node_simulator` and `cluster_simulator` play them.
"""
