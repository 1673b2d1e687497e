"""What a job is before it runs, as frozen data: spec, name and id, what it asks for, the batch it was planned into.

`job_spec` is what discovery makes; `batch_slice` is the part of a plan that a runner reads.
"""
