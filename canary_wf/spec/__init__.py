"""What a job is before it runs: its spec, name and id, what it asks for, and the batch it was planned into."""
