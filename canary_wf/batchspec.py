"""The public names of batches: what a batch is, and a batch in a session."""

from canary_wf.api.batch.batch_spec import BatchSpec
from canary_wf.api.batch.batch_state import BatchStatus
from canary_wf.api.batch.testbatch import Backend, SimpleQueue, Submission, TestBatch

__all__ = ["Backend", "BatchSpec", "BatchStatus", "SimpleQueue", "Submission", "TestBatch"]
