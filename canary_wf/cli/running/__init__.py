"""Commands that act on a run, and those that the rules of a workflow call (`write_reports`, `gate`, `run_batch`)."""
