"""The part of jobs and batches that holds ids of a resource pool."""

from abc import abstractmethod

from canary_wf.api.job.base_job import BaseJob
from canary_wf.api.job.locked import locked
from canary_wf.spec.resource_request import Allocation, Resources


class ResourceHolder(BaseJob):
    """A job or batch with its ids; `allocation` holds them and remembers the last ones."""

    def __init__(self) -> None:
        super().__init__()
        self.allocation = Allocation()

    @property
    @abstractmethod
    def cpus(self) -> int:
        """CPU slots it needs."""

    @property
    @abstractmethod
    def gpus(self) -> int:
        """GPU slots it needs."""

    @property
    def cpu_ids(self) -> list[str]:
        """The ids of the CPUs it has, or had when it ran last."""
        return self.allocation.ids("cpus")

    @property
    def gpu_ids(self) -> list[str]:
        """The ids of the GPUs it has, or had when it ran last."""
        return self.allocation.ids("gpus")

    @property
    def resources(self) -> Resources:
        """What it holds now, ``{type: [{"id": str, "slots": int}]}``."""
        return self.allocation.held

    @locked
    def assign_resources(self, arg: Resources) -> None:
        """Hold the ids that a pool gave, in place of what was held. Raises InputError for another form."""
        self.allocation.assign(arg)

    @locked
    def free_resources(self) -> Resources:
        """Return the ids that were held, for the pool to take back."""
        return self.allocation.free()
