"""Recovery after a crash, a cancel or a lost node: verdicts for jobs without a runner, resets, and cleaning up.

`reconcile` is the entry for a batch whose runner died, `cancellation` for a user who ends a run, `reset` for a user who
runs jobs again.
"""
