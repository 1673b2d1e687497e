"""Batches as objects, and the backends that carry them. `canary_wf.batchspec` has the public names."""
