"""A job before it runs: its spec, and the attributes and variables that a program added to it."""

import copy
import math
from pathlib import Path
from typing import Any

from canary_wf.api.job.base_job import ResourceHolder
from canary_wf.api.job.execution_space import Mask
from canary_wf.api.job.parts import locked
from canary_wf.api.job.status_line import escaped
from canary_wf.ctest.resource_groups import job_request
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import resource_parameters
from canary_wf.spec.values import InvalidTypeError, storable
from canary_wf.state.job_file import OUTPUT_FILE


class SpecView(ResourceHolder):
    """The part of a job that comes from its `spec`.

    `variables` are the job's own environment variables; None means not set. `timeout_multiplier` is what its
    time limit is multiplied by.
    """

    def __init__(self, spec: JobSpec) -> None:
        super().__init__()
        self.spec = spec
        self.timeout_multiplier = spec.timeout_multiplier
        self.variables: dict[str, str | None] = self.get_environ_from_spec()
        self._attributes: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """The job's id, a hash of path, family and parameters."""
        return self.spec.id

    @property
    def name(self) -> str:
        """Family and parameters, such as ``mesh.n=1``."""
        return self.spec.name

    @property
    def file(self) -> Path:
        """The test file."""
        return Path(self.spec.file)

    @property
    def exclusive(self) -> bool:
        """Whether nothing else may be started beside it."""
        return self.spec.exclusive

    @property
    def mask(self) -> Mask:
        """Why the job must not run; false if it may."""
        return Mask(self.spec.mask)

    def display_name(self, **kwargs: Any) -> str:  # noqa: ANN401 - each kind of job has options of its own
        """Return the name to show, escaped for ``style`` (none, rich or html); with ``full`` after its file's path.

        Options of other kinds of jobs are ignored.
        """
        path = Path(self.spec.path).parent
        name = str(path / self.name) if kwargs.get("full") else self.name
        return escaped(name, kwargs.get("style", "none"))

    @property
    def stdout(self) -> str:
        """The name, in the working directory, of the file that holds what the job prints."""
        return OUTPUT_FILE

    @property
    def stderr(self) -> str | None:
        """None: what the job prints to standard error is in the same file, in order."""
        return None

    # -- how much it takes ---------------------------------------------------------------------------------------

    @property
    def cpus(self) -> int:
        """CPU slots it needs."""
        return self.spec.cpus

    @property
    def gpus(self) -> int:
        """GPU slots it needs."""
        return self.spec.gpus

    @property
    def nodes(self) -> int:
        """Nodes it needs."""
        return self.spec.nodes

    def required_resources(self) -> list[dict[str, Any]]:
        """Return what it asks of a resource pool: ``[{"type": str, "slots": int}, …]``."""
        return job_request(self.spec)

    def get_resource_parameters_from_spec(self) -> dict[str, int]:
        """Return the numbers that size the job: cpus, gpus, nodes and further types. Raises InvalidTypeError."""
        return resource_parameters(self.spec)

    @property
    def timeout(self) -> float:
        """The seconds it may take, as its file or the command line says."""
        return self.spec.timeout

    def total_timeout(self) -> float:
        """Return the seconds after which it is ended: its limit times `timeout_multiplier`."""
        return self.timeout * self.timeout_multiplier

    def size(self) -> float:
        """Return the length of the vector of time limit (seconds) and all numbers that size the job."""
        return math.hypot(self.timeout, *resource_parameters(self.spec).values())

    # -- what a program may add ----------------------------------------------------------------------------------

    @property
    @locked
    def attributes(self) -> dict[str, Any]:
        """The attributes of the spec and those set since, as a copy."""
        return copy.deepcopy({**self.spec.attributes, **self._attributes})

    @locked
    def set_attribute(self, name: str, value: Any) -> None:  # noqa: ANN401 - any value that JSON can hold
        """Set one attribute. Raises InvalidTypeError for a value that a state file cannot hold."""
        self._attributes[name] = storable(name, value)

    @locked
    def set_attributes(self, **kwds: Any) -> None:  # noqa: ANN401 - any values that JSON can hold
        """Set several attributes. Raises InvalidTypeError for a value that a state file cannot hold."""
        for name, value in kwds.items():
            self.set_attribute(name, value)

    def get_attribute(self, name: str, default: None = None, /) -> Any | None:  # noqa: ANN401 - any value
        """Return the attribute `name`, or `default` when there is none."""
        return self.attributes.get(name, default)

    def get_environ_from_spec(self) -> dict[str, str | None]:
        """Return the environment variables that the job declares."""
        return dict(self.spec.environment)

    @locked
    def add_variables(self, **kwds: str) -> None:
        """Set environment variables for the job. Raises InvalidTypeError for a value that is not a text."""
        for name, value in kwds.items():
            if not isinstance(value, str):
                raise InvalidTypeError(name, value)
        self.variables.update(kwds)
