"""Running a batch: processes over a graph of dependencies, with ids from the resource pool.

`runner` claims the batch, opens the pool (`batch_pool`) and lets `scheduler` start what `ready_jobs` offers.
"""
