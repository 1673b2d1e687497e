"""The numbers that jobs are planned by; what they are is the business of `canary_wf.batch.problem`."""

from canary_wf.batch.problem import LOCK, MEMORY, demand_of, problem_of

__all__ = ["LOCK", "MEMORY", "demand_of", "problem_of"]
