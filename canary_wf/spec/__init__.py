"""A job before it runs, as frozen data: its spec, name and id, its resource request, and its planned batch.

Discovery makes a `job_spec`. A runner reads a `batch_slice`, which is one batch of a plan.
"""
