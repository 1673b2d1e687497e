"""How jobs end: statuses, classes of failure, exit codes, and what follows for retries and for jobs downstream.

From an exit code to a verdict: `exit_code` → `status` → `failure_class` → `retry_policy`, `dependency_condition`.
"""
