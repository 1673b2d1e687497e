"""Who carries a batch: the protocols that a backend fulfils, and the queue its results go to."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from canary_wf.api.batch.testbatch import TestBatch


class SimpleQueue(Protocol):
    """Where states are put: `queue.SimpleQueue`, `multiprocessing.SimpleQueue` and their like."""

    def put(self, item: Any, /) -> Any:  # noqa: ANN401 - a state, and whatever the queue returns
        """Hand `item` over."""
        ...


class Submission(Protocol):
    """One batch that was handed to a backend."""

    @property
    def jobid(self) -> str:
        """The backend's name for it."""
        ...

    def wait_for_start(self, timeout: float) -> bool:
        """Return whether the batch started (or is over) within `timeout` seconds."""
        ...

    def wait_for_end(self, timeout: float) -> bool:
        """Return whether the batch is over within `timeout` seconds."""
        ...

    def cancel(self) -> None:
        """End the batch; nothing of it runs any more afterwards."""
        ...

    def failure(self) -> str | None:
        """Return why the batch could not do its work, or None when it did, whatever its jobs' verdicts."""
        ...


class Backend(Protocol):
    """Carries batches to where they run."""

    def submit(self, batch: "TestBatch") -> Submission:
        """Hand `batch` over. How its jobs end is in their state files. Raises CanaryWfError or OSError."""
        ...
