"""The verdict on a job: statuses, classes of failure, exit codes, and the consequences for retries and downstream jobs.

From an exit code to a verdict: `exit_code` → `status` → `failure_class` → `retry_policy`, `dependency_condition`.
"""
