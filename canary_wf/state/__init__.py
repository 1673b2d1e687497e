"""The state of a session: where its files are, events and journals, records of jobs, attempts at batches."""
