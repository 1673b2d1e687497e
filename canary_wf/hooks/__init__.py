"""The events of a job's life and who listens: the runner and the workflow's handlers raise them."""
