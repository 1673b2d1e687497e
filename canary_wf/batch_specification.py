"""The public name of the batch specification, `canary_wf.batch_specification.BatchSpecification`."""

from canary_wf.batch.specification import BatchSpecification, BatchSpecificationError

__all__ = ["BatchSpecification", "BatchSpecificationError"]
