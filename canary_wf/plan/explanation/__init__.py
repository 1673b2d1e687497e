"""Describes a plan for people: why a job is in its batch, the sums of the plan, and warnings."""
