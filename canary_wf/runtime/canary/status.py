"""The verdict on a job, under the module name by which tests import it."""

from .instance import Status

__all__ = ["Status"]
