"""How jobs end: statuses, classes of failure, exit codes, and what follows for retries and for jobs downstream."""
