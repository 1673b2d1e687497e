"""What follows a crash, a cancel or a lost node: verdicts for jobs that nobody runs, resets, and cleaning up.

`reconcile` is the entry for a batch whose runner died, `cancellation` for a user who ends a run, `reset` for one who
runs jobs again.
"""
