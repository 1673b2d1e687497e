"""Batches: their specification, the partitioning of jobs, and the simulators that estimate the length of a batch."""
