"""The state of a session: where its files are, events and journals, records of jobs, attempts at batches.

The way of one event: `events` → `recorder` → `journal` → `record` → `job_file`. `session_paths` names all files,
`attempt` says who may write them.
"""
